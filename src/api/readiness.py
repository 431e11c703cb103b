"""Whether this process can do what its roles ask, and if not, why."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Final, NamedTuple, Protocol

import structlog
from prometheus_client import CollectorRegistry

from api.faults import FAULTS
from ledger.ending import end
from ledger.errors import LedgerError, WrongLedger
from projections.database import DatabaseUnavailable
from projections.identity import LedgerViews
from projections.runner import Projector

LOG_CHECK_SECONDS: Final = 60.0
# Sooner while something is wrong, so that nobody is unready for longer than need be.
LOG_CHECK_AGAIN_SECONDS: Final = 2.0
DATABASE_ANSWER_SECONDS_MAX: Final = 2.0

Reasons = Callable[[], list[str]]

_log = structlog.get_logger("api.readiness")


class Readiness:
    """Collects the reasons of all parts."""

    def __init__(self, views: LedgerViews) -> None:
        """The views are asked each time; the others know by themselves."""
        self._views = views
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
                self._views.database.reader() as reader,
            ):
                await self._views.check(reader)
        except WrongLedger as error:
            reasons.append(f"the views cannot be shown: {error}")
        except (DatabaseUnavailable, TimeoutError) as error:
            FAULTS.of_error(error)
            reasons.append("the views' database does not answer")
        except LedgerError as error:
            reasons.append(in_public(error))
        return reasons


def projector_reasons(projector: Projector) -> list[str]:
    """What keeps the views of this process from following the log."""
    reasons = [
        f"the views stopped at {partition}:{failure.offset}: {failure.sentence}"
        for partition, failure in sorted(projector.failures.items())
    ]
    # Readiness is open to everybody, and what a database or broker says may name hosts.
    if projector.trouble is not None:
        reasons.append("the views cannot read on at the moment")
    if projector.group_failure is not None:
        reasons.append("the projectors' group is not joined")
    return reasons


class Checked(Protocol):
    """Something that lies where others could change it."""

    async def check(self) -> list[str]:
        """What is wrong with it now, each in a sentence; empty if nothing."""
        ...


class LogWatch:
    """Looks at the log's configuration again and again: somebody may change it under us."""

    def __init__(self, log: Checked, *, every_seconds: float = LOG_CHECK_SECONDS) -> None:
        """The first look was when the log was opened."""
        self._log = log
        self._every_seconds = every_seconds
        self._wrong: list[str] = []

    def wrong(self) -> list[str]:
        """What was wrong when it was last looked at."""
        return self._wrong

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            soon = min(self._every_seconds, LOG_CHECK_AGAIN_SECONDS)
            await asyncio.sleep(soon if self._wrong else self._every_seconds)
            try:
                self._wrong = await self._log.check()
            except LedgerError as error:
                self._wrong = [in_public(error)]
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look comes
                _log.exception("log_check_failed")
                self._wrong = [f"the log could not be checked: {in_public(error)}"]


class Tasks:
    """The work in the background. What ends before the process does is a reason, and is logged."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """Each task is cancelled when `stack` is left."""
        self._stack = stack
        self._ended: dict[str, str] = {}
        self._expected: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None], name: str) -> None:
        """Begin work that goes on until the process ends."""
        task = asyncio.create_task(work, name=name)
        self._stack.push_async_callback(self.cancel, task)
        self.watch(task)

    def watch(self, task: "asyncio.Task[None]", *, may_return: bool = False) -> None:
        """Report the task's end; unless `may_return`, also if nothing is wrong with it."""

        def ended(task: "asyncio.Task[None]") -> None:
            if task in self._expected:
                return
            error = None if task.cancelled() else task.exception()
            if error is None and may_return and not task.cancelled():
                return
            why = "it was cancelled" if task.cancelled() else "it returned"
            name = task.get_name()
            self._ended[name] = why if error is None else in_public(error)
            _log.error("task_ended", task=name, why=self._ended[name], exc_info=error)

        task.add_done_callback(ended)

    async def cancel(self, task: "asyncio.Task[None]") -> None:
        """End a task that is not needed any more."""
        self._expected.add(task)
        await end(task)

    def ended(self) -> list[str]:
        """Which tasks ended too early, and why."""
        return [f"task {name} ended: {why}" for name, why in sorted(self._ended.items())]


class Parts(NamedTuple):
    """Where a part of the process reports to."""

    readiness: Readiness
    tasks: Tasks
    registry: CollectorRegistry


def in_public(error: BaseException) -> str:
    """An error in the words of its class: its own may name hosts, files and users."""
    if isinstance(error, LedgerError):
        return (type(error).__doc__ or "").split("\n", 1)[0]
    return type(error).__name__
