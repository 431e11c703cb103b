"""Keeping alerts: what the views have read and alerts have not is looked through, again and again.

Alerts are made from the movements in the views' database, whose projector has checked the chain,
and written together with the position they reach. The position is moved only from where the range
began, so of two who do the same work one changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable

from ledger.errors import LedgerError
from projections.database import Database, DatabaseUnavailable
from projections.publishers.alert_rules import SiteLevels
from projections.publishers.alert_store import (
    AlertStore,
    Moved,
    Range,
    ranges,
    read_movements,
    read_site_levels,
)

# Between two looks, while nothing is behind.
LOOK_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 5.0
# Offsets that are looked through at once.
RANGE_RECORDS_MAX = 2_000
# Between two pauses for the rest of the event loop.
ROWS_AT_A_TIME = 500

_logger = logging.getLogger(__name__)

Share = Callable[[], frozenset[int] | None]


class AlertKeeper:
    """Keeps the alerts of its share of partitions. Any number may run.

    `failure` says why it stopped, if it did; `trouble` what keeps it waiting. `raised` counts.
    """

    def __init__(self, database: Database, share: Share | None = None) -> None:
        """`database` is open. `share` says which partitions are to be kept, None means all."""
        self.failure: str | None = None
        self.trouble: str | None = None
        self.raised = 0
        self.lag: dict[int, int] = {}
        self._database = database
        self._share = share or (lambda: None)
        self._store = AlertStore(database)

    async def run(self) -> None:
        """Keep alerts until cancelled. What is wrong for good stops it, and only it."""
        delay = LOOK_SECONDS
        try:
            while True:
                try:
                    behind = await self.look()
                except DatabaseUnavailable as error:
                    self.trouble = str(error)
                    _logger.warning("alerts wait: %s", error)
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, BACKOFF_MAX_SECONDS)
                    continue
                self.trouble, delay = None, LOOK_SECONDS
                if not behind:
                    await asyncio.sleep(LOOK_SECONDS)
        except LedgerError as error:
            self._stop(str(error), error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest of the process goes on
            self._stop(repr(error), error)
        finally:
            await self._store.close()
        await asyncio.Event().wait()

    async def look(self) -> bool:
        """Take in the next range of each partition of the share; whether there is more.

        Raises DatabaseUnavailable, WrongLedger.
        """
        async with self._database.reader() as reader:
            found = await ranges(reader)
        share = self._share()
        mine = [one for one in found if share is None or one.partition in share]
        self.lag = {one.partition: max(0, one.end - one.start) for one in mine}
        behind = False
        for one in mine:
            if one.end > one.start:
                part = one._replace(end=min(one.end, one.start + RANGE_RECORDS_MAX))
                await self._take_in(part)
                behind = behind or part.end < one.end
        return behind

    async def _take_in(self, part: Range) -> None:
        async with self._database.reader() as reader:
            movements = await read_movements(reader, part)
            known = await read_site_levels(reader, {one["sku"] for one in movements})
        levels = SiteLevels(part.ledger_id, part.partition, known)
        for number, movement in enumerate(movements, 1):
            levels.add(movement)
            if number % ROWS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        try:
            await self._store.write(part, levels.changed, levels.alerts)
        except Moved:
            return  # somebody else did, and knows more
        self.raised += len(levels.alerts)
        self.lag[part.partition] -= part.end - part.start

    def _stop(self, why: str, error: Exception) -> None:
        self.failure = why
        _logger.error("alerts stop: %s", why, exc_info=error)
