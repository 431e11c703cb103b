"""Alerts of reorder points on both databases: once a fall, whatever makes it, and once its end."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.events.partitioner import Partitioner
from projections.database import Database
from projections.planning.run_fields import planning_results
from projections.planning.run_tables import planning_runs
from projections.publishers import reorder_alerts
from projections.publishers.alert_keeper import AlertKeeper
from projections.publishers.alert_tables import alerts
from projections.publishers.reorder_alerts import ReorderAlerts
from projections.publishers.schemas import schema_of
from tests.builders import pick, receipt
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog, Teller
from tests.contract.read_models.projecting import project

Points = dict[tuple[str, str], int | None]


@pytest.fixture
def teller() -> Teller:
    """Writes the one partition of a log."""
    return Teller(MemoryLog(1))


async def add_run(database: Database, run_id: str, points: Points, **more: Any) -> None:
    """A run that is done, with these reorder points."""
    engine = create_async_engine(database.url)
    run = {
        "run_id": run_id, "ledger_id": LEDGER_ID, "state": "done", "origin": "api",
        "publishes": True, "results_kept": True, "as_of_day": 0, "parameters": "{}",
        "parameters_hash": "", "scope_hash": "", "code_version": "", "started_ms": 0, **more,
    }  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(insert(planning_runs).values(**run))
        for (sku, site), point in points.items():
            row = {"run_id": run_id, "sku": sku, "site": site, "scale": 0, "reorder_point": point}
            await connection.execute(insert(planning_results).values(**row))
    await engine.dispose()


async def see(database: Database, teller: Teller) -> None:
    """Bring views and levels of sites up to date."""
    await project(teller.log, database)
    keeper = AlertKeeper(database)
    while await keeper.look():
        pass
    await keeper.close()


async def hold(database: Database) -> list[tuple[str, str, str]]:
    """Hold stock against the newest run, and again; what was raised then: kind, SKU and site."""
    before = {row["alert_id"] for row in await _rows(database)}
    work = ReorderAlerts(database, 1)
    while await work.hold():
        pass
    told = work.raised
    assert not await work.hold()
    assert work.raised == told, "a second look changes nothing"
    await work.close()
    rows = [row for row in await _rows(database) if row["alert_id"] not in before]
    assert len(rows) == told
    for row in rows:
        document = json.loads(row["document"])
        Draft202012Validator(schema_of(row["type"])).validate(document)
    return sorted((row["type"].split(".")[1], row["sku"], row["site"]) for row in rows)


async def _rows(database: Database) -> list[dict[str, Any]]:
    async with database.reader() as reader:
        query = select(alerts).where(alerts.c.type.like("%reorder_point%"))
        return [dict(row) for row in await reader.all(query)]


async def test_a_fall_and_its_end(database: Database, teller: Teller) -> None:
    """Once each, not with every movement."""
    teller.tell(receipt("10", sku="A", location="MAIN/A"))
    await see(database, teller)
    assert await hold(database) == [], "there is no run"
    await add_run(database, "r1", {("A", "MAIN"): 5, ("A", ""): 5})
    assert await hold(database) == []
    teller.tell(pick("5", sku="A", location="MAIN/A"))
    await see(database, teller)
    assert await hold(database) == [], "at the reorder point is not below it"
    for _ in range(2):
        teller.tell(pick("1", sku="A", location="MAIN/A"))
    await see(database, teller)
    below = "below_reorder_point"
    assert await hold(database) == [(below, "A", ""), (below, "A", "MAIN")]
    teller.tell(pick("1", sku="A", location="MAIN/A"))
    await see(database, teller)
    assert await hold(database) == []
    teller.tell(receipt("9", sku="A", location="EAST"))
    await see(database, teller)
    assert await hold(database) == [("above_reorder_point", "A", "")]
    held = {row["site"]: row for row in await _rows(database) if row["active"]}
    assert set(held) == {"MAIN"}
    assert json.loads(held["MAIN"]["document"])["data"] == {
        "sku": "A", "site": "MAIN", "available": "3", "reorder_point": "5", "scale": 0,
        "run": "r1", "position": "0:4",
    }  # fmt: skip
    teller.tell(receipt("9", sku="A", location="MAIN"))
    await see(database, teller)
    assert await hold(database) == [("above_reorder_point", "A", "MAIN")]
    teller.tell(pick("9", sku="A", location="MAIN"))
    await see(database, teller)
    assert await hold(database) == [("below_reorder_point", "A", "MAIN")], "a second fall"


async def test_a_run_may_make_and_end_it(database: Database, teller: Teller) -> None:
    """Only the newest that holds: not one for what if, and not one of another ledger."""
    teller.tell(receipt("10", sku="A", location="MAIN/A"))
    await see(database, teller)
    await add_run(database, "r1", {("A", "MAIN"): 5, ("gone", "MAIN"): 1, ("none", "MAIN"): None})
    assert await hold(database) == [("below_reorder_point", "gone", "MAIN")]
    await add_run(database, "r2", {("A", "MAIN"): 99}, publishes=False)
    await add_run(database, "r3", {("A", "MAIN"): 99}, state="running")
    await add_run(database, "r4", {("A", "MAIN"): 99}, ledger_id="another")
    assert await hold(database) == []
    await add_run(database, "r5", {("A", "MAIN"): 11})
    assert await hold(database) == [
        ("above_reorder_point", "gone", "MAIN"),
        ("below_reorder_point", "A", "MAIN"),
    ]
    await add_run(database, "r6", {("A", "MAIN"): 12})
    assert await hold(database) == [], "it holds already"
    await add_run(database, "r7", {("A", "MAIN"): 10})
    assert await hold(database) == [("above_reorder_point", "A", "MAIN")]


async def test_many_at_a_time(
    database: Database, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few at a time, all of them; what somebody else has raised meanwhile is not raised again."""
    monkeypatch.setattr(reorder_alerts, "ALERTS_AT_A_TIME", 2)
    teller.tell(receipt("1", sku="A"))
    await see(database, teller)
    await add_run(database, "r1", {(f"S{number}", "MAIN"): 1 for number in range(5)})
    one, two = ReorderAlerts(database, 1), ReorderAlerts(database, 1)
    assert await one.hold()
    while await two.hold():
        pass
    assert not await one.hold()
    assert one.raised + two.raised == 5
    engine = create_async_engine(database.url)
    async with engine.begin() as connection:
        results = update(planning_results).values(reorder_point=0)
        await connection.execute(results)
    await engine.dispose()
    while await one.hold():
        pass
    assert {row["active"] for row in await _rows(database)} == {False}
    await one.close()
    await two.close()


async def test_it_looks_now_and_then(
    database: Database, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only who has the first partition does."""
    monkeypatch.setattr(reorder_alerts, "REORDER_LOOK_SECONDS", 1_000.0)
    teller.tell(receipt("1", sku="A"))
    await see(database, teller)
    await add_run(database, "r1", {("B", "MAIN"): 1})
    other = ReorderAlerts(database, 2, lambda: frozenset({1}))
    assert not await other.look()
    assert other.raised == 0
    await other.close()
    work = ReorderAlerts(database, 2, lambda: frozenset({0}))
    assert not await work.look()
    assert work.raised == 1
    await add_run(database, "r2", {("C", "MAIN"): 1})
    assert not await work.look()
    assert work.raised == 1, "it is not time yet"
    await work.close()


async def test_levels_that_are_behind_the_views_say_nothing(
    database: Database, teller: Teller
) -> None:
    """Neither that something fell nor that it rose; once they are there it is told as it is."""
    teller.tell(receipt("10", sku="A", location="MAIN/A"))
    await see(database, teller)
    await add_run(database, "r1", {("A", "MAIN"): 11})
    assert await hold(database) == [("below_reorder_point", "A", "MAIN")]
    for sku in "BC":
        teller.tell(receipt("9", sku=sku, location="MAIN/A"))
    teller.tell(pick("7", sku="C", location="MAIN/A"))
    teller.tell(pick("8", sku="A", location="MAIN/A"))
    await project(teller.log, database)
    points = {(sku, site): 5 for sku in "ABC" for site in ("", "MAIN")}
    await add_run(database, "r2", {**points, ("gone", "MAIN"): 1})
    work = ReorderAlerts(database, 1)
    assert [await work.hold() for _ in range(3)] == [False] * 3
    assert work.raised == 0, "views knew more than levels"
    await see(database, teller)
    while await work.hold():
        pass
    await work.close()
    found = [json.loads(row["document"])["data"] for row in await _rows(database)]
    assert {
        (one["sku"], one["site"]): (one["available"], one["position"], one["run"]) for one in found
    } == {
        ("A", "MAIN"): ("10", "0:1", "r1"),
        ("A", ""): ("2", "0:5", "r2"),
        ("C", ""): ("2", "0:5", "r2"),
        ("C", "MAIN"): ("2", "0:5", "r2"),
        ("gone", "MAIN"): ("0", "0:5", "r2"),
    }


async def test_it_waits_for_each_partition_by_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that nobody reads keeps no other from its alerts, and no SKU that nothing moved."""
    monkeypatch.setattr(reorder_alerts, "ALERTS_AT_A_TIME", 2)
    monkeypatch.setattr(reorder_alerts, "ROWS_AT_A_TIME", 3)
    log, partition_of = MemoryLog(2), Partitioner(2).partition_of
    tellers = [Teller(log, 0), Teller(log, 1)]
    skus = [f"S{number:02}" for number in range(20)]
    for sku in skus:
        tellers[partition_of(sku)].tell(receipt("1", sku=sku, location="MAIN/A"))
    await project(log, database)
    read = AlertKeeper(database, lambda: frozenset({1}))
    assert not await read.look()
    await read.close()
    await add_run(database, "r1", {(sku, "MAIN"): 2 for sku in skus})
    work = ReorderAlerts(database, 2)
    while await work.hold():
        pass
    told = {row["sku"] for row in await _rows(database)}
    assert told == {sku for sku in skus if partition_of(sku) == 1}
    await see(database, tellers[0])
    while await work.hold():
        pass
    await work.close()
    found = [json.loads(row["document"])["data"]["available"] for row in await _rows(database)]
    assert found == ["1"] * len(skus)


async def test_levels_may_be_behind_all_the_time(database: Database, teller: Teller) -> None:
    """They are held against a run as soon as they know what it knew."""
    teller.tell(receipt("10", sku="A", location="MAIN/A"))
    await project(teller.log, database)
    await add_run(database, "r1", {("A", "MAIN"): 10, ("B", "MAIN"): 1})
    work = ReorderAlerts(database, 1)

    async def look() -> list[str]:
        """Levels come to where the views are, views go on, and somebody looks."""
        await see(database, teller)
        teller.tell(pick("1", sku="A", location="MAIN/A"))
        await project(teller.log, database)
        assert not await work.hold()
        return sorted(row["sku"] for row in await _rows(database) if row["active"])

    assert await look() == []
    assert await look() == ["A", "B"]
    teller.tell(receipt("1", sku="B", location="MAIN/A"))
    teller.tell(receipt("9", sku="NEW", location="MAIN/A"))
    await project(teller.log, database)
    await add_run(database, "r2", {("A", "MAIN"): 1, ("B", "MAIN"): 1, ("NEW", "MAIN"): 9})
    assert not await work.hold()
    assert len(await _rows(database)) == 2, "the second run knew what levels did not"
    assert await look() == []
    await work.close()


async def test_who_looks_again_after_a_while_begins_anew(
    database: Database, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far levels had to be before its share, or its database, was lost is no measure then."""
    monkeypatch.setattr(reorder_alerts, "REORDER_LOOK_SECONDS", 0.0)
    share = frozenset({0})
    work = ReorderAlerts(database, 1, lambda: share)
    for number, lose in enumerate(("share", "database")):
        teller.tell(receipt("10", sku=f"A{number}", location="MAIN/A"))
        teller.tell(pick("9", sku=f"A{number}", location="MAIN/A"))
        await see(database, teller)
        await add_run(database, f"r{number}", {(f"A{number}", "MAIN"): 1})
        assert not await work.look()
        teller.tell(pick("1", sku=f"A{number}", location="MAIN/A"))
        await see(database, teller)
        teller.tell(receipt("1", sku=f"A{number}", location="MAIN/A"))
        await project(teller.log, database)
        if lose == "database":
            await work.close()
        else:
            share = frozenset()
            assert not await work.look()
            share = frozenset({0})
        assert not await work.look()
        assert work.raised == 0
    await work.close()
