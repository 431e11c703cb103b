"""Whose views these are: rows are shown only if they were made from this process's log."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select

from ledger.domain.facts import Opened
from ledger.errors import LogRegressed, LogUnavailable, WrongLedger
from ledger.events.chain import link
from ledger.events.decoding import Codec
from ledger.log import EventLog
from projections.checkpoints import VIEW_GROUP, Checkpoint
from projections.database import Database, ReadConnection
from projections.tables import view_positions

# How long a database that was looked at is taken for the same: somebody may fill it anew.
TRUSTED_SECONDS = 1.0
# How long a log may look shorter than it was, as `writer.recovery` says.
SHORT_SECONDS = 35.0
_RETRY_SECONDS = 0.5
# For conditions of tables that outlive the views, and have rows of whatever ledger these were of.
LEDGERS_OF_VIEWS = (
    select(view_positions.c.ledger_id).where(view_positions.c.view_group == VIEW_GROUP).distinct()
)

_logger = logging.getLogger(__name__)


class LedgerViews:
    """The views of one ledger, which is the one of the log."""

    def __init__(self, log: EventLog, database: Database) -> None:
        """Both are open."""
        self._log = log
        self.database = database
        self._ledger_id = ""
        self._trusted_until = 0.0

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[ReadConnection]:
        """A connection to views of this ledger, and of no other.

        Raises WrongLedger, DatabaseUnavailable, and LogUnavailable as long as the log did not say
        which ledger it is.
        """
        async with self.database.reader() as reader:
            if time.monotonic() >= self._trusted_until:
                await self.check(reader)
            yield reader

    async def check(self, reader: ReadConnection) -> None:
        """Raise WrongLedger if the views are those of another ledger. Empty ones are nobody's."""
        found = await views_ledger_ids(reader)
        if not found:
            return
        own = await self._own_id()
        if found != {own}:
            self._trusted_until = 0.0
            of_log = f"the log is of ledger {own}" if own else "the log is not opened yet"
            raise WrongLedger(f"the views are of ledger {', '.join(sorted(found))}, {of_log}")
        self._trusted_until = time.monotonic() + TRUSTED_SECONDS

    async def check_past(self) -> None:
        """Ask whether the log still has what the views have read of it. Whoever writes on a log
        that was restored from an older copy gives away places that callers were told of.

        Raises LogRegressed if the log ends before that, WrongLedger if another record lies there,
        LogUnavailable, DatabaseUnavailable. Views of another ledger say nothing of this one.
        """
        own = await self._own_id()
        async with self.database.reader() as reader:
            stored = await _checkpoints(reader)
        for partition, checkpoint in sorted(stored.items()):
            if checkpoint.ledger_id == own:
                await self._check_length(partition, checkpoint)
                await self._check_head(partition, checkpoint)

    async def _check_length(self, partition: int, stored: Checkpoint) -> None:
        give_up_at = time.monotonic() + SHORT_SECONDS
        said = False
        while (end := await self._log.end(partition)) < stored.position:
            text = (
                f"partition {partition} ends at {end}, and the views have read it up to "
                f"{stored.position}"
            )
            if time.monotonic() > give_up_at:
                raise LogRegressed(
                    f"{text}; if an older copy was put in its place on purpose, delete views and "
                    "snapshots (docs/backup.md)"
                )
            if not said:
                _logger.warning("%s; it is looked at again for %g s", text, SHORT_SECONDS)
                said = True
            await asyncio.sleep(_RETRY_SECONDS)

    async def _check_head(self, partition: int, stored: Checkpoint) -> None:
        offset = stored.head_offset
        if offset < 0:
            return
        part = await self._log.read(partition, offset, records_max=1)
        if part.next_offset <= offset:
            raise LogUnavailable(f"partition {partition} is not shown to its end")
        for record in part.records:
            hashed = link(partition, record.offset, record.key, record.value)
            if record.offset == offset and record.counts and hashed == stored.head:
                return
        raise WrongLedger(
            f"partition {partition}, offset {offset}: this is not the record that the views have "
            "read there; if an older copy was put in the log's place on purpose, delete views and "
            "snapshots (docs/backup.md)"
        )

    async def _own_id(self) -> str:
        """The ledger that the log's first record names; empty while there is none."""
        if not self._ledger_id:
            records = (await self._log.read(0, 0, records_max=1)).records
            if records and records[0].counts:
                _, fact = Codec().decode(records[0])
                self._ledger_id = fact.ledger_id if isinstance(fact, Opened) else ""
        return self._ledger_id


async def views_ledger_ids(reader: ReadConnection) -> set[str]:
    """Every ledger that the views were made from: none, one, or a mistake."""
    return {row["ledger_id"] for row in await reader.all(LEDGERS_OF_VIEWS)}


async def _checkpoints(reader: ReadConnection) -> dict[int, Checkpoint]:
    columns = view_positions.c
    query = select(view_positions).where(columns.view_group == VIEW_GROUP)
    return {
        row["partition"]: Checkpoint(
            row["ledger_id"], row["position"], row["head"], row["head_offset"]
        )
        for row in await reader.all(query)
    }
