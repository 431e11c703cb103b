"""One suite for the read models, on both databases: how they are filled, and when they stop."""

import asyncio

import pytest
from sqlalchemy import select

from ledger.domain.facts import Moved
from ledger.domain.movements import Adjustment, Pick, Reference, Reversal, Scrap, StatusChange
from ledger.events.documents import movement_document
from ledger.events.trails import Trail, encode_trail
from projections.checkpoints import VIEW_GROUP, Checkpoint
from projections.database import Database
from projections.id_index import ViewIdIndex
from projections.positions import Positions, ViewLagging, read_positions
from projections.stores import ViewStore, open_store
from projections.tables import OVERFLOW_UNIT, refusals, stock
from projections.tail import PartitionTail, Shared
from projections.views.items import find_item, list_items
from projections.views.movements import MovementFilter, find_movement, list_movements
from projections.views.stock_queries import find_stock
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import (
    WAIT_SECONDS,
    count,
    project,
    projecting,
    sums,
    until,
)
from tests.waiting import eventually


async def test_views_show_what_the_log_tells(database: Database) -> None:
    """Movements with their documents, stock with its totals, refusals, items, reversals."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.trail = encode_trail(Trail("recordMovement@one-3fa2b1", "request-1", "5f2b9c01"))
    teller.define("A", "define-1", name="Bolt", scale=2, unit="kg")
    teller.tell(receipt("r1", "A", "10.5", unit_cost="2", lot="L1", note="n"), actor="key1")
    teller.claim()
    teller.tell(StatusChange(id="s1", sku="A", quantity="3", location="MAIN/A/01", lot="L1",
                             from_status="available", to_status="quarantined"))  # fmt: skip
    teller.tell(Pick(id="p1", sku="A", quantity="1.25", location="MAIN/A/01", lot="L1",
                     reference=Reference("order", "O-1")))  # fmt: skip
    teller.refuse(Pick(id="x1", sku="A", quantity="99", location="MAIN/A/01", lot="L1"))
    teller.tell(Adjustment(id="a1", sku="A", quantity="-1", location="MAIN/A/01", lot="L1",
                           reason="lost"))  # fmt: skip
    teller.tell(Reversal(id="v1", sku="A", reverses="p1"))
    projector = await project(log, database)
    assert projector.failures == {}
    assert await sums(database) == {"A": 0}
    async with database.reader() as reader:
        for fact in teller.facts:
            if isinstance(fact, Moved):
                shown = await find_movement(reader, fact.id)
                assert shown is not None
                reversed_by = shown.pop("reversed_by")
                assert shown == movement_document(fact, 0)
                assert reversed_by == (
                    {"partition": 0, "offset": teller.end - 1} if fact.id == "p1" else None
                )
        found = await find_stock(reader, "A")
        item = await find_item(reader, "A")
        everything = await list_movements(reader, MovementFilter(), limit=100)
    assert found is not None
    expected = {"on_hand": "9.5", "unavailable": "3", "available": "6.5", "value": "19"}
    assert {name: found[name] for name in expected} == expected
    line = {"location": "MAIN/A/01", "lot": "L1", "reserved": "0"}
    assert found["positions"] == [
        {**line, "status": "available", "on_hand": "6.5", "available": "6.5"},
        {**line, "status": "quarantined", "on_hand": "3", "available": "0"},
    ]
    assert found["as_of_position"] == {"0": teller.end - 1}
    assert item is not None
    assert (item["sku"], item["name"], item["scale"], item["suppliers"]) == ("A", "Bolt", 2, [])
    assert [one["id"] for one in everything.items] == ["v1", "a1", "p1", "s1", "r1"]
    assert await count(database, refusals) == 1
    assert {one["request_id"] for one in everything.items} == {"request-1"}


async def test_a_movement_shows_within_50_ms(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tailing live, nothing is polled for and nothing waits for more to come. A machine that is
    busy with other things may be late, but not each time."""
    for name in ("tail.READ_WAIT_SECONDS", "positions.POLL_SECONDS", "positions.POLL_FED_SECONDS"):
        monkeypatch.setattr(f"projections.{name}", 3_600.0)
    log = MemoryLog(2)
    teller = Teller(log)
    delays: list[float] = []
    async with projecting(log, database) as projector:
        await until(lambda: projector.positions.known().get(0) == 1)

        async def is_quick() -> bool:
            before = asyncio.get_running_loop().time()
            moved = teller.tell(receipt(f"r{len(delays)}", "A"))
            await projector.positions.wait_for({0: moved.offset}, WAIT_SECONDS)
            delays.append(asyncio.get_running_loop().time() - before)
            return len(delays) >= 20 and min(delays) < 0.05

        await eventually(is_quick)


async def test_sums_are_exact_beyond_64_bits(database: Database) -> None:
    """A virtual account may take in more than 64 bits hold; nothing is rounded."""
    log = MemoryLog(1)
    teller = Teller(log)
    for number in range(12):
        teller.tell(receipt(f"r{number}", "A", str(10**18 - 1)))
        teller.tell(Scrap(id=f"s{number}", sku="A", quantity=str(10**18 - 1),
                          location="MAIN/A/01", reason="obsolete"))  # fmt: skip
        if number % 5 == 0:  # several transactions
            await project(log, database)
    await project(log, database)
    assert await sums(database) == {"A": 0}
    async with database.reader() as reader:
        row = await reader.first(select(stock).where(stock.c.account == "@supplier"))
    assert row is not None
    assert row["on_hand"] + row["overflows"] * OVERFLOW_UNIT == -12 * (10**18 - 1)


async def test_a_restart_goes_on_where_the_views_are(database: Database) -> None:
    """Position and rows are saved together: nothing is missing and nothing twice."""
    log = MemoryLog(2)
    tellers = [Teller(log, 0), Teller(log, 1)]
    for number in range(30):
        for teller in tellers:
            teller.tell(receipt(f"r{number}", f"SKU-{teller.partition}"))
        if number % 7 == 0:
            await project(log, database)
    await project(log, database)
    assert await count(database) == 60
    async with database.reader() as reader:
        found = await find_stock(reader, "SKU-1")
    assert found is not None
    assert found["on_hand"] == "300"


async def gather(log: MemoryLog, store: ViewStore, stored: Checkpoint | None) -> PartitionTail:
    """A tail that has read all of partition 0 from `stored` on."""
    tail = PartitionTail(log, 0, Shared(store.movement_row))
    await tail.resume(stored)
    follow = asyncio.create_task(tail.follow())
    end = await log.end(0)
    await until(lambda: tail.position == end)
    follow.cancel()
    await asyncio.gather(follow, return_exceptions=True)
    return tail


async def test_the_same_batch_a_second_time_changes_nothing(database: Database) -> None:
    """A crash after the commit: whoever writes the batch again is told that it is stale."""
    log = MemoryLog(1)
    teller = Teller(log)
    for number in range(5):
        teller.tell(receipt(f"r{number}", "A"))
    store = open_store(database, VIEW_GROUP)
    changes = (await gather(log, store, None)).take()
    assert changes is not None
    assert await store.write([changes]) == []
    assert await store.write([changes]) == [0]
    await store.close()
    assert await count(database) == 5
    assert await sums(database) == {"A": 0}


async def test_a_slow_zombie_changes_nothing(database: Database) -> None:
    """A projector that gathered long ago writes after another one went past it."""
    log = MemoryLog(2)
    teller, other = Teller(log, 0), Teller(log, 1)
    teller.tell(receipt("r0", "A"))
    await project(log, database)
    store = open_store(database, VIEW_GROUP)
    stored = await store.checkpoints()
    teller.tell(receipt("r1", "A"))
    zombie = (await gather(log, store, stored[0])).take()
    teller.tell(receipt("r2", "A"))
    other.tell(receipt("r3", "B"))
    await project(log, database)
    before = await store.checkpoints()
    assert zombie is not None
    assert await store.write([zombie]) == [0]
    assert await store.checkpoints() == before
    await store.close()
    assert await count(database) == 4


async def test_two_projectors_race_and_nothing_is_doubled(database: Database) -> None:
    """Both write whatever they can; the views are as if there were one."""
    log = MemoryLog(3)
    tellers = [Teller(log, partition) for partition in range(3)]
    async with projecting(log, database) as one, projecting(log, database) as other:
        for number in range(200):
            teller = tellers[number % 3]
            teller.tell(receipt(f"r{number}", f"SKU-{teller.partition}", "1"))
            if number % 5 == 0:
                await asyncio.sleep(0.002)
        ends = {teller.partition: teller.end - 1 for teller in tellers}
        await one.positions.wait_for(ends, WAIT_SECONDS)
        await other.positions.wait_for(ends, WAIT_SECONDS)
        assert one.failures == other.failures == {}
    assert await count(database) == 200
    assert set((await sums(database)).values()) == {0}


async def test_void_records_show_nowhere(database: Database) -> None:
    """Only what lies where it was decided to lie is history, wherever the void ones lie."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.void()
    teller.tell(receipt("r0", "A"))
    teller.foreign()
    teller.void()
    projector = await project(log, database)
    assert projector.failures == {}
    assert await count(database) == 1
    teller.tell(receipt("r1", "A"))
    await project(log, database)
    assert await count(database) == 2


async def test_views_can_be_made_of_a_large_log(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading makes the indexes afterwards; after a crash in between the next one makes them."""
    monkeypatch.setattr("projections.runner.LOADING_RECORDS_MIN", 10)
    log = MemoryLog(2)
    tellers = [Teller(log, 0), Teller(log, 1)]
    for number in range(1_500):
        teller = tellers[number % 2]
        teller.tell(receipt(f"r{number}", f"SKU-{number % 8}"))
    await open_and_defer(database)
    index = ViewIdIndex(database)
    index.ledger_id = LEDGER_ID
    await project(log, database)
    async with projecting(log, database):
        async with asyncio.timeout(WAIT_SECONDS):
            while await index.position(0) == 0:  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.01)
    assert await index.position(0) == 751
    assert await index.find(0, ["r0", "r2", "r1", "none"]) == {"r0": 1, "r2": 2}
    assert await count(database) == 1_500
    assert set((await sums(database)).values()) == {0}


async def open_and_defer(database: Database) -> None:
    """What a projector does before it loads much, and then it is killed."""
    store = open_store(database, VIEW_GROUP)
    await store.defer_indexes()
    await store.close()


async def test_ids_are_found_wherever_they_were_used(database: Database) -> None:
    """Movements, refusals and every definition of an item, each in its own partition."""
    log = MemoryLog(2)
    teller, other = Teller(log, 0), Teller(log, 1)
    teller.define("A", "d1", name="old")
    teller.define("A", "d2", name="new")
    teller.tell(receipt("m1", "A"))
    teller.refuse(Pick(id="x1", sku="A", quantity="99", location="MAIN/A/01"))
    other.tell(receipt("m2", "B"))
    await project(log, database)
    index = ViewIdIndex(database)
    index.ledger_id = LEDGER_ID
    wanted = ["d1", "d2", "m1", "x1", "m2", "nobody", "'; --"]
    assert await index.find(0, wanted) == {"d1": 1, "d2": 2, "m1": 3, "x1": 4}
    assert await index.find(1, wanted) == {"m2": 1}
    assert await index.find(0, []) == {}
    assert (await index.position(0), await index.position(7)) == (5, 0)
    async with database.reader() as reader:
        page = await list_items(reader, limit=10)
    assert [item["name"] for item in page.items] == ["new"]


async def test_min_position_waits(database: Database) -> None:
    """A reader that names a position gets it, or is told that the views lag."""
    log = MemoryLog(1)
    teller = Teller(log)
    elsewhere = Positions(database)
    async with projecting(log, database) as projector:
        for positions in (projector.positions, elsewhere):
            with pytest.raises(ViewLagging):
                await positions.wait_for({0: teller.end}, 0.05)
            with pytest.raises(ViewLagging):
                await positions.wait_for({5: 0}, 0)
            waiting = asyncio.create_task(positions.wait_for({0: teller.end}, WAIT_SECONDS))
            await asyncio.sleep(0.02)
            assert not waiting.done()
            teller.tell(receipt(f"r{teller.end}", "A"))
            await waiting
    await elsewhere.wait_for({0: teller.end - 1}, 0)
    async with database.reader() as reader:
        assert await read_positions(reader) == {0: teller.end}
