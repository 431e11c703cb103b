"""Whose views these are: rows are shown only if they were made from this process's log."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select

from ledger.domain.facts import Opened
from ledger.errors import WrongLedger
from ledger.events.decoding import Codec
from ledger.log import EventLog
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, ReadConnection
from projections.tables import view_positions

# How long a database that was looked at is taken for the same: somebody may fill it anew.
TRUSTED_SECONDS = 1.0


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
    query = (
        select(view_positions.c.ledger_id)
        .where(view_positions.c.view_group == VIEW_GROUP)
        .distinct()
    )
    return {row["ledger_id"] for row in await reader.all(query)}
