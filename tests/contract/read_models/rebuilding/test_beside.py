"""What others see of an exchange, whenever they began to read."""

import asyncio

import pytest
from sqlalchemy import func, select

from projections.database import Database
from projections.failures import read_failures
from projections.planning.demand_statements import DEMAND_GROUP
from projections.planning.run_tables import planning_runs
from projections.positions import read_positions
from projections.rebuilding.errors import TablesBehind
from projections.rebuilding.rebuild import rebuild
from projections.tables import movements
from tests.contract.read_models.projecting import project, until
from tests.contract.read_models.rebuilding.ledgers import (
    ORDER,
    Silent,
    execute,
    tell_some,
    told,
)

_COUNT = select(func.count().label("rows")).select_from(movements)


async def test_who_has_read_positions_finds_the_rows_that_they_promise(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that looked at positions alone would see built rows as they were at that time."""
    monkeypatch.setattr("projections.rebuilding.exchange.PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("projections.rebuilding.site_postgres.EXCHANGE_ATTEMPTS", 1)
    log, _ = told()
    await project(log, database)
    async with database.reader() as reader:
        assert await read_positions(reader)
        running = asyncio.create_task(rebuild(log, database, ORDER, hearing := Silent()))
        await until(lambda: running.done() or any("waits" in one for one in hearing.said))
        assert (await reader.all(_COUNT))[0]["rows"] == 24
    assert (await running).swapped


async def test_who_has_read_planning_runs_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not exchanged, but who has read them sees the database as it was then."""
    monkeypatch.setattr("projections.rebuilding.exchange.PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("projections.rebuilding.site_postgres.EXCHANGE_ATTEMPTS", 1)
    log, _ = told()
    await project(log, database)
    async with database.reader() as reader:
        assert await reader.all(select(planning_runs)) == []
        running = asyncio.create_task(rebuild(log, database, ORDER, hearing := Silent()))
        await until(lambda: running.done() or any("waits" in one for one in hearing.said))
        assert (await reader.all(_COUNT))[0]["rows"] == 24
    assert (await running).swapped


async def test_demand_that_was_built_further_is_not_taken_for_a_difference(
    database: Database,
) -> None:
    """The build of an earlier run has all demand; the live views have not come to it yet."""
    log, _ = told()
    await project(log, database)
    order = ORDER._replace(swap=False)
    assert (await rebuild(log, database, order, Silent())).equal
    again = await rebuild(log, database, order, Silent())
    assert (again.resumed, again.equal) == (True, True)
    # A live demand view of another ledger cannot be brought along.
    await execute(
        database,
        f"UPDATE view_positions SET ledger_id = 'x', position = 1"
        f" WHERE view_group = '{DEMAND_GROUP}'",
    )
    ahead = await rebuild(log, database, order, Silent())
    assert (ahead.equal, ahead.not_compared is None) == (None, False)


async def test_after_an_exchange_nothing_is_known_to_be_stopped(database: Database) -> None:
    """What stopped views once would else hold again for those of a restored log."""
    log, _ = told()
    await project(log, database)
    await execute(
        database,
        "INSERT INTO view_failures (view_group, partition, position, fault, why, noticed_ms)"
        " VALUES ('core', 0, 9, 'LogRegressed', 'long ago', 1)",
    )
    async with database.reader() as reader:
        assert await read_failures(reader) == {}
    log.records = [records[:4] for records in log.records]
    assert (await rebuild(log, database, ORDER._replace(restored=True), Silent())).swapped
    async with database.reader() as reader:
        assert await read_failures(reader) == {}


async def test_tables_of_an_older_version_are_migrated_first(database: Database) -> None:
    """What would be built has this version's tables, and a migration would find them changed."""
    log, _ = told()
    await execute(database, "UPDATE alembic_version SET version_num = '0001'")
    order = ORDER._replace(compare=False)
    with pytest.raises(TablesBehind, match=r"at 0001, .* stockledger migrate first"):
        await rebuild(log, database, order, Silent())


async def test_views_that_follow_while_it_begins(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is appended and projected behind the answer of the log is no other history."""
    log, tellers = told()
    await project(log, database)
    end = log.end
    grown = False

    async def growing(partition: int) -> int:
        nonlocal grown
        before = await end(partition)
        if not grown and partition == log.partitions - 1:
            grown = True
            for teller in tellers:
                tell_some(teller, f"late{teller.partition}")
            await project(log, database)
        return before

    monkeypatch.setattr(log, "end", growing)
    assert (await rebuild(log, database, ORDER, Silent())).swapped
    assert grown
