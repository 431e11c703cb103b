"""Whether this process can do what its roles ask, and if not, why."""

import asyncio
from collections.abc import Callable
from typing import Final

from sqlalchemy import text

from ledger.errors import LedgerError
from ledger.log import EventLog
from projections.database import Database
from projections.runner import Projector

LOG_CHECK_SECONDS: Final = 60.0
DATABASE_ANSWER_SECONDS_MAX: Final = 2.0

Reasons = Callable[[], list[str]]


class Readiness:
    """Collects the reasons of all parts."""

    def __init__(self, database: Database) -> None:
        """The database is asked each time; the others know by themselves."""
        self._database = database
        self._parts: list[Reasons] = []

    def add(self, part: Reasons) -> None:
        """Ask this part too."""
        self._parts.append(part)

    async def reasons(self) -> list[str]:
        """Why this process is not ready, in sentences; empty if it is."""
        reasons = [reason for part in self._parts for reason in part()]
        try:
            async with (
                asyncio.timeout(DATABASE_ANSWER_SECONDS_MAX),
                self._database.reader() as reader,
            ):
                await reader.first(text("SELECT 1"))
        except (LedgerError, TimeoutError):
            reasons.append("the views' database does not answer")
        return reasons


def projector_reasons(projector: Projector) -> list[str]:
    """What keeps the views of this process from following the log."""
    reasons = [
        f"the views stopped at {partition}:{offset}: {why}"
        for partition, (offset, why) in sorted(projector.failures.items())
    ]
    # Readiness is open to everybody, and what a database or broker says may name hosts.
    if projector.trouble is not None:
        reasons.append("the views cannot read on at the moment")
    return reasons


class LogWatch:
    """Looks at the log's configuration again and again: somebody may change it under us."""

    def __init__(self, log: EventLog) -> None:
        """The first look was when the log was opened."""
        self._log = log
        self._wrong: list[str] = []

    def wrong(self) -> list[str]:
        """What was wrong when it was last looked at."""
        return self._wrong

    async def run(self) -> None:
        """Look once a minute, for ever."""
        while True:
            await asyncio.sleep(LOG_CHECK_SECONDS)
            try:
                self._wrong = await self._log.check()
            except LedgerError as error:
                self._wrong = [(type(error).__doc__ or "").split("\n", 1)[0]]
