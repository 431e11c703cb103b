"""An explanation computes a series once more, and comes to what is stored."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger.domain.items import Supplier
from ledger.domain.movements import Issue, Receipt
from projections.database import Database
from projections.planning import run_explain
from projections.planning.run_explain import explain
from projections.planning.run_fields import planning_results
from projections.planning.run_supply import Supply, read_supply_of
from projections.planning.run_tables import planning_runs
from projections.planning.run_writer import PlanningWriter
from tests.contract.read_models.planning_runs.making import TRADE, Trade, make, parameters, results
from tests.contract.read_models.projecting import project

REQUESTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "units": {"abc": {"basis": "units"}, "demand": {"bucket": "month"}},
    "picks": {"abc": {"basis": "picks", "shares": [50, 30, 20]}},
    "margin": {"abc": {"basis": "margin", "shares": ["60", "30", "10"], "hysteresis": 2}},
    "margin by site": {"abc": {"basis": "margin"}, "each_site": True},
    "hysteresis": {
        "abc": {"shares": ["74.9", "20", "5.1"], "hysteresis": 1},
        "xyz": {"limits": ["0.31", "0.5"], "hysteresis": "0.01"},
        "reviews": {"count": 1, "days": 60},
    },
    "sites": {"each_site": True, "policies": {"method": "fill_rate", "empirical": False}},
    "one site": {"site": "EAST", "policies": {"method": "days_of_cover"}},
    "closed": {"demand": {"closed_weekdays": ["sunday"]}, "what_if": {"demand_percent": 7}},
}


@pytest.fixture
def trade() -> Trade:
    """A year of it."""
    return Trade()


async def explained(database: Database, sku: str, site: str) -> dict[str, Any]:
    """The explanation of a series of the one run."""
    async with database.reader() as reader:
        run = await reader.first(select(planning_runs))
        assert run is not None
        found = await explain(reader, run, sku, site)
    assert found is not None
    return found


@pytest.mark.parametrize("request_name", REQUESTS)
async def test_all_series_agree(trade: Trade, database: Database, request_name: str) -> None:
    """To the last digit of every column, whatever was asked for."""
    await project(trade.log, database)
    await make(database, parameters(forecast={"enabled": False}, **REQUESTS[request_name]))
    rows = (await results(database))["planning_results"]
    assert len(rows) >= len(TRADE)
    for row in rows:
        found = await explained(database, row["sku"], row["site"])
        assert found["differences"] == []
        assert found["agrees"]


async def test_a_newcomer_has_no_class_before(trade: Trade, database: Database) -> None:
    """It began after the last review; its explanation takes the null as it is stored."""
    for day, command in (("18", Receipt), ("19", Issue)):
        at = f"2025-12-{day}T12:00:00Z"
        trade.say(0, command(sku="YOUNG", quantity="900", location="MAIN/A", occurred_at=at))
    await project(trade.log, database)
    kept = {"abc": {"basis": "units", "hysteresis": 1}, "xyz": {"hysteresis": "0.01"}}
    await make(database, parameters(forecast={"enabled": False}, **kept))
    before = {
        row["sku"]: row["abc_before"] for row in (await results(database))["planning_results"]
    }
    assert [sku for sku, one in before.items() if one is None] == ["YOUNG"]
    found = await explained(database, "YOUNG", "")
    assert found["differences"] == []


async def test_only_what_says_something_of_its_lead_time_is_read(
    trade: Trade, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders of all SKUs from its supplier, and what is open of itself; every digit agrees."""
    trade.tellers[0].define("RARE", "i9", suppliers=(Supplier("ACME", 99), Supplier("OTHER")))
    for number, sku in enumerate(("RARE", "STEADY")):
        trade.place(sku, "90", date(2025, 9, 1), f"other-{number}", "OTHER")
        received = Receipt(
            sku=sku, quantity="60", location="MAIN/A", supply_order=f"other-{number}",
            occurred_at="2025-09-30T12:00:00Z",
        )  # fmt: skip
        trade.say(0, received)
    await project(trade.log, database)
    await make(database, parameters(forecast={"enabled": False}))
    read: list[Supply] = []

    async def watched(*arguments: Any) -> Supply:
        read.append(await read_supply_of(*arguments))
        return read[-1]

    monkeypatch.setattr(run_explain, "read_supply_of", watched)
    found = {sku: await explained(database, sku, "") for sku in ("RARE", "STEADY", "FREE")}
    assert [one["agrees"] for one in found.values()] == [True, True, True]
    times = [
        {one["name"]: one["value"] for step in one["steps"] if step["step"] == "lead_time"
         for one in step["numbers"]}
        for one in found.values()
    ]  # fmt: skip
    assert [one["source"] for one in times] == ["supplier", "sku_and_supplier", "default"]
    assert [one["observations"] for one in times][:2] == ["7", "7"]
    suppliers = [[one.supplier for one in supply.receipts] for supply in read]
    assert suppliers == [["ACME"] * 7, ["ACME"] * 7, []]
    lines = [{(one.sku, one.supplier) for one in supply.lines} for supply in read]
    assert lines == [{("RARE", "OTHER")}, {("STEADY", "ACME"), ("STEADY", "OTHER")}, set()]


async def test_it_names_inputs_formulas_and_sources(trade: Trade, database: Database) -> None:
    """And the sum of its buckets is the demand that they are of."""
    await project(trade.log, database)
    await make(database, parameters(forecast={"enabled": False}))
    found = await explained(database, "STEADY", "")
    steps = {step["step"]: {one["name"]: one for one in step["numbers"]} for step in found["steps"]}
    buckets = found["inputs"]["buckets"]
    assert len(buckets) == int(steps["demand_by_bucket"]["buckets"]["value"])
    total = sum(int(bucket["demand"]) for bucket in buckets)
    assert steps["demand_by_bucket"]["total"]["value"] == str(total)
    assert "occurred_from=2025-12-22" in buckets[-1]["movements"]
    assert found["inputs"]["item"]["unit_cost"] == "9.5"
    factor = steps["safety_stock"]["factor"]
    assert (factor["value"], factor["formula"]) == ("2.053749", "z = Φ⁻¹(P1)")
    assert "Silver" in steps["demand_over_lead_time"]["spread"]["source"]
    assert steps["policy"]["source"]["value"] == "cell"
    assert steps["lead_time"]["source"]["value"] == "sku_and_supplier"
    assert len(found["inputs"]["supply_orders_received"]) == 7
    assert (found["inputs"]["on_order"], steps["lead_time"]["mean"]["value"]) == ("700", "14")
    assert found["stored"]["reorder_point"] == steps["safety_stock"]["reorder_point"]["value"]
    lumpy = await explained(database, "LUMPY", "")
    assert "bootstrap" in {step["step"] for step in lumpy["steps"]}


async def test_a_changed_number_is_found(trade: Trade, database: Database) -> None:
    """By its name, with what it should be."""
    await project(trade.log, database)
    await make(database, parameters(forecast={"enabled": False}))
    writer = PlanningWriter(database.url.render_as_string(hide_password=False))
    async with writer.transaction() as connection:
        table = planning_results
        await connection.execute(
            update(table).where(table.c.sku == "RARE").values(safety_stock=table.c.safety_stock + 1)
        )
    await writer.close()
    found = await explained(database, "RARE", "")
    (difference,) = found["differences"]
    assert difference["name"] == "safety_stock"
    assert int(difference["stored"]) == int(difference["recomputed"]) + 1
    assert not found["agrees"]
