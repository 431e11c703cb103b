"""Keeping alerts: what the views have read and alerts have not is looked through, again and again.

Alerts are made from the movements in the views' database, whose projector has checked the chain,
and written together with the position they reach. The position is moved only from where the range
began, so of two who do the same work one changes nothing.
"""

import asyncio
from collections.abc import Callable

from projections.database import Database
from projections.publishers.alert_rules import SiteLevels
from projections.publishers.alert_store import (
    AlertStore,
    Moved,
    Range,
    ranges,
    read_movements,
    read_site_levels,
)

# Offsets that are looked through at once.
RANGE_RECORDS_MAX = 2_000
# Between two pauses for the rest of the event loop.
ROWS_AT_A_TIME = 500

Share = Callable[[], frozenset[int] | None]


class AlertKeeper:
    """Keeps the alerts of its share of partitions. Any number may run.

    `failure` says why it stopped, if it did; `trouble` what keeps it waiting. `raised` counts.
    """

    def __init__(self, database: Database, share: Share | None = None) -> None:
        """`database` is open. `share` says which partitions are to be kept, None means all."""
        self.name = "alerts"
        self.failure: str | None = None
        self.trouble: str | None = None
        self.raised = 0
        self.lag: dict[int, int] = {}
        self._database = database
        self._share = share or (lambda: None)
        self._store = AlertStore(database)

    async def close(self) -> None:
        """Let go of the database."""
        await self._store.close()

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
