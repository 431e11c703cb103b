"""Waiting until the views have read far enough."""

import asyncio
import math
import re
import time
from collections.abc import Mapping

from sqlalchemy import select

from ledger.config import bounds
from ledger.errors import LedgerError
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, ReadConnection
from projections.tables import view_positions

# How often the database is asked while somebody waits for what no projector of this process
# follows, however many wait.
POLL_SECONDS = 0.02
# And where one follows it: another process may still be the one that writes.
POLL_FED_SECONDS = 0.25
# A bulk may name all of them.
POSITIONS_MAX = bounds.PARTITIONS_MAX
_POSITION = re.compile(r"([0-9]{1,9}):(-1|[0-9]{1,18})", re.ASCII)
# In front of the first record, as answers name it.
NOTHING = -1


class ViewLagging(LedgerError):
    """The views have not read that far yet; try again shortly."""


class InvalidPosition(ValueError):
    """A position is `partition:offset`, several are separated by commas."""


def parse_positions(text: str, *, least: int = 0, highest: bool = False) -> dict[int, int]:
    """The offset wanted of each partition. Raises InvalidPosition.

    None is below `least`, which is 0, or NOTHING where an answer's position is given back. A
    moment names each partition once. With `highest` the highest counts of what is named of one:
    who waits for several writes puts their positions together.
    """
    parts = text.split(",")
    if len(parts) > POSITIONS_MAX:
        raise InvalidPosition(f"at most {POSITIONS_MAX} positions")
    wanted: dict[int, int] = {}
    for part in parts:
        match = _POSITION.fullmatch(part.strip())
        if match is None or int(match[2]) < least:
            raise InvalidPosition('expected positions such as "3:17" or "3:17,4:2"')
        partition, offset = int(match[1]), int(match[2])
        if not highest and wanted.get(partition, offset) != offset:
            raise InvalidPosition(f"partition {partition} has one position only")
        wanted[partition] = max(offset, wanted.get(partition, least))
    return wanted


async def read_positions(reader: ReadConnection) -> dict[int, int]:
    """The offset of the next record that the views will read, by partition."""
    rows = await reader.all(
        select(view_positions.c.partition, view_positions.c.position).where(
            view_positions.c.view_group == VIEW_GROUP
        )
    )
    return {row["partition"]: row["position"] for row in rows}


class Positions:
    """How far the views are, as far as this process knows. Positions never go back."""

    def __init__(self, database: Database) -> None:
        """Learns from the database, and from a projector of this process that is given this."""
        self._database = database
        self._positions: dict[int, int] = {}
        self._changed = asyncio.Event()
        self._fed: frozenset[int] = frozenset()
        self._looking = asyncio.Lock()
        self._looked_at = -math.inf

    def known(self) -> dict[int, int]:
        """The offset of the next record by partition, as last heard of."""
        return dict(self._positions)

    def advance(self, positions: Mapping[int, int]) -> None:
        """A projector of this process has committed these."""
        self._learn(positions)

    def feed(self, partitions: frozenset[int]) -> None:
        """A projector of this process follows these partitions from now on, and no others."""
        self._fed = partitions

    async def wait_for(self, wanted: Mapping[int, int], timeout_seconds: float) -> None:
        """Return once the views show the records at these offsets.

        Raises ViewLagging if that takes longer, DatabaseUnavailable.
        """
        if not self._missing(wanted):
            return
        await self._look(time.monotonic())
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._wait(wanted)
        except TimeoutError as error:
            raise ViewLagging(
                "; ".join(
                    f"partition {partition} is read up to {self._positions.get(partition, 0)}, "
                    f"{offset} is wanted"
                    for partition, offset in self._missing(wanted).items()
                )
            ) from error

    async def _wait(self, wanted: Mapping[int, int]) -> None:
        while missing := self._missing(wanted):
            changed = self._changed
            seconds = POLL_FED_SECONDS if missing.keys() <= self._fed else POLL_SECONDS
            try:
                async with asyncio.timeout(seconds):
                    await changed.wait()
            except TimeoutError:
                await self._look(time.monotonic() - seconds)

    async def _look(self, since: float) -> None:
        """Ask the database, unless somebody did after `since`; one question at a time."""
        async with self._looking:
            if self._looked_at >= since:
                return
            begun = time.monotonic()
            async with self._database.reader() as reader:
                self._learn(await read_positions(reader))
            self._looked_at = begun

    def _missing(self, wanted: Mapping[int, int]) -> dict[int, int]:
        known = self._positions
        return {
            partition: offset
            for partition, offset in wanted.items()
            if known.get(partition, 0) <= offset
        }

    def _learn(self, positions: Mapping[int, int]) -> None:
        for partition, position in positions.items():
            if position > self._positions.get(partition, 0):
                self._positions[partition] = position
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
