"""How far levels have to be before they are held against a run, on both databases."""

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import create_async_engine

from projections.checkpoints import VIEW_GROUP
from projections.database import Database
from projections.publishers import alert_keeper
from projections.publishers.alert_keeper import AlertKeeper
from projections.publishers.alert_store import Range, ranges
from projections.publishers.reorder_alerts import ReorderAlerts
from projections.tables import view_positions
from tests.builders import pick, receipt
from tests.contract.read_models.cases import MemoryLog, Teller
from tests.contract.read_models.projecting import project
from tests.contract.read_models.publishers.test_reorder_alerts import _rows, add_run, see


@pytest.fixture
def teller() -> Teller:
    """Writes the one partition of a log."""
    return Teller(MemoryLog(1))


async def where(database: Database) -> Range:
    """From where levels have yet to read, up to where views are."""
    async with database.reader() as reader:
        [found] = await ranges(reader)
    return found


async def read_up_to(database: Database, offset: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring levels of sites just so far."""
    monkeypatch.setattr(alert_keeper, "RANGE_RECORDS_MAX", 1)
    keeper = AlertKeeper(database)
    while (await where(database)).start < offset:
        await keeper.look()
    await keeper.close()


async def told(work: ReorderAlerts, database: Database) -> list[str]:
    """What is below its reorder point, after a look."""
    assert not await work.hold()
    return sorted(row["sku"] for row in await _rows(database) if row["active"])


async def with_enough(database: Database, teller: Teller) -> ReorderAlerts:
    """Ten where a run wants five: nothing is told."""
    teller.tell(receipt("10", sku="A", location="MAIN/A"))
    await see(database, teller)
    await add_run(database, "r1", {("A", "MAIN"): 5})
    work = ReorderAlerts(database, 1)
    assert await told(work, database) == []
    return work


async def test_each_run_has_goals_of_its_own(database: Database, teller: Teller) -> None:
    """It may know more than the one before."""
    work = await with_enough(database, teller)
    teller.tell(receipt("9", sku="NEW", location="MAIN/A"))
    await project(teller.log, database)
    await add_run(database, "r2", {("A", "MAIN"): 5, ("NEW", "MAIN"): 5})
    assert await told(work, database) == []
    await see(database, teller)
    assert await told(work, database) == []
    assert work.raised == 0
    await work.close()


async def test_levels_are_as_far_as_views_were_at_the_look_before(
    database: Database, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a fall that was over by then would be told."""
    work = await with_enough(database, teller)
    teller.tell(pick("9", sku="A", location="MAIN/A"))
    teller.tell(receipt("9", sku="A", location="MAIN/A"))
    await project(teller.log, database)
    assert await told(work, database) == []
    await read_up_to(database, (await where(database)).end - 1, monkeypatch)
    assert await told(work, database) == []
    await see(database, teller)
    assert await told(work, database) == []
    assert work.raised == 0
    await work.close()


async def test_who_waits_for_a_run_waits_for_no_more(
    database: Database, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often somebody looks meanwhile, and however far views go on."""
    teller.tell(receipt("10", sku="A", location="MAIN/A"))
    await project(teller.log, database)
    known = (await where(database)).end
    await add_run(database, "r1", {("A", "MAIN"): 11})
    work = ReorderAlerts(database, 1)
    for _ in range(2):
        assert await told(work, database) == []
        teller.tell(pick("1", sku="A", location="MAIN/A"))
        await project(teller.log, database)
    await read_up_to(database, known, monkeypatch)
    assert await told(work, database) == ["A"]
    await work.close()


async def test_views_that_go_back_make_no_run_forget(database: Database, teller: Teller) -> None:
    """Views that were exchanged may have to read again what the run knew; levels wait for it."""
    teller.tell(receipt("10", sku="A", location="MAIN/A"))
    await see(database, teller)
    before = (await where(database)).end
    teller.tell(receipt("9", sku="NEW", location="MAIN/A"))
    await project(teller.log, database)
    await add_run(database, "r1", {("NEW", "MAIN"): 5})
    work = ReorderAlerts(database, 1)
    assert await told(work, database) == []
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        of_views = update(view_positions).where(view_positions.c.view_group == VIEW_GROUP)
        await connection.execute(of_views.values(position=before))
    await engine.dispose()
    assert await told(work, database) == []
    assert work.raised == 0
    await work.close()
