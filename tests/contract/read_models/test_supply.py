"""Supply orders in the views, on both databases: as they are now, and as they were."""

from typing import Any

import msgspec
from sqlalchemy import select

from ledger.domain.codes import instant_text
from ledger.domain.movements import Reversal
from projections.database import Database
from projections.id_index import ViewIdIndex
from projections.planning.run_supply import read_supply
from projections.tables import supply_changes, supply_orders, supply_receipts
from projections.views.supply_reading import lead_times, open_orders
from tests import builders as make
from tests.contract.read_models.cases import LEDGER_ID, START_MS, MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import project

DAY_MS = 86_400_000


def place(identity: str, sku: str, quantity: str, **more: Any) -> Any:
    """An order due on the tenth of January."""
    due = {"expected_at": "2026-01-10T00:00:00Z", **more}
    return make.place(quantity, id=identity, sku=sku, **due)


def story() -> Teller:
    """Two orders of one SKU: one over-delivered, reversed in part and closed; one changed."""
    teller = Teller(MemoryLog(1))
    teller.supply(place("o1", "A", "10", order="PO-7", unit_cost="2.5"))  # 1
    teller.supply(place("o2", "A", "5", supplier="OTHER"))  # 2
    teller.now_ms += 3 * DAY_MS
    teller.tell(receipt("r1", "A", "4", supply_order="o1"))  # 3
    teller.now_ms += DAY_MS
    teller.tell(receipt("r2", "A", "8", supply_order="o1"))  # 4
    teller.supply(make.change("o2", sku="A", expected_at="2026-02-01T00:00:00Z"))  # 5
    teller.supply(make.close("o1", sku="A"))  # 6
    teller.tell(Reversal(id="v1", sku="A", reverses="r1"))  # 7
    teller.supply(make.change("o2", sku="A", quantity="7"))  # 8
    return teller


async def _rows(database: Database, table: Any) -> list[dict[str, Any]]:
    async with database.reader() as reader:
        query = select(table).order_by(table.c.partition, table.c.log_offset)
        return [dict(row) for row in await reader.all(query)]


async def test_the_lines_as_they_are_now(database: Database) -> None:
    """What was reversed did not come, also of a line that is closed."""
    await project(story().log, database)
    one, two = await _rows(database, supply_orders)
    day_us = DAY_MS * 1000
    expected = {
        "log_offset": 1, "id": "o1", "sku": "A", "supplier": "ACME", "location": "MAIN",
        "order_number": "PO-7", "unit_cost": 2_500_000, "quantity": 10, "received": 8,
        "state": "closed", "close_reason": "received", "changed_offset": 7,
        "placed_us": (START_MS + 1) * 1000,
        "first_received_us": (START_MS + 4) * 1000 + 4 * day_us,
        "last_received_us": (START_MS + 4) * 1000 + 4 * day_us,
    }  # fmt: skip
    assert {name: one[name] for name in expected} == expected
    expected = {
        "log_offset": 2, "state": "open", "quantity": 7, "received": 0, "changed_offset": 8,
        "expected_us": 1_769_904_000_000_000, "first_received_us": None, "closed_ms": None,
    }  # fmt: skip
    assert {name: two[name] for name in expected} == expected


async def test_a_replay_in_one_go_and_in_steps_gives_the_same_rows(
    database: Database, new_database: Database
) -> None:
    """Each record alone, or all in one transaction."""
    teller = story()
    await project(teller.log, database)
    stepwise = MemoryLog(1)
    for record in teller.log.records[0]:
        stepwise.put(0, record)
        await project(stepwise, new_database)
    for table in (supply_orders, supply_changes, supply_receipts):
        assert await _rows(database, table) == await _rows(new_database, table)


async def test_what_was_open_at_any_position(database: Database) -> None:
    """Quantities, dates and receipts as they were known by then."""
    await project(story().log, database)
    found = {}
    async with database.reader() as reader:
        assert await open_orders(reader, {}) == await open_orders(reader, {1: 9}) == []
        for position in range(10):
            found[position] = [
                (line.order_offset, line.ordered, line.received, line.outstanding)
                for line in await open_orders(reader, {0: position})
            ]
        due = [line.expected_us for line in await open_orders(reader, {0: 5})]
        later = [line.expected_us for line in await open_orders(reader, {0: 6})]
    assert found[1] == []
    assert found[2] == [(1, 10, 0, 10)]
    assert found[3] == [(1, 10, 0, 10), (2, 5, 0, 5)]
    assert found[4] == [(1, 10, 4, 6), (2, 5, 0, 5)]
    assert found[5] == found[6] == [(1, 10, 12, 0), (2, 5, 0, 5)]
    assert found[7] == found[8] == [(2, 5, 0, 5)]
    assert found[9] == [(2, 7, 0, 7)]
    assert (due[1], later[1]) == (1_768_003_200_000_000, 1_769_904_000_000_000)


async def test_what_was_open_on_a_past_day(database: Database) -> None:
    """What was placed, changed, received and closed by the end of it, and nothing since."""
    await project(story().log, database)
    first_day = START_MS // DAY_MS
    found = {}
    async with database.reader() as reader:
        for day in range(-1, 6):
            supply = await read_supply(reader, {0: 9}, first_day + day)
            found[day] = [(one.order_offset, one.received, one.outstanding) for one in supply.lines]
        known = await read_supply(reader, {0: 5}, first_day + 5)
    assert found[-1] == []
    assert found[0] == found[2] == [(1, 0, 10), (2, 0, 5)]
    assert found[3] == [(1, 4, 6), (2, 0, 5)]
    assert found[4] == found[5] == [(2, 0, 7)]
    assert [one.outstanding for one in known.lines] == [0, 5]


async def test_an_order_that_was_placed_and_received_late_counts_on_its_days(
    database: Database,
) -> None:
    """Recorded today: ordered twenty days ago, received ten days ago, reversed today."""
    teller = Teller(MemoryLog(1))
    placed_at, received_at = (instant_text((START_MS - ago * DAY_MS) * 1000) for ago in (20, 10))
    teller.supply(place("o1", "A", "100", placed_at=placed_at))
    came = receipt("r1", "A", "100", supply_order="o1")
    teller.tell(msgspec.structs.replace(came, occurred_at=received_at))
    teller.tell(Reversal(id="v1", sku="A", reverses="r1"))
    await project(teller.log, database)
    today, found = START_MS // DAY_MS, {}
    async with database.reader() as reader:
        for ago in (21, 15, 5, 0):
            supply = await read_supply(reader, {0: 9}, today - ago)
            found[ago] = [one.outstanding for one in supply.lines]
    assert found == {21: [], 15: [100], 5: [0], 0: [100]}


async def test_lead_times_as_they_were_known(database: Database) -> None:
    """From placed to received; a receipt counts until its reversal is known."""
    await project(story().log, database)
    async with database.reader() as reader:
        before = await lead_times(reader, {0: 7})
        now = await lead_times(reader, {0: 9})
        first = await lead_times(reader, {0: 4})
    assert [(one.log_offset, one.quantity, one.supplier) for one in before] == [
        (3, 4, "ACME"), (4, 8, "ACME"),
    ]  # fmt: skip
    assert [one.log_offset for one in now] == [4]
    assert [one.log_offset for one in first] == [3]
    assert now[0].received_us - now[0].placed_us == (4 * DAY_MS + 3) * 1000


async def test_of_one_sku_or_one_supplier(database: Database) -> None:
    """The same as among all others, at any position."""
    teller = story()
    teller.supply(place("o3", "B", "3"))  # 9
    teller.tell(receipt("r3", "B", "1", supply_order="o3"))  # 10
    teller.tell(receipt("r4", "A", "2", supply_order="o2"))  # 11
    await project(teller.log, database)
    lines, came = [], []
    async with database.reader() as reader:
        for position in range(13):
            lines = await open_orders(reader, {0: position})
            came = await lead_times(reader, {0: position})
            for sku in ("A", "B", "C"):
                of_sku = [one for one in lines if one.sku == sku]
                assert await open_orders(reader, {0: position}, sku=sku) == of_sku
            for supplier in ("ACME", "OTHER", "NONE"):
                of_supplier = [one for one in came if one.supplier == supplier]
                assert await lead_times(reader, {0: position}, supplier) == of_supplier
    assert [one.sku for one in lines] == ["A", "B"]
    assert [one.supplier for one in came] == ["ACME", "OTHER", "ACME"]


async def test_ids_of_supply_orders_are_found(database: Database) -> None:
    """The writer asks the views for ids older than it remembers."""
    await project(story().log, database)
    index = ViewIdIndex(database)
    index.ledger_id = LEDGER_ID
    changed = (await _rows(database, supply_changes))[2]
    assert await index.find(0, ["o1", "r1", changed["id"], "no"]) == {
        "o1": 1, "r1": 3, changed["id"]: 5,
    }  # fmt: skip
