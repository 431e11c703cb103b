"""Runs of a year of trade: the same digits wherever and whenever they are made."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from projections.database import Database
from projections.migrate import upgrade
from projections.planning.run_repeat import repeat
from projections.planning.run_tables import planning_runs
from tests.contract.read_models.planning_runs.making import Trade, make, parameters, results
from tests.contract.read_models.projecting import project

# Seconds of computing that these tests can do without.
FEW: dict[str, Any] = {"forecast": {"models": ["naive", "ses", "croston"], "origins": 2}}


@pytest.fixture
def trade() -> Trade:
    """A year of it."""
    return Trade()


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Database]:
    """Another database, always SQLite."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'other.db'}"
    await upgrade(url)
    opened = Database(url)
    await opened.open()
    yield opened
    await opened.close()


async def test_the_same_digits_everywhere(
    trade: Trade, database: Database, other: Database
) -> None:
    """Twice, on another database after building the views anew, and when it is repeated."""
    await project(trade.log, database)
    wanted = parameters(**FEW)
    first = await make(database, wanted, 1)
    again = await make(database, wanted, 2)
    assert first["digest"] == again["digest"]
    found = await results(database, "run-001")
    assert found == await results(database, "run-002")
    assert len(found["planning_results"]) == 7
    await project(trade.log, other)
    elsewhere = await make(other, wanted, 1)
    assert await results(other, "run-001") == found
    assert elsewhere["digest"] == first["digest"]
    assert elsewhere["positions"] == first["positions"]
    async with database.reader() as reader:
        row = await reader.first(select(planning_runs).where(planning_runs.c.run_id == "run-001"))
    assert row is not None
    repeated = await repeat(database, row)
    assert (repeated.equal, repeated.compared_rows) == (True, sum(map(len, found.values())))


async def test_what_was_known_then(trade: Trade, other: Database) -> None:
    """A run at an earlier position says what it would have said with only that much read."""
    half = Trade()
    for records in half.log.records:
        del records[len(records) // 2 :]
    await project(half.log, other)
    early = await make(other, parameters(**FEW), 1)
    known = await results(other, "run-001")
    await project(trade.log, other)
    now = await make(other, parameters(**FEW), 2)
    assert now["digest"] != early["digest"]
    async with other.reader() as reader:
        row = await reader.first(select(planning_runs).where(planning_runs.c.run_id == "run-001"))
    assert row is not None
    assert (await repeat(other, row)).equal
    assert await results(other, "run-001") == known


async def test_sites(trade: Trade, other: Database) -> None:
    """Apart, together, and only one; together they add up."""
    await project(trade.log, other)
    await make(other, parameters(each_site=True, **FEW), 1)
    await make(other, parameters(site="EAST", **FEW), 2)
    await make(other, parameters(**FEW), 3)
    apart = (await results(other, "run-001"))["planning_results"]
    east = (await results(other, "run-002"))["planning_results"]
    whole = (await results(other, "run-003"))["planning_results"]
    assert {"EAST", "MAIN"} <= {row["site"] for row in apart}
    assert [row for row in apart if row["site"] == "EAST"] == east
    for row in whole:
        parts = [one for one in apart if one["sku"] == row["sku"]]
        assert row["site"] == ""
        assert row["on_hand"] == sum(one["on_hand"] for one in parts)
        assert row["demand"] == sum(one["demand"] for one in parts)


async def test_what_the_series_are(trade: Trade, other: Database) -> None:
    """Kinds of trade get the classes and the policies that they should."""
    await project(trade.log, other)
    await make(other, parameters(**FEW), 1)
    rows = {row["sku"]: row for row in (await results(other))["planning_results"]}
    assert rows["STEADY"]["abc"] == "A"
    assert rows["STEADY"]["xyz"] == "X"
    assert rows["STEADY"]["pattern"] == "smooth"
    assert rows["STEADY"]["supplier"] == "ACME"
    steady = rows["STEADY"]
    assert (steady["lead_time_source"], steady["lead_time_orders"]) == ("sku_and_supplier", 7)
    assert steady["lead_time_days"] == 14_000_000  # the mean of 8, 10, … 20
    assert steady["on_order"] == 700
    assert (rows["UNEVEN"]["lead_time_source"], rows["UNEVEN"]["lead_time_days"]) == (
        "agreed", 40_000_000,
    )  # fmt: skip
    assert rows["DEAD"]["velocity"] == "dead"
    assert rows["DEAD"]["policy"] == "none"
    assert rows["LUMPY"]["method"] == rows["RARE"]["method"] == "empirical"
    assert rows["LUMPY"]["scale"] == 2
    assert rows["FREE"]["cost_source"] == "none"
    assert rows["FREE"]["issued_value"] == 0
    assert rows["UNEVEN"]["shelf_life_limit"] is not None
    for row in rows.values():
        assert row["inventory_position"] == row["on_hand"] + row["on_order"]
        never = row["policy"] == "none"
        expected = None if never else row["reorder_point"]
        assert row["order_at"] == expected or row["policy"] == "min_max"
