"""Alerts on both databases: made once, whoever makes them, and the same after a new beginning."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import select

from ledger.domain.facts import Moved
from ledger.ending import end
from projections.database import Database
from projections.publishers import alert_keeper
from projections.publishers.alert_keeper import AlertKeeper
from projections.publishers.alert_queries import AlertFilter, list_alerts
from projections.publishers.alert_store import Range, ranges
from projections.publishers.alert_tables import alerts, site_levels
from projections.publishers.looking import keep_looking
from projections.publishers.schemas import schema_of
from tests.builders import pick, receipt, reversal, status_change, transfer
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog, Teller
from tests.contract.read_models.projecting import project
from tests.unit.projections.publishers.level_cases import trade
from tests.waiting import eventually

Story = list[tuple[int, str, str, bool]]


async def rows(database: Database) -> list[dict[str, Any]]:
    """All alerts by position."""
    async with database.reader() as reader:
        query = select(alerts).order_by(alerts.c.partition, alerts.c.log_offset, alerts.c.type)
        return [dict(row) for row in await reader.all(query)]


async def story(database: Database) -> Story:
    """Offset of the movement, kind, site and whether it holds, of every alert."""
    return [
        (row["log_offset"], row["type"].split(".")[1], row["site"], row["active"])
        for row in await rows(database)
    ]


async def keep(database: Database) -> AlertKeeper:
    """Look until nothing is behind."""
    keeper = AlertKeeper(database)
    while await keeper.look():
        pass
    await keeper.close()
    return keeper


@asynccontextmanager
async def keeping(database: Database) -> AsyncIterator[AlertKeeper]:
    """A keeper that runs meanwhile."""
    keeper = AlertKeeper(database)
    task = asyncio.create_task(keep_looking(keeper))
    try:
        yield keeper
    finally:
        await end(task)


@pytest.fixture
def log() -> MemoryLog:
    """Two empty partitions."""
    return MemoryLog(2)


async def test_a_stock_out_and_its_end(database: Database, log: MemoryLog) -> None:
    """Once each, by site; moving inside a site is none, nor is what never was available."""
    teller = Teller(log)
    teller.tell(receipt("5", sku="A", location="MAIN/A"))  # 1
    teller.tell(transfer("5", sku="A", from_location="MAIN/A", to_location="MAIN/B"))
    teller.tell(transfer("5", sku="A", from_location="MAIN/B", to_location="EAST"))  # 3: MAIN
    teller.tell(status_change("5", sku="A", location="EAST"))  # 4: EAST
    teller.tell(receipt("1", sku="A", location="EAST", status="quarantined"))
    put = teller.tell(receipt("2", sku="A", location="EAST/1"))  # 6: back
    teller.tell(reversal(put.id, sku="A"))  # 7: out again
    teller.tell(receipt("2", sku="B", location="sscc:123"))
    teller.tell(pick("2", sku="B", location="sscc:123"))
    await project(log, database)
    assert (await keep(database)).raised == 4
    assert await story(database) == [
        (3, "stock_out", "MAIN", True),
        (4, "stock_out", "EAST", False),
        (6, "back_in_stock", "EAST", False),
        (7, "stock_out", "EAST", True),
    ]
    found = await rows(database)
    for row in found:
        document = json.loads(row["document"])
        Draft202012Validator(schema_of(row["type"])).validate(document)
        assert document["id"] == row["alert_id"]
        assert document["source"] == f"/stockledger/{LEDGER_ID}"
    assert found[1]["ended_by"] == found[2]["alert_id"] == "0:6/back_in_stock/EAST"
    assert json.loads(found[2]["document"])["data"] == {
        "sku": "A", "site": "EAST", "available": "2", "scale": 0, "movement": put.id,
        "position": "0:6", "ends": "0:4/stock_out/EAST",
    }  # fmt: skip


async def test_ranges_and_repeats_change_nothing(
    database: Database, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever steps they are looked through, by however many, the alerts are the same."""
    chance = random.Random(3)
    tellers = Teller(log, 0), Teller(log, 1)
    for teller in tellers:
        trade(teller, chance, 150)
    await project(log, database)
    monkeypatch.setattr(alert_keeper, "RANGE_RECORDS_MAX", 7)
    async with keeping(database) as one, keeping(database) as two:
        await eventually(lambda: not any(one.lag.values()) and not any(two.lag.values()))
        for teller in tellers:
            trade(teller, chance, 50)
        await project(log, database)
        wanted = {teller.partition: teller.end for teller in tellers}
        await eventually(lambda: _is_at(database, wanted))
        assert one.failure is two.failure is None
    expected = [step for teller in tellers for step in _by_hand(teller)]
    found = [row[:3] for row in await story(database)]
    assert sorted(found) == sorted(expected)
    assert len(expected) > 20
    held = await rows(database)
    assert sum(row["active"] for row in held) == await _out_of_stock(database)


async def _is_at(database: Database, wanted: dict[int, int]) -> bool:
    async with database.reader() as reader:
        found = {one.partition: one.start for one in await ranges(reader)}
    return found == wanted


async def _out_of_stock(database: Database) -> int:
    async with database.reader() as reader:
        levels = await reader.all(select(site_levels))
    assert all((row["stock_out"] is not None) == (row["available"] <= 0) for row in levels)
    return sum(row["stock_out"] is not None for row in levels)


def _by_hand(teller: Teller) -> list[tuple[int, str, str]]:
    """The same by summing up the facts' entries."""
    held: dict[tuple[str, str], int] = {}
    found = []
    for fact in teller.facts:
        if not isinstance(fact, Moved):
            continue
        before = dict(held)
        for account, sign in ((fact.source, -1), (fact.target, 1)):
            if account[0] != "@" and "\x1f" not in account:
                key = fact.sku, account.split("/")[0]
                held[key] = held.get(key, 0) + sign * fact.quantity
        for key, now in held.items():
            was = before.get(key)
            if was is not None and was > 0 >= now:
                found.append((fact.offset, "stock_out", key[1]))
            if was is not None and was <= 0 < now:
                found.append((fact.offset, "back_in_stock", key[1]))
    return found


async def test_alerts_of_another_ledger_stop_it(database: Database, log: MemoryLog) -> None:
    """They are never mixed, and it says so."""
    Teller(log).tell(receipt("5", sku="A"))
    await project(log, database)
    keeper = await keep(database)
    assert keeper.lag == {0: 0}
    other = "22222222-2222-4222-8222-222222222222"
    part = Range(other, 1, 0, 1)
    store = AlertKeeper(database)._store
    await store.write(part, {}, [])
    await store.close()
    Teller(log, 1).tell(receipt("5", sku="B"))
    await project(log, database)
    async with keeping(database) as stopped:
        await eventually(lambda: stopped.failure)
        assert other in (stopped.failure or "")


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        (AlertFilter(), {"stock_out": 4, "back_in_stock": 2}),
        (AlertFilter(sku="A"), {"stock_out": 2, "back_in_stock": 1}),
        (AlertFilter(site="EAST"), {"stock_out": 2, "back_in_stock": 1}),
        (AlertFilter(active=True), {"stock_out": 2}),
        (AlertFilter(active=False, type="stock.stock_out.v1"), {"stock_out": 2}),
        (AlertFilter(sku="\0"), {}),
    ],
)
async def test_the_list(
    database: Database, log: MemoryLog, wanted: AlertFilter, kinds: dict[str, int]
) -> None:
    """Newest first, in pages that leave nothing out and bring nothing twice."""
    teller = Teller(log)
    for sku, place in (("A", "MAIN/A"), ("B", "EAST")):
        for _ in range(2):
            teller.tell(receipt("1", sku=sku, location=place))
            teller.tell(pick("1", sku=sku, location=place))
    await project(log, database)
    await keep(database)
    found: list[dict[str, Any]] = []
    cursor = None
    async with database.reader() as reader:
        whole = await list_alerts(reader, wanted, limit=100)
        while True:
            page = await list_alerts(reader, wanted, limit=1, cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
    assert found == whole.items
    assert [one["raised_at"] for one in found] == sorted(
        (one["raised_at"] for one in found), reverse=True
    )
    counted: dict[str, int] = {}
    for one in found:
        kind = one["type"].split(".")[1]
        counted[kind] = counted.get(kind, 0) + 1
    assert counted == kinds
