"""The inventory position: what serves demand and what is on order, in runs and beside them."""

from typing import Any

import pytest
from sqlalchemy import select

from ledger.domain.items import Supplier
from ledger.domain.movements import Issue, StatusChange
from projections.database import Database
from projections.planning.below import below_reorder_point
from projections.planning.parameters import day_of_ms
from projections.planning.run_explain import explain
from projections.planning.run_repeat import repeat
from projections.planning.run_tables import planning_runs
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog, Teller, receipt
from tests.contract.read_models.planning_runs.making import make, results, run_parameters
from tests.contract.read_models.projecting import project

DAY_MS = 86_400_000


def change(teller: Teller, identity: str, to: str, came_from: str = "available") -> None:
    """Give all 250 another status."""
    teller.tell(
        StatusChange(
            id=identity, sku="D", quantity="250", location="MAIN/A/01", from_status=came_from,
            to_status=to,
        )
    )  # fmt: skip


@pytest.fixture
def teller() -> Teller:
    """Five a day of 500, until 250 are left."""
    teller = Teller(MemoryLog(1))
    teller.tell(receipt("in", "D", "500", unit_cost="1"))
    for day in range(50):
        teller.now_ms += DAY_MS
        teller.tell(Issue(id=f"out-{day}", sku="D", quantity="5", location="MAIN/A/01"))
    return teller


async def planned(database: Database, teller: Teller, number: int = 1) -> dict[str, Any]:
    """The row of a new run of each site, which is explained and repeated."""
    await project(teller.log, database)
    wanted = run_parameters(day_of_ms(teller.now_ms), each_site=True, forecast={"enabled": False})
    made = await make(database, wanted, number)
    (row,) = (await results(database, made["run_id"]))["planning_results"]
    async with database.reader() as reader:
        query = select(planning_runs).where(planning_runs.c.run_id == made["run_id"])
        run = await reader.first(query)
        assert run is not None
        why = await explain(reader, run, "D", row["site"])
        assert why is not None
        assert (why["agrees"], why["differences"]) == (True, [])
        assert why["inputs"]["on_hand"] == "250"
        assert why["inputs"]["available"] == str(row["inventory_position"])
    assert (await repeat(database, run)).equal
    return row


@pytest.mark.parametrize("status", ["damaged", "quarantined", "expired", "recalled"])
async def test_what_serves_nobody_is_ordered_anew(
    teller: Teller, database: Database, status: str
) -> None:
    """250 are on hand and none is available: without an order nothing would ever be."""
    change(teller, "away", status)
    row = await planned(database, teller)
    assert (row["on_hand"], row["inventory_position"]) == (250, 0)
    assert row["proposal"] > 0
    async with database.reader() as reader:
        page = await below_reorder_point(reader, LEDGER_ID, limit=9)
    (below,) = page.items
    assert (below.available, below.inventory_position) == (0, 0)


async def test_pages_of_what_is_below(teller: Teller, database: Database) -> None:
    """Behind the first site of a SKU come its others."""
    for site in ("EAST", "WEST"):
        teller.tell(receipt(f"in-{site}", "D", "500", location=f"{site}/A"))
        for day in range(10):
            teller.now_ms += DAY_MS
            teller.tell(Issue(id=f"{site}-{day}", sku="D", quantity="50", location=f"{site}/A"))
    change(teller, "away", "damaged")
    await project(teller.log, database)
    wanted = run_parameters(day_of_ms(teller.now_ms), each_site=True, forecast={"enabled": False})
    await make(database, wanted, 1)
    sites, after = [], None
    async with database.reader() as reader:
        while page := (await below_reorder_point(reader, LEDGER_ID, limit=1, after=after)).items:
            sites.append(page[0].site)
            after = page[0].sku, page[0].site
    assert sites == ["EAST", "MAIN", "WEST"]


async def test_what_is_released_counts_again(teller: Teller, database: Database) -> None:
    """Quarantined stock is available from its release on."""
    change(teller, "away", "quarantined")
    held = await planned(database, teller, 1)
    change(teller, "back", "available", "quarantined")
    released = await planned(database, teller, 2)
    assert (held["inventory_position"], released["inventory_position"]) == (0, 250)
    assert released["proposal"] == 0


async def test_a_perishable_item_is_sold_after_its_lead_time(
    teller: Teller, database: Database
) -> None:
    """Three days on the shelf, thirty on the way: what is asked for in all of them is ordered."""
    teller.define("D", "item", shelf_life_days=3, suppliers=(Supplier("ACME", 30),))
    change(teller, "away", "damaged")
    row = await planned(database, teller)
    # Some five a day; without the lead time it would be fifteen.
    assert 100 < row["proposal"] <= 5 * 33
