"""The role planner on both databases: its processes, kills, two instances."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from projections.database import Database
from projections.planning import runs
from projections.planning.parameters import Parameters
from projections.planning.planner import Making, NoLedger, Plan, Planner
from projections.planning.run_fields import planning_results
from projections.planning.run_orders import Order, RunProcess, now_ms
from projections.planning.run_retention import Kept
from projections.planning.run_tables import planning_events, planning_locks, planning_runs
from projections.planning.run_writer import PlanningWriter
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.planning_runs.making import parameters
from tests.contract.read_models.projecting import project

DAY_MS = 86_400_000
NOON_MS = 20_500 * DAY_MS + DAY_MS // 2
QUICK: dict[str, Any] = {"as_of": None, "forecast": {"enabled": False}}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        """Noon of some day."""
        self.now_ms = NOON_MS

    def __call__(self) -> int:
        return self.now_ms


class Held:
    """A run that does nothing until it is let go or stopped."""

    def __init__(self, order: Order) -> None:
        """For this order."""
        self.order = order
        self.stopped = False
        self._end = asyncio.Event()

    async def wait(self) -> int:
        """Until the end."""
        await self._end.wait()
        return 0

    async def stop(self) -> None:
        """End it."""
        self.stopped = True
        self._end.set()


@pytest.fixture
async def filled(database: Database) -> Database:
    """Views that have read something."""
    log = MemoryLog(2)
    teller = Teller(log)
    Teller(log, 1)
    for number in range(3):
        teller.tell(receipt(f"r{number}", "ABC"[number]))
    await project(log, database)
    return database


def planner(database: Database, clock: Clock, **options: Any) -> Planner:
    """A planner with default parameters, whose clock is the test's."""
    plan = Plan(code_version="1", kept=Kept(5, 90), schedule_s=options.pop("schedule_s", None))
    scheduled = options.pop("scheduled", lambda: parameters(**QUICK))
    return Planner(database, plan, scheduled, clock=clock, **options)


async def kept_since_yesterday(made: Planner, clock: Clock) -> None:
    """Let a schedule have begun a day ago, with a look that makes nothing."""
    clock.now_ms -= DAY_MS
    assert await made.look() is None
    clock.now_ms += DAY_MS


async def run_of(database: Database, run_id: str) -> dict[str, Any]:
    """The row of a run."""
    async with database.reader() as reader:
        row = await reader.first(select(planning_runs).where(planning_runs.c.run_id == run_id))
    assert row is not None
    return dict(row)


async def test_a_run_in_its_own_process(filled: Database) -> None:
    """It is done when its process has ended, and was made by another process than this one."""
    made = planner(filled, Clock())
    run_id = await made.begin(parameters(**QUICK))
    await made.wait(run_id, 60)
    run = await run_of(filled, run_id)
    assert (run["state"], run["reason"]) == ("done", None)
    assert run["positions"] == '{"0":4,"1":1}'
    await made.close()


async def test_a_run_deletes_old_events(filled: Database) -> None:
    """Those of more days ago than are kept; the number of the last one is not lost."""
    writer = PlanningWriter(filled.url.render_as_string(hide_password=False))
    now = now_ms()
    async with writer.transaction() as connection:
        for sequence, days in enumerate((92, 91, 89, 0), 1):
            row = (sequence, "r", f"e{sequence}", "t", "A", "", now - days * DAY_MS, "{}")
            await connection.execute(insert(planning_events).values(row))
    await writer.close()
    made = planner(filled, Clock())
    await made.wait(await made.begin(parameters(**QUICK)), 60)
    await made.close()
    async with filled.reader() as reader:
        rows = await reader.all(select(planning_events.c.sequence).order_by("sequence"))
    assert [row["sequence"] for row in rows] == [3, 4]


async def test_a_killed_run_has_failed(filled: Database) -> None:
    """At once where its planner lives on; nothing of it is seen, and the next one is made."""
    started: list[RunProcess] = []

    async def start(order: Order) -> Making:
        started.append(await RunProcess.start(order))
        started[0].kill()
        return started[0]

    made = planner(filled, Clock(), start=start)
    run_id = await made.begin(parameters(**QUICK))
    await made.wait(run_id, 60)
    run = await run_of(filled, run_id)
    assert (run["state"], run["reason"]) == ("failed", runs.INTERRUPTED)
    await made.close()
    after = planner(filled, Clock())
    next_id = await after.begin(parameters(**QUICK))
    await after.wait(next_id, 60)
    assert (await run_of(filled, next_id))["state"] == "done"
    await after.close()
    async with filled.reader() as reader:
        rows = await reader.all(select(planning_results.c.run_id).distinct())
    assert [row["run_id"] for row in rows] == [next_id]


async def test_a_planner_that_stops_ends_its_run(filled: Database) -> None:
    """And says so."""
    held: list[Held] = []

    async def start(order: Order) -> Making:
        held.append(Held(order))
        return held[0]

    made = planner(filled, Clock(), start=start)
    run_id = await made.begin(parameters(**QUICK))
    await asyncio.sleep(0.05)
    with pytest.raises(runs.RunInProgress) as refused:
        await made.begin(parameters(**QUICK))
    assert refused.value.run_id == run_id
    await made.close()
    assert held[0].stopped
    run = await run_of(filled, run_id)
    assert (run["state"], run["reason"]) == ("failed", runs.INTERRUPTED)


async def test_why_a_run_failed(filled: Database) -> None:
    """Is stored with it, in the words of the error."""
    made = planner(filled, Clock())
    wanted: Parameters = parameters(
        abc={"basis": "margin"}, forecast={"enabled": False}, as_of=None
    )
    run_id = await made.begin(wanted)
    await made.wait(run_id, 60)
    run = await run_of(filled, run_id)
    assert run["state"] == "failed"
    assert "abc.basis" in run["reason"]
    await made.close()


async def finish(order: Order) -> None:
    """Let a run be done."""
    writer = PlanningWriter(order.database_url)
    async with writer.transaction() as connection:
        await runs.renew(writer, connection, order.lease)
        await runs.finish(connection, order.lease, finished_ms=NOON_MS, digest="d")
    await writer.close()


async def silence(database: Database) -> None:
    """Let whoever makes a run have said nothing for too long."""
    writer = PlanningWriter(database.url.render_as_string(hide_password=False))
    async with writer.transaction() as connection:
        silent = planning_locks.c.renewed_s - runs.SILENT_SECONDS_MAX - 1
        await connection.execute(update(planning_locks).values(renewed_s=silent))
    await writer.close()


async def test_two_instances_make_a_killed_run_again(filled: Database) -> None:
    """Whichever notices, at its next look; after the third time it stays failed until tomorrow."""
    clock = Clock()
    held: list[Held] = []

    async def start(order: Order) -> Making:
        held.append(Held(order))
        return held[-1]

    both = [planner(filled, clock, schedule_s=3 * 3_600, start=start) for _ in range(2)]
    await kept_since_yesterday(both[0], clock)

    async def look() -> list[str]:
        found = await asyncio.gather(*(one.look() for one in both))
        await asyncio.sleep(0.05)
        return [one for one in found if one is not None]

    async def kill(number: int) -> None:
        await held[number].stop()
        for one in both:
            await one.wait(held[number].order.lease.run_id, 30)

    (first,) = await look()
    assert await look() == []  # it is being made
    await silence(filled)  # with its planner, which can say nothing
    (second,) = await look()
    assert len({first, second}) == 2
    await kill(0)  # who wakes up late changes nothing
    assert await look() == []
    await kill(1)
    (third,) = await look()
    await kill(2)
    assert await look() == []
    found = [await run_of(filled, one) for one in (first, second, third)]
    assert {(run["state"], run["reason"]) for run in found} == {("failed", runs.INTERRUPTED)}
    clock.now_ms += DAY_MS
    (tomorrow,) = await look()
    await finish(held[3].order)
    await kill(3)
    assert (await run_of(filled, tomorrow))["state"] == "done"
    assert await look() == []
    for one in both:
        await one.close()


async def test_a_scheduled_run_that_failed_is_not_made_again(filled: Database) -> None:
    """Whatever it failed for would be there again."""
    clock = Clock()

    async def start(order: Order) -> Making:
        writer = PlanningWriter(order.database_url)
        await runs.fail(writer, order.lease, "InvalidParameters: too much", NOON_MS)
        await writer.close()
        making = Held(order)
        await making.stop()
        return making

    made = planner(filled, clock, schedule_s=3 * 3_600, start=start)
    await kept_since_yesterday(made, clock)
    run_id = await made.look()
    assert run_id is not None
    await made.wait(run_id, 30)
    assert (await run_of(filled, run_id))["reason"] == "InvalidParameters: too much"
    assert await made.look() is None
    await made.close()


async def test_without_a_ledger_there_is_no_plan(database: Database) -> None:
    """Asked for it is a fault that passes; the schedule waits."""
    made = planner(database, Clock(), schedule_s=0)
    assert await made.look() is None
    with pytest.raises(NoLedger):
        await made.begin(parameters(**QUICK))
    await made.close()
