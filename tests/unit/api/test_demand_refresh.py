"""The demand view follows the others by itself, and says where it cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from api import demand_refresh
from api.demand_refresh import DemandRefresh
from api.gauges import ViewLag
from projections.database import Database
from projections.migrate import upgrade
from projections.planning.catching_up import DemandRefused, catch_up
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import project, until
from tests.waiting import eventually


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An SQLite file with its tables."""
    url = f"sqlite:///{tmp_path / 'views.db'}"
    await upgrade(url)
    opened = Database(url)
    await opened.open()
    yield opened
    await opened.close()


@asynccontextmanager
async def refreshing(log: MemoryLog, database: Database) -> AsyncIterator[DemandRefresh]:
    """A refresh at work, which rests for a moment only."""
    refresh = DemandRefresh(log, database, 0.01)
    task = asyncio.create_task(refresh.run())
    try:
        yield refresh
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def lags(log: MemoryLog, database: Database) -> list[str]:
    """The gauges of both lags."""
    lag = ViewLag(log, database)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(lag)
    await lag.refresh()
    lines = generate_latest(registry).decode().splitlines()
    return [line.removeprefix("stockledger_") for line in lines if line[0] != "#"]


async def caught_up(log: MemoryLog, database: Database) -> None:
    """Return once nothing is left to read."""

    async def nothing_left() -> bool:
        return 'demand_lag_records{partition="0"} 0.0' in await lags(log, database)

    await eventually(nothing_left)


async def test_it_follows_the_other_views(database: Database) -> None:
    """Again and again; the gauge says how far it is behind."""
    log = MemoryLog(1)
    teller = Teller(log, 0)
    for number in range(3):
        teller.tell(receipt(f"r{number}", "A"))
    await project(log, database)
    assert await lags(log, database) == [
        'view_lag_records{partition="0"} 0.0',
        'demand_lag_records{partition="0"} 4.0',
        'history_lag_records{partition="0"} 4.0',
    ]
    async with refreshing(log, database) as refresh:
        await caught_up(log, database)
        teller.tell(receipt("more", "A"))
        await project(log, database)
        await caught_up(log, database)
        assert refresh.reasons() == []


async def test_what_is_wrong_is_a_reason_until_it_is_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of its class, since what a database says may name hosts."""
    log = MemoryLog(1)
    Teller(log, 0).tell(receipt("r", "A"))
    await project(log, database)
    wrong = True

    async def failing(of: Database) -> object:
        if wrong:
            raise DemandRefused("host-7.secret said no")
        return await catch_up(of)

    monkeypatch.setattr(demand_refresh, "catch_up", failing)
    async with refreshing(log, database) as refresh:
        await until(lambda: refresh.reasons() != [])
        (reason,) = refresh.reasons()
        assert reason.startswith("the demand view: The database cannot hold the sums")
        wrong = False
        await until(lambda: refresh.reasons() == [])
        await caught_up(log, database)


async def test_views_are_loaded_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """While they are far behind the log nothing is taken from the database's time."""
    log = MemoryLog(1)
    teller = Teller(log, 0)
    teller.tell(receipt("r", "A"))
    await project(log, database)
    monkeypatch.setattr(demand_refresh, "LOADING_RECORDS_MIN", 3)
    for number in range(3):
        teller.tell(receipt(f"r{number}", "A"))
    looked = 0
    end = log.end

    async def counted(partition: int) -> int:
        nonlocal looked
        looked += 1
        return await end(partition)

    monkeypatch.setattr(log, "end", counted)
    async with refreshing(log, database):
        await until(lambda: looked > 3)
        assert (await lags(log, database))[1] == 'demand_lag_records{partition="0"} 2.0'
        await project(log, database)
        await caught_up(log, database)
