"""ABC by margin: computed by hand, with prices as they were known at the position of the run."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from ledger.domain.movements import Issue
from projections.database import Database
from projections.planning.parameters import Parameters, day_of_ms, read
from projections.planning.run_explain import explain
from projections.planning.run_repeat import repeat
from projections.planning.run_tables import planning_runs
from tests.contract.read_models.cases import START_MS, MemoryLog, Teller, receipt
from tests.contract.read_models.planning_runs.making import make, results, run_parameters
from tests.contract.read_models.projecting import project

COLUMNS = ("sku", "issued", "price", "margin", "issued_value", "rank", "share_percent", "abc")


def sell(teller: Teller, sku: str, quantity: str, unit_cost: str, **item: Any) -> None:
    """Describe a SKU, receive a hundred of it and sell some."""
    teller.define(sku, f"item-{sku}", **item)
    teller.tell(receipt(f"in-{sku}", sku, "100", unit_cost=unit_cost))
    teller.tell(Issue(id=f"out-{sku}", sku=sku, quantity=quantity, location="MAIN/A/01"))


def by_margin(positions: dict[str, int] | None = None, **abc: Any) -> Parameters:
    """Parameters of a run on the day on which everything is sold."""
    basis = {"basis": "margin", "shares": [60, 35, 5], **abc}
    today = day_of_ms(START_MS)
    return run_parameters(today, positions, abc=basis, forecast={"enabled": False})


@pytest.fixture
def teller() -> Teller:
    """One SKU earns 30, one 7.5075, one nothing, one loses; of one the price is not known."""
    teller = Teller(MemoryLog(1))
    sell(teller, "BEST", "10", "2", price="5")
    sell(teller, "GOOD", "1.50", "0.01", price="5.015", scale=2)
    sell(teller, "EVEN", "4", "3", price="3")
    sell(teller, "LOSS", "50", "3", price="2.5")
    sell(teller, "UNKNOWN", "60", "9")
    return teller


def shown(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The columns behind the class, by rank."""
    found = [tuple(row[name] for name in COLUMNS) for row in rows]
    return sorted(found, key=lambda row: (row[5], row[0]))


async def test_by_hand(teller: Teller, database: Database) -> None:
    """Of a total of 37.5075, BEST has 79.984003 %; without a margin nothing is but in the last."""
    await project(teller.log, database)
    await make(database, by_margin())
    assert shown((await results(database))["planning_results"]) == [
        ("BEST", 10, 5_000_000, 30_000_000, 20_000_000, 1, 79_984_003, "A"),
        ("GOOD", 150, 5_015_000, 7_507_500, 15_000, 2, 20_015_997, "B"),
        ("EVEN", 4, 3_000_000, 0, 12_000_000, 3, 0, "C"),
        ("LOSS", 50, 2_500_000, -25_000_000, 150_000_000, 3, 0, "C"),
        ("UNKNOWN", 60, None, None, 540_000_000, 3, 0, "C"),
    ]


async def test_prices_of_the_position(teller: Teller, database: Database) -> None:
    """A price that was stated later changes later runs only; both are explained and repeated."""
    end = teller.end
    teller.define("BEST", "item-BEST-2", price="2.1")
    teller.define("UNKNOWN", "item-UNKNOWN-2", price="10")
    await project(teller.log, database)
    await make(database, by_margin({"0": end}), 1)
    await make(database, by_margin(), 2)
    before = {row["sku"]: row for row in (await results(database, "run-001"))["planning_results"]}
    after = {row["sku"]: row for row in (await results(database, "run-002"))["planning_results"]}
    assert (before["BEST"]["margin"], after["BEST"]["margin"]) == (30_000_000, 1_000_000)
    assert (before["UNKNOWN"]["abc"], after["UNKNOWN"]["abc"]) == ("C", "A")
    assert after["UNKNOWN"]["margin"] == 60_000_000
    for run_id in ("run-001", "run-002"):
        async with database.reader() as reader:
            run = await reader.first(select(planning_runs).where(planning_runs.c.run_id == run_id))
            assert run is not None
            for sku in before:
                found = await explain(reader, run, sku, "")
                assert found is not None
                assert (found["agrees"], found["differences"]) == (True, [])
        assert (await repeat(database, run)).equal


async def test_why(teller: Teller, database: Database) -> None:
    """The explanation shows quantity, price and cost of a margin, and its formula."""
    await project(teller.log, database)
    run = await make(database, by_margin())
    assert read(run["parameters"]).abc.basis == "margin"
    async with database.reader() as reader:
        row = await reader.first(select(planning_runs))
        assert row is not None
        good, unknown = [await explain(reader, row, sku, "") for sku in ("GOOD", "UNKNOWN")]
    assert good is not None
    assert unknown is not None
    assert _margin_step(good) == {
        "issued": "1.5", "price": "5.015", "cost": "0.015", "margin": "7.5075",
    }  # fmt: skip
    assert _margin_step(unknown) == {"issued": "60", "price": None, "cost": "540", "margin": "0"}
    assert good["inputs"]["item"]["price"] == "5.015"


async def test_counts_of_what_has_no_price(teller: Teller, database: Database) -> None:
    """A run by margin says how many series it could not rank; another basis needs no price."""
    await project(teller.log, database)
    run = await make(database, by_margin(), 1)
    assert json.loads(run["counts"]) == {
        "series": 5, "skus": 5, "forecasts": 0, "without_price": 1,
    }  # fmt: skip
    today = day_of_ms(START_MS)
    other = await make(database, run_parameters(today, None, forecast={"enabled": False}), 2)
    assert "without_price" not in json.loads(other["counts"])


async def test_no_price_at_all(database: Database) -> None:
    """Fails the run with the reason, instead of a class C for everything."""
    teller = Teller(MemoryLog(1))
    for sku in ("ONE", "OTHER"):
        sell(teller, sku, "10", "1")
    await project(teller.log, database)
    with pytest.raises(ExceptionGroup):
        await make(database, by_margin())
    async with database.reader() as reader:
        run = await reader.first(select(planning_runs))
    assert run is not None
    assert run["state"] == "failed"
    reason = "none of the 2 series has a price, so none has a margin"
    assert run["reason"] == f"PlanningError: abc.basis: {reason}"
    assert (await results(database))["planning_results"] == []


async def test_nothing_to_rank_needs_no_price(database: Database) -> None:
    """A ledger whose items never moved has a run by margin, of no series."""
    teller = Teller(MemoryLog(1))
    teller.define("ONE", "item-1")
    await project(teller.log, database)
    run = await make(database, by_margin())
    assert run["state"] == "done"
    assert json.loads(run["counts"])["without_price"] == 0


@pytest.mark.parametrize("kept", [{}, {"hysteresis": 2}])
async def test_a_margin_beyond_64_bits(
    teller: Teller, database: Database, kept: dict[str, Any]
) -> None:
    """A bar code as a price: of this SKU alone it is null, and counts nothing among the others."""
    await project(teller.log, database)
    await make(database, by_margin(**kept), 1)
    without = shown((await results(database, "run-001"))["planning_results"])
    sell(teller, "CODE", "60", "1", price="312345678901")
    await project(teller.log, database)
    run = await make(database, by_margin(**kept), 2)
    found = shown((await results(database, "run-002"))["planning_results"])
    assert [row for row in found if row[0] != "CODE"] == without
    (code,) = [row for row in found if row[0] == "CODE"]
    assert code == ("CODE", 60, 312_345_678_901_000_000, None, 60_000_000, 3, 0, "C")
    assert json.loads(run["counts"])["margin_beyond"] == 1
    assert json.loads(run["counts"])["without_price"] == 1
    async with database.reader() as reader:
        row = await reader.first(select(planning_runs).where(planning_runs.c.run_id == "run-002"))
        assert row is not None
        for sku in ("CODE", "BEST", "EVEN"):
            why = await explain(reader, row, sku, "")
            assert why is not None
            assert (why["agrees"], why["differences"]) == (True, [])


async def test_no_margin_within_64_bits(database: Database) -> None:
    """Fails the run, as no price does, and stores nothing."""
    teller = Teller(MemoryLog(1))
    sell(teller, "DEAR", "100", "1", price="1000000000000")
    sell(teller, "UNKNOWN", "10", "1")
    await project(teller.log, database)
    with pytest.raises(ExceptionGroup):
        await make(database, by_margin())
    async with database.reader() as reader:
        run = await reader.first(select(planning_runs))
    assert run is not None
    assert run["state"] == "failed"
    reason = "none of the 2 series has a margin of 64 bits"
    assert run["reason"] == f"PlanningError: abc.basis: {reason}"
    assert (await results(database))["planning_results"] == []


def _margin_step(found: dict[str, Any]) -> dict[str, str | None]:
    (step,) = [one for one in found["steps"] if one["step"] == "margin"]
    return {one["name"]: one["value"] for one in step["numbers"]}
