"""The role `planner`: starts runs when they are asked for and when the schedule says so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec
from uuid6 import uuid7

from ledger.errors import LedgerError
from projections.database import Database, DatabaseUnavailable
from projections.identity import views_ledger_ids
from projections.planning import runs
from projections.planning.parameters import InvalidParameters, Parameters
from projections.planning.run_names import check_names
from projections.planning.run_orders import Order, RunProcess, now_ms
from projections.planning.run_retention import Kept
from projections.planning.run_writer import PlanningWriter
from projections.planning.runs import Lease, NewRun, Origin

LOOK_SECONDS: Final = 5.0
DAY_SECONDS: Final = 86_400

_logger = logging.getLogger(__name__)


class NoLedger(LedgerError):
    """The views have read nothing of the ledger yet, so there is nothing to plan."""


class Making(Protocol):
    """A run that is being made somewhere."""

    async def wait(self) -> int:
        """Return when it has ended."""
        ...

    async def stop(self) -> None:
        """End it; it is marked as failed."""
        ...


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a planner works: `schedule_s` is the second of the UTC day of the daily run, if any."""

    code_version: str
    kept: Kept
    schedule_s: int | None = None


class Planner:
    """Makes runs, one at a time for a ledger, whichever process they are asked of."""

    def __init__(
        self,
        database: Database,
        plan: Plan,
        scheduled: Callable[[], Parameters],
        *,
        start: Callable[[Order], Awaitable[Making]] = RunProcess.start,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`database` is open. `scheduled` gives the parameters of the daily run of this moment.

        `start` begins to make a run; `clock` gives milliseconds since 1970.
        """
        self._database = database
        self._url = database.url.render_as_string(hide_password=False)
        self._writer = PlanningWriter(self._url)
        self._plan = plan
        self._scheduled = scheduled
        self._start = start
        self._clock = clock
        self._making: dict[str, asyncio.Task[None]] = {}
        # The ledger whose schedule is known to have begun.
        self._keeps: str | None = None

    async def begin(
        self, parameters: Parameters, origin: Origin = "request", slot_s: int | None = None
    ) -> str:
        """Begin a run; its id. It goes on by itself.

        Raises RunInProgress, SlotTaken, NoLedger, DatabaseUnavailable.
        """
        ledger_id = await self._ledger_id()
        lease = Lease(ledger_id, str(uuid7()), str(uuid7()))
        await runs.begin(
            self._writer,
            NewRun(
                lease=lease,
                parameters=parameters,
                origin=origin,
                code_version=self._plan.code_version,
                started_ms=self._clock(),
                slot_s=slot_s,
            ),
        )
        order = Order(self._url, lease, parameters, self._plan.kept)
        task = asyncio.create_task(self._make(order), name=f"planning-run-{lease.run_id}")
        self._making[lease.run_id] = task
        task.add_done_callback(lambda _: self._making.pop(lease.run_id, None))
        return lease.run_id

    async def wait(self, run_id: str, seconds: float) -> None:
        """Return when a run that was begun here has ended, or after so many seconds."""
        task = self._making.get(run_id)
        if task is not None:
            await asyncio.wait({task}, timeout=seconds)

    async def run(self) -> None:
        """Keep the schedule, and mark as failed what fell silent, until cancelled."""
        try:
            while True:
                try:
                    await self.look()
                except LedgerError as error:
                    _logger.warning("planning waits: %s", error)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self.close()

    async def look(self) -> str | None:
        """Begin the run that is due, if one is and nobody else made it; its id.

        One that was killed is due again, up to `runs.SLOT_ATTEMPTS_MAX` times. A ledger's first
        schedule begins with the first moment after it is seen.
        """
        try:
            ledger_id = await self._ledger_id()
        except NoLedger:
            return None
        ended = await runs.reap(self._writer, ledger_id, self._clock())
        if ended is not None:
            _logger.warning("the planning run %s fell silent and is marked as failed", ended)
        slot_s = self._due()
        if slot_s is None:
            return None
        if self._keeps != ledger_id:
            await runs.begin_schedule(self._writer, ledger_id, slot_s)
            self._keeps = ledger_id
        if not await runs.is_due(self._database, ledger_id, slot_s):
            return None
        parameters = self._scheduled()
        try:
            run_id = await self.begin(parameters, "schedule", slot_s)
        except (runs.SlotTaken, runs.RunInProgress):
            return None  # somebody else makes it, or it comes after the one that is being made
        await self._tell_unknown(run_id, parameters)
        return run_id

    async def _tell_unknown(self, run_id: str, parameters: Parameters) -> None:
        """Log a name that nothing bears: nobody is there to be refused, and the others are planned.

        Once a run, hence after it is begun.
        """
        async with self._database.reader() as reader:
            try:
                await check_names(reader, parameters)
            except InvalidParameters as error:
                _logger.warning("planning_parameters of the run %s: %s", run_id, error)

    async def close(self) -> None:
        """End what is being made here."""
        for task in list(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)
        await self._writer.close()

    def _due(self) -> int | None:
        """The newest moment of the schedule that has passed, in seconds since 1970."""
        if self._plan.schedule_s is None:
            return None
        now_s = self._clock() // 1000
        today = now_s - now_s % DAY_SECONDS + self._plan.schedule_s
        return today if today <= now_s else today - DAY_SECONDS

    async def _make(self, order: Order) -> None:
        """Follow the making of a run; where that ends without a word, the run has failed."""
        making: Making | None = None
        try:
            making = await self._start(order)
            await making.wait()
        except asyncio.CancelledError:
            if making is not None:
                await making.stop()
            raise
        finally:
            await self._settle(order.lease)

    async def _settle(self, lease: Lease) -> None:
        """Give the lock back if the process that made the run could not."""
        try:
            await runs.fail(self._writer, lease, runs.INTERRUPTED, self._clock())
        except DatabaseUnavailable as error:
            _logger.warning("the end of planning run %s is noted later: %s", lease.run_id, error)

    async def _ledger_id(self) -> str:
        async with self._database.reader() as reader:
            found = await views_ledger_ids(reader)
        if len(found) != 1:
            raise NoLedger
        return found.pop()
