"""Catching up that is cut off, refused, or meets views that are not what they were."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.domain.movements import Adjustment, Pick, Receipt, Transfer
from ledger.errors import WrongLedger
from projections.database import Database, DatabaseUnavailable
from projections.planning import demand_postgres, demand_sqlite
from projections.planning.catching_up import DemandRefused, catch_up
from projections.planning.demand_statements import ENTRIES_MAX
from projections.planning.reading import DemandNotReady, Wanted, read_days
from projections.positions import ViewLagging
from projections.tables import sku_days, sku_sites
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.planning.histories import Story
from tests.contract.read_models.planning.test_demand import check
from tests.contract.read_models.projecting import count, project


async def change(database: Database, statement: str) -> None:
    """Write into the views behind everybody's back."""
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


@pytest.mark.parametrize("statements", [0, 1, 2])
async def test_what_is_cut_off_in_the_middle_has_not_happened(
    database: Database, monkeypatch: pytest.MonkeyPatch, statements: int
) -> None:
    """After the position was moved, between the statements, and before the end."""
    story = Story(21).go_on(120)
    await project(story.log, database)
    module: Any = demand_sqlite if database.is_sqlite else demand_postgres
    right = module.add
    calls = 0

    def cut_off(part: Any) -> tuple[str, ...]:
        nonlocal calls
        calls += 1
        some: tuple[str, ...] = right(part)
        return some if calls == 1 else (*some[:statements], "SELECT no_such_function(1)")

    monkeypatch.setattr(module, "add", cut_off)
    with pytest.raises(DatabaseUnavailable):
        await catch_up(database, records_max=20)
    assert calls == 2
    await check(database, story)
    monkeypatch.setattr(module, "add", right)
    await catch_up(database, records_max=30)
    await check(database, story)


async def test_too_many_entries_of_a_day_are_refused_and_others_go_on(database: Database) -> None:
    """Only the partition whose sums might leave 64 bits stays where it is."""
    log = MemoryLog(2)
    tellers = [Teller(log, partition) for partition in range(2)]
    for partition, teller in enumerate(tellers):
        teller.tell(receipt("r1", f"S{partition}"))
    await project(log, database)
    await catch_up(database)
    await change(
        database,
        f"UPDATE sku_days SET entries = {ENTRIES_MAX - 1} WHERE series ="
        " (SELECT series FROM sku_sites WHERE sku = 'S0')",
    )
    for partition, teller in enumerate(tellers):
        teller.tell(receipt("r2", f"S{partition}"))
    await project(log, database)
    with pytest.raises(DemandRefused, match=r"partition 0: .*entries"):
        await catch_up(database)
    async with database.reader() as reader:
        rows = await reader.all(
            text("SELECT partition, position FROM view_positions WHERE view_group = 'demand'")
        )
    assert {row["partition"]: row["position"] for row in rows} == {0: 2, 1: 3}


async def test_views_that_are_behind_or_of_another_ledger(database: Database) -> None:
    """Nothing is read that would be wrong, and nothing is written."""
    story = Story(3).go_on(40)
    await project(story.log, database)
    ends = await catch_up(database)
    async with database.reader() as reader:
        for beyond in ({0: ends[0] + 1}, {7: 1}):
            with pytest.raises(DemandNotReady):
                await read_days(reader, beyond)
        assert issubclass(DemandNotReady, ViewLagging)
        assert len(await read_days(reader, {7: 0})) == 0
    # The other views are made anew, and these were not.
    await change(database, "UPDATE view_positions SET position = 5 WHERE view_group = 'core'")
    assert (await catch_up(database)) == ends
    async with database.reader() as reader:
        with pytest.raises(DemandNotReady):
            await read_days(reader, {0: 2})
    await change(database, "UPDATE view_positions SET ledger_id = 'x' WHERE view_group = 'core'")
    with pytest.raises(WrongLedger):
        await catch_up(database)
    async with database.reader() as reader:
        with pytest.raises(DemandNotReady):
            await read_days(reader, {0: 2})


async def test_numbers_at_the_ledgers_limit(database: Database) -> None:
    """Ten times the most that a movement can have, on one day: exact sums, named on reading."""
    log = MemoryLog(1)
    teller = Teller(log, 0)
    most, early = str(10**18), 0
    for number in range(12):
        teller.tell(Receipt(id=f"r{number}", sku="A", quantity=most, location="MAIN/1"))
        teller.tell(Pick(id=f"p{number}", sku="A", quantity=most, location="MAIN/1"))
        if number == 2:
            early = teller.end
    teller.tell(receipt("b", "B", "3"))
    await project(log, database)
    for _ in range(2):
        async with database.reader() as reader:
            now = await read_days(reader)
            then = await read_days(reader, {0: early})
            balances = await read_days(reader, None, Wanted(columns=("on_hand_net",)))
        assert (list(now.skus), list(now.left_out)) == (["B"], ["A"])
        assert (list(then.skus), list(then.left_out)) == (["A"], [])
        assert then.sums("issued").tolist() == [3 * 10**18]
        assert balances.sums("on_hand_net").tolist() == [0, 3]
        await catch_up(database, records_max=5)


async def test_what_stays_inside_a_site_leaves_no_row(database: Database) -> None:
    """Putaways are many; a day on which nothing else happened is a day without a row."""
    log = MemoryLog(1)
    teller = Teller(log, 0)
    teller.tell(receipt("r", "A", occurred_at="2025-12-01T00:00:00Z"))
    teller.tell(
        Transfer(id="t", sku="A", quantity="1", from_location="MAIN/A/01", to_location="MAIN")
    )
    await project(log, database)
    await catch_up(database)
    assert (await count(database, sku_days), await count(database, sku_sites)) == (1, 1)
    teller.tell(Adjustment(id="a", sku="A", quantity="-1", location="MAIN", reason="lost"))
    await project(log, database)
    await catch_up(database)
    assert await count(database, sku_days) == 2
