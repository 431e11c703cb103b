"""Views of lost history, or of another ledger, never come live, on both databases."""

import asyncio

import pytest

from projections.database import Database
from projections.planning.catching_up import catch_up
from projections.rebuilding.errors import BuildStopped, OtherHistory
from projections.rebuilding.rebuild import Report, rebuild, roll_back
from projections.tables import movements
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import WAIT_SECONDS, project, sums
from tests.contract.read_models.rebuilding.ledgers import (
    ORDER,
    Silent,
    all_rows,
    counted,
    execute,
    told,
)

OTHER_LEDGER = "22222222-2222-4222-8222-222222222222"
RESTORED = ORDER._replace(restored=True)


def cut(log: MemoryLog) -> MemoryLog:
    """An older copy of the log."""
    shorter = MemoryLog(log.partitions)
    shorter.records = [records[:4] for records in log.records]
    return shorter


def another(receipts: int) -> MemoryLog:
    """The log of another ledger."""
    log = MemoryLog(2)
    for partition in range(2):
        teller = Teller(log, partition, ledger_id=OTHER_LEDGER)
        for number in range(receipts):
            teller.tell(receipt(f"{partition}-{number}", f"OTHER-{partition}"))
    return log


async def _restored(log: MemoryLog, database: Database) -> Report:
    """Views that another log filled are kept, and those of `log` are live."""
    report = await rebuild(log, database, RESTORED, Silent())
    assert report.swapped
    return report


async def _refused(log: MemoryLog, database: Database, says: str) -> None:
    before = await all_rows(database)
    for restored in (False, True):
        with pytest.raises(OtherHistory, match=says):
            await roll_back(log, database, "test", Silent(), restored=restored)
    assert await all_rows(database) == before


async def test_views_of_lost_history_do_not_come_back(database: Database) -> None:
    """The log was restored from an older copy; what is live is what it has."""
    log, _ = told()
    await project(log, database)
    shorter = cut(log)
    await _restored(shorter, database)
    says = r"partition 0 ends at 4, but the views that are kept have read it up to \d+"
    await _refused(shorter, database, says)
    assert await counted(database, movements) == 2


@pytest.mark.parametrize("receipts", [1, 50], ids=["shorter", "longer"])
async def test_views_of_another_ledger_do_not_come_live(database: Database, receipts: int) -> None:
    """Whichever of the two has read more."""
    await project(another(receipts), database)
    log, _ = told()
    await _restored(log, database)
    await _refused(log, database, f"the views that are kept are of ledger {OTHER_LEDGER}")


@pytest.mark.parametrize("more", [0, 5], ids=["as long", "longer"])
async def test_a_log_that_went_on_otherwise_is_told_by_its_records(
    database: Database, more: int
) -> None:
    """It is of the same ledger and long enough; the record at the head is another one."""
    first, second = MemoryLog(1), MemoryLog(1)
    for log, name, receipts in ((first, "lost", 3), (second, "new", 3 + more)):
        teller = Teller(log)
        for number in range(receipts):
            teller.tell(receipt(f"{name}-{number}", "A"))
    await project(first, database)
    await _restored(second, database)
    before = await all_rows(database)
    with pytest.raises(BuildStopped, match="not the record that the views have read there"):
        await roll_back(second, database, "test", Silent())
    assert await all_rows(database) == before


async def test_a_build_of_lost_history_is_not_gone_on_with(database: Database) -> None:
    """It was left behind when the log was restored, and the live views were removed."""
    log, _ = told()
    await rebuild(log, database, ORDER._replace(swap=False), Silent())
    shorter = cut(log)
    for order in (ORDER, RESTORED):
        with pytest.raises(BuildStopped, match="ends at 4, but the views have read it up to"):
            await rebuild(shorter, database, order, Silent())
    assert await counted(database, movements) == 0
    report = await rebuild(shorter, database, ORDER._replace(afresh=True), Silent())
    assert (report.swapped, report.resumed) == (True, False)
    assert await counted(database, movements) == 2


async def test_live_views_of_another_history_are_left_only_if_that_is_meant(
    database: Database,
) -> None:
    """The log was replaced by mistake, the views were made from it, and the log is back."""
    log, tellers = told()
    await project(log, database)
    await catch_up(database)
    right = await all_rows(database)
    wrong = another(50)
    await _restored(wrong, database)
    async with asyncio.timeout(WAIT_SECONDS):
        with pytest.raises(OtherHistory, match=f"the live views are of ledger {OTHER_LEDGER}"):
            await roll_back(log, database, "test", Silent())
        await roll_back(log, database, "test", Silent(), restored=True)
    assert await all_rows(database) == right
    tellers[0].tell(receipt("next", "NEXT"))
    await project(log, database)
    assert "NEXT" in await sums(database)
    # What it left is kept, and refused in turn.
    await _refused(log, database, "the views that are kept are of ledger")


async def test_an_ordinary_way_back_stays_open(database: Database) -> None:
    """Also once the log has grown with no projector at work: it comes with the exchange."""
    log, tellers = told()
    await project(log, database)
    await execute(database, "UPDATE stock SET on_hand = on_hand + 7 WHERE sku = 'a0-SKU'")
    await catch_up(database)
    damaged = await all_rows(database)
    await rebuild(log, database, ORDER, Silent())
    await roll_back(log, database, "test", Silent())
    assert await all_rows(database) == damaged
    tellers[0].tell(receipt("later", "LATER"))
    await roll_back(log, database, "test", Silent())
    assert "LATER" in await sums(database)
