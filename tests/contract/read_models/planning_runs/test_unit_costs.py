"""Unit costs of what is sold out, by hand: from receipts and issues, at any position."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from ledger.domain.movements import Adjustment, Issue, Reversal, Transfer
from projections.database import Database
from projections.planning.parameters import Parameters, day_of_ms
from projections.planning.run_explain import explain
from projections.planning.run_repeat import repeat
from projections.planning.run_tables import planning_runs
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.planning_runs.making import make, results, run_parameters
from tests.contract.read_models.projecting import project

DAY_MS = 86_400_000
COSTS = {
    # On hand 5 of 10 at an average of 3, whatever was paid last.
    "STOCK": (3_000_000, "stock"),
    # The item says 7; 2 was paid.
    "ITEM": (7_000_000, "item"),
    # 10 at 2 before the window, in it 10 at 4 and 10 at 5; one of 100 each was undone.
    "WINDOW": (4_500_000, "received_in_window"),
    # 0.03 at 0.10 and 0.04 at 0.12: 0.0078 / 0.07 = 0.1114285...
    "EXACT": (111_429, "received_in_window"),
    # 10 at 2 and 30 at 4, all before the window.
    "BEFORE": (3_500_000, "received"),
    "FREE": (None, "none"),
    "NEVER": (None, "none"),
}


def sell(teller: Teller, sku: str, quantity: str, location: str = "MAIN/A/01") -> None:
    """Take some of it off the stock."""
    issue = Issue(id=f"out-{teller.end}", sku=sku, quantity=quantity, location=location)
    teller.tell(issue)


def buy(teller: Teller, sku: str, quantity: str, unit_cost: str | None) -> str:
    """Receive some of it; the id of the receipt."""
    identity = f"in-{teller.end}"
    teller.tell(receipt(identity, sku, quantity, unit_cost=unit_cost))
    return identity


@pytest.fixture
def teller() -> Teller:
    """Two months of trade, after which everything but STOCK is sold out."""
    teller = Teller(MemoryLog(1))
    teller.define("ITEM", "item-1", unit_cost="7")
    teller.define("EXACT", "item-2", scale=2)
    for sku, quantity, cost in (
        ("STOCK", "5", "2"), ("WINDOW", "10", "2"), ("BEFORE", "10", "2"), ("BEFORE", "30", "4"),
        ("MOVED", "10", "2.5"), ("NEVER", "1", None),
    ):  # fmt: skip
        buy(teller, sku, quantity, cost)
    sell(teller, "NEVER", "1")
    teller.tell(
        Transfer(
            id="move", sku="MOVED", quantity="8", from_location="MAIN/A/01",
            to_location="EAST/A/01",
        )
    )  # fmt: skip
    sell(teller, "MOVED", "3", "EAST/A/01")
    teller.now_ms += 60 * DAY_MS
    for sku, quantity, cost in (
        ("STOCK", "5", "4"), ("ITEM", "10", "2"), ("WINDOW", "10", "4"), ("WINDOW", "10", "5"),
        ("EXACT", "0.03", "0.1"), ("EXACT", "0.04", "0.12"), ("FREE", "3", "0"),
    ):  # fmt: skip
        buy(teller, sku, quantity, cost)
    wrong = buy(teller, "WINDOW", "10", "100")
    teller.tell(Reversal(id="undo", sku="WINDOW", reverses=wrong))
    for sku, quantity in (
        ("STOCK", "5"), ("ITEM", "10"), ("WINDOW", "30"), ("EXACT", "0.07"), ("BEFORE", "40"),
        ("FREE", "3"), ("MOVED", "2"),
    ):  # fmt: skip
        sell(teller, sku, quantity)
    return teller


def wanted(teller: Teller, **request: Any) -> Parameters:
    """A run over the last thirty days, on the day on which everything is sold."""
    return run_parameters(
        day_of_ms(teller.now_ms), demand={"window_days": 30}, forecast={"enabled": False}, **request
    )


async def agreeing(database: Database, rows: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The step of the unit cost by series, every one of which is explained and repeated."""
    found: dict[Any, dict[str, Any]] = {}
    async with database.reader() as reader:
        run = await reader.first(select(planning_runs))
        assert run is not None
        for row in rows:
            why = await explain(reader, run, row["sku"], row["site"])
            assert why is not None
            assert (why["agrees"], why["differences"]) == (True, [])
            (step,) = [one for one in why["steps"] if one["step"] == "unit_cost"]
            found[row["sku"], row["site"]] = {one["name"]: one["value"] for one in step["numbers"]}
    assert (await repeat(database, run)).equal
    return found


async def test_each_source(teller: Teller, database: Database) -> None:
    """What is sold out is ordered by its economic quantity, at a value, and says why."""
    await project(teller.log, database)
    await make(database, wanted(teller))
    rows = (await results(database))["planning_results"]
    of = {row["sku"]: row for row in rows}
    shown = {sku: (of[sku]["unit_cost"], of[sku]["cost_source"]) for sku in COSTS}
    assert shown == COSTS
    for sku in ("WINDOW", "BEFORE"):
        assert of[sku]["on_hand"] == 0
        assert of[sku]["order_basis"] in ("economic", "days_max")
        assert of[sku]["proposal"] > 0
        assert of[sku]["proposal_value"] == of[sku]["proposal"] * of[sku]["unit_cost"]
    steps = await agreeing(database, rows)
    assert steps["WINDOW", ""] == {
        "source": "received_in_window", "quantity": "20", "value": "90", "unit_cost": "4.5",
    }  # fmt: skip
    assert steps["EXACT", ""]["quantity"] == "0.07"
    assert steps["ITEM", ""] == {
        "source": "item", "quantity": None, "value": None, "unit_cost": "7",
    }  # fmt: skip
    assert set(steps["FREE", ""].values()) == {"none", None}


async def test_a_site_that_never_received(teller: Teller, database: Database) -> None:
    """Goods cost the same wherever they lie, also at the site that has none left."""
    sell(teller, "MOVED", "4", "EAST/A/01")
    await project(teller.log, database)
    await make(database, wanted(teller, each_site=True))
    rows = (await results(database))["planning_results"]
    of = {(row["sku"], row["site"]): row for row in rows}
    east, main = of["MOVED", "EAST"], of["MOVED", "MAIN"]
    assert (east["on_hand"], east["cost_source"], east["unit_cost"]) == (1, "stock", 2_500_000)
    assert (main["on_hand"], main["cost_source"], main["unit_cost"]) == (0, "stock", 2_500_000)
    assert (east["on_hand_value"], main["on_hand_value"]) == (2_500_000, 0)
    await agreeing(database, rows)


@pytest.mark.parametrize(("late", "source"), [(True, "issued_in_window"), (False, "issued")])
async def test_what_was_issued(database: Database, late: bool, source: str) -> None:
    """In the window, else before it, of what was found and never received."""
    teller = Teller(MemoryLog(1))
    # Found while the item had a cost, which is that of the stock from then on.
    teller.define("MOVED", "item-1", unit_cost="2.5")
    teller.tell(
        Adjustment(id="found", sku="MOVED", quantity="10", location="MAIN/A/01", reason="found")
    )
    teller.define("MOVED", "item-2")
    sell(teller, "MOVED", "7")
    if late:
        teller.now_ms += 60 * DAY_MS
    sell(teller, "MOVED", "3")
    if not late:
        teller.now_ms += 60 * DAY_MS
        buy(teller, "OTHER", "1", "1")
    await project(teller.log, database)
    await make(database, wanted(teller))
    rows = (await results(database))["planning_results"]
    (moved,) = [row for row in rows if row["sku"] == "MOVED"]
    assert (moved["on_hand"], moved["cost_source"], moved["unit_cost"]) == (0, source, 2_500_000)
    quantity = (await agreeing(database, rows))["MOVED", ""]["quantity"]
    assert quantity == ("3" if late else "10")


def two_prices() -> Teller:
    """A hundred at 10 in one site and at 20 in the other; each issues ninety, at 15."""
    teller = Teller(MemoryLog(1))
    for place, cost in (("EAST/A", "10"), ("WEST/A", "20")):
        bought = receipt(f"in-{place}", "APART", "100", unit_cost=cost)
        teller.tell(msgspec.structs.replace(bought, location=place))
    for place in ("EAST/A", "WEST/A"):
        sell(teller, "APART", "90", place)
    return teller


async def test_a_site_has_the_cost_of_the_sku(database: Database) -> None:
    """What a site bought for is not what its stock is worth: the average is over all sites."""
    teller = two_prices()
    await project(teller.log, database)
    await make(database, wanted(teller, each_site=True))
    rows = (await results(database))["planning_results"]
    shown = {
        row["site"]: (row["on_hand"], row["unit_cost"], row["cost_source"], row["on_hand_value"])
        for row in rows
    }
    assert shown == dict.fromkeys(("EAST", "WEST"), (10, 15_000_000, "stock", 150_000_000))
    steps = await agreeing(database, rows)
    assert steps["APART", "WEST"] == {
        "source": "stock", "quantity": "20", "value": "300", "unit_cost": "15",
    }  # fmt: skip


@pytest.mark.parametrize("site", ["EAST", "WEST"])
async def test_a_run_of_one_site_values_it_likewise(database: Database, site: str) -> None:
    """Also where the other site is in no result."""
    teller = two_prices()
    await project(teller.log, database)
    await make(database, wanted(teller, site=site))
    rows = (await results(database))["planning_results"]
    assert [(row["unit_cost"], row["on_hand_value"]) for row in rows] == [(15_000_000, 150_000_000)]
    await agreeing(database, rows)
