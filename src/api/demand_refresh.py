"""The demand view kept near the other views, in the role `planner`.

Answers do not depend on it: what it has not read yet they sum up themselves. It makes them quick.
"""

import asyncio
from typing import Final

import structlog

from api.readiness import in_public
from ledger.errors import LedgerError
from ledger.log import EventLog
from projections.database import Database
from projections.planning.catching_up import catch_up
from projections.positions import read_positions
from projections.runner import LOADING_RECORDS_MIN

# After a failure, or while views are loaded, it is looked again after so long.
AGAIN_SECONDS: Final = 5.0

_log = structlog.get_logger("api.demand")


class DemandRefresh:
    """Catches up again and again. Any number of processes may do it."""

    what = "the demand view"

    def __init__(self, log: EventLog, database: Database, every_seconds: float) -> None:
        """Both are open. `every_seconds` lie between the end of one time and the next."""
        self._log = log
        self._database = database
        self._every_seconds = every_seconds
        self._trouble: str | None = None

    def reasons(self) -> list[str]:
        """What keeps the demand view of this process from following the others."""
        return [] if self._trouble is None else [f"{self.what}: {self._trouble}"]

    async def run(self) -> None:
        """Catch up for ever. What fails is tried again, and is a reason until it succeeds."""
        while True:
            pause = self._every_seconds
            try:
                if await self._loading():
                    pause = min(pause, AGAIN_SECONDS)
                else:
                    await self._catch_up()
                self._trouble = None
            except LedgerError as error:
                pause = min(pause, AGAIN_SECONDS)
                if self._trouble is None:
                    _log.warning(
                        "refresh_failed", of=self.what, fault=type(error).__name__, why=str(error)
                    )
                # Readiness is open to everybody, and what a database says may name hosts.
                self._trouble = in_public(error)
            await asyncio.sleep(pause)

    async def _catch_up(self) -> None:
        await catch_up(self._database)

    async def _loading(self) -> bool:
        """Whether the views are far behind the log: they are loaded first, at full speed."""
        async with self._database.reader() as reader:
            positions = await read_positions(reader)
        behind = 0
        for partition in range(self._log.partitions):
            behind += max(0, await self._log.end(partition) - positions.get(partition, 0))
        return behind >= LOADING_RECORDS_MIN
