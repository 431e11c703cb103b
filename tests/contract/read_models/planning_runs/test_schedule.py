"""The schedule of the role planner on both databases: which moments are kept, and how often."""

import asyncio

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import create_async_engine

from projections.database import Database
from projections.planning.run_orders import Order
from projections.tables import view_positions
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.planning_runs.making import parameters
from tests.contract.read_models.planning_runs.test_planner import (
    DAY_MS,
    QUICK,
    Clock,
    Held,
    finish,
    kept_since_yesterday,
    planner,
    run_of,
)
from tests.contract.read_models.projecting import project

HOUR_MS = 3_600_000
THREE = 3 * 3_600


class Instances:
    """Two at a time, and the runs that they began, which end at once."""

    def __init__(self, database: Database) -> None:
        """At noon, of one database."""
        self.database = database
        self.clock = Clock()
        self.orders: list[Order] = []

    async def start(self, order: Order) -> Held:
        """Let a run be done."""
        self.orders.append(order)
        await finish(order)
        making = Held(order)
        await making.stop()
        return making

    async def look(self, schedule_s: int | None = THREE) -> int:
        """How many runs two instances begin that were started just now, both at once."""
        both = [
            planner(self.database, self.clock, schedule_s=schedule_s, start=self.start)
            for _ in range(2)
        ]
        found = await asyncio.gather(*(one.look() for one in both))
        begun = [one for one in found if one is not None]
        for one in both:
            for run_id in begun:
                await one.wait(run_id, 30)
            await one.close()
        return len(begun)


@pytest.fixture
async def instances(database: Database) -> Instances:
    """Of views that have read something."""
    log = MemoryLog(1)
    Teller(log).tell(receipt("r", "A"))
    await project(log, database)
    return Instances(database)


async def test_two_instances_keep_one_schedule(instances: Instances) -> None:
    """Each moment is kept once, whoever is there; one that was missed is made up, once."""
    clock = instances.clock
    first = planner(instances.database, clock, schedule_s=THREE)
    await kept_since_yesterday(first, clock)
    await first.close()
    assert await instances.look() == 1  # of today's three o'clock, which nobody kept
    assert await instances.look() == 0
    clock.now_ms += DAY_MS - 10 * HOUR_MS  # two o'clock
    assert await instances.look() == 0
    clock.now_ms += HOUR_MS
    assert await instances.look() == 1
    clock.now_ms += 3 * DAY_MS
    assert [await instances.look(), await instances.look()] == [1, 0]
    assert len(instances.orders) == 3
    made = [await run_of(instances.database, one.lease.run_id) for one in instances.orders]
    assert {one["origin"] for one in made} == {"schedule"}


@pytest.mark.parametrize("asked", [False, True])
async def test_a_new_schedule_begins_with_its_next_moment(
    instances: Instances, asked: bool
) -> None:
    """What was before it is not missed, whatever was asked for; what comes after it is."""
    assert await instances.look(None) == 0
    if asked:
        made = planner(instances.database, instances.clock, start=instances.start)
        await made.wait(await made.begin(parameters(**QUICK)), 30)
        await made.close()
    assert [await instances.look(), await instances.look()] == [0, 0]
    instances.clock.now_ms += 15 * HOUR_MS  # three o'clock
    assert [await instances.look(), await instances.look()] == [1, 0]
    instances.clock.now_ms += 3 * DAY_MS  # with nobody there
    assert [await instances.look(), await instances.look()] == [1, 0]
    assert len(instances.orders) == 2 + asked


async def test_another_time_is_no_new_schedule(instances: Instances) -> None:
    """Its moment of today is made up where yesterday's was the last."""
    instances.clock.now_ms -= 11 * HOUR_MS  # one o'clock
    assert await instances.look() == 0
    assert await instances.look(0) == 1


async def test_each_ledger_has_a_schedule_of_its_own(instances: Instances) -> None:
    """Of views that another ledger came into, what was before is not missed, either."""
    one = planner(instances.database, instances.clock, schedule_s=THREE, start=instances.start)
    assert await one.look() is None
    engine = create_async_engine(instances.database.url)
    async with engine.begin() as connection:
        await connection.execute(update(view_positions).values(ledger_id="another"))
    await engine.dispose()
    assert await one.look() is None
    assert instances.orders == []
    await one.close()
