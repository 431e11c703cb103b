"""What callers ask the read models, on both databases."""

from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ledger.domain.codes import instant
from ledger.domain.movements import Adjustment, Issue, Pick, Reference, Transfer
from projections import cursors
from projections.cursors import InvalidCursor, Page
from projections.database import Database
from projections.positions import InvalidPosition, parse_positions
from projections.views.items import find_item, list_items
from projections.views.movements import (
    AmbiguousMovement,
    MovementFilter,
    find_movement,
    list_movements,
)
from projections.views.stock_queries import StockFilter, find_stock, list_stock
from tests.contract.read_models.cases import START_MS, MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import project

WEIRD = [
    "A/1",
    "A%1",
    "A_1",
    "it's",
    'say "hi"',
    "back\\slash",
    "ключ",
    "日本",
    "😀",
    "a b",
    "; DROP TABLE stock --",
    "@supplier",
    "{}",
]


async def ids(database: Database, **wanted: Any) -> list[str]:
    """The ids of the movements that a filter lets pass, oldest first."""
    async with database.reader() as reader:
        page = await list_movements(
            reader, MovementFilter(**wanted), limit=1000, newest_first=False
        )
    return [item["id"] for item in page.items]


async def keys(database: Database, **wanted: Any) -> list[tuple[str, str, str | None, str]]:
    """SKU, location, lot and on hand of the stock keys that a filter lets pass."""
    async with database.reader() as reader:
        page = await list_stock(reader, StockFilter(**wanted), limit=1000)
    return [(one["sku"], one["location"], one["lot"], one["on_hand"]) for one in page.items]


async def all_pages(fetch: Callable[[str | None], Awaitable[Page]]) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await fetch(cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items


async def filled(database: Database) -> Teller:
    """A few movements of every kind that filters tell apart."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r1", "A", lot="L1", reference=Reference("purchase_order", "PO-1")))
    teller.tell(receipt("r2", "A", location="MAIN/B", reference=Reference("order", "PO-1")))
    teller.tell(receipt("r3", "B", location="MAIN/A", occurred_at="2025-06-01T00:00:00Z"))
    teller.tell(Transfer(id="t1", sku="B", quantity="4", from_location="MAIN/A",
                         to_location="MAIN/A/01"))  # fmt: skip
    teller.tell(Issue(id="i1", sku="A", quantity="10", location="MAIN/B"))
    teller.tell(Adjustment(id="a1", sku="B", quantity="1", location="MAINE", reason="found"))
    await project(log, database)
    return teller


async def test_movements_are_filtered(database: Database) -> None:
    """Each filter by itself and several together."""
    await filled(database)
    assert await ids(database) == ["r1", "r2", "r3", "t1", "i1", "a1"]
    assert await ids(database, sku="A") == ["r1", "r2", "i1"]
    assert await ids(database, lot="L1") == ["r1"]
    assert await ids(database, type="receipt") == ["r1", "r2", "r3"]
    assert await ids(database, reference_id="PO-1") == ["r1", "r2"]
    assert await ids(database, reference_id="PO-1", reference_type="order") == ["r2"]
    assert await ids(database, location="MAIN/A") == ["r3", "t1"]
    assert await ids(database, location="MAIN/A", location_below=True) == ["r1", "r3", "t1"]
    assert await ids(database, location="MAIN", location_below=True, sku="B") == ["r3", "t1"]
    assert await ids(database, location="@supplier") == []
    june = instant("2025-06-01T00:00:00Z")
    assert isinstance(june, int)
    assert await ids(database, occurred_from_us=june, occurred_until_us=june + 1) == ["r3"]
    assert await ids(database, occurred_until_us=june) == []
    recorded = {"recorded_from_ms": START_MS + 2, "recorded_until_ms": START_MS + 4}
    assert await ids(database, **recorded) == ["r2", "r3"]
    assert await ids(database, sku="A", type="issue", location="MAIN/B") == ["i1"]
    assert await ids(database, sku="nobody") == []


async def test_stock_is_filtered(database: Database) -> None:
    """A place, or all below it; places that only begin with the same letters are others."""
    await filled(database)
    everything = [
        ("A", "MAIN/A/01", "L1", "10"),
        ("B", "MAIN/A", None, "6"),
        ("B", "MAIN/A/01", None, "4"),
        ("B", "MAINE", None, "1"),
    ]
    assert await keys(database) == everything
    assert await keys(database, sku="A") == everything[:1]
    assert await keys(database, lot="L1") == everything[:1]
    assert await keys(database, lot="") == everything[1:]
    assert await keys(database, status="damaged") == []
    assert await keys(database, location="MAIN/A") == everything[1:2]
    assert await keys(database, location="MAIN/A", location_below=True) == everything[:3]
    assert await keys(database, location="MAIN", location_below=True) == everything[:3]
    assert await keys(database, location="@supplier") == []
    with_empty = await keys(database, sku="A", include_zero=True)
    assert with_empty == [everything[0], ("A", "MAIN/B", None, "0")]


async def test_strange_names_mean_themselves(database: Database) -> None:
    """Quotes, slashes, wildcards and letters of all scripts, in SKUs, ids, lots and places."""
    log = MemoryLog(1)
    teller = Teller(log)
    for name in WEIRD:
        place = name if name[0] != "@" else "x" + name
        teller.define(name, f"define {name}", name=name)
        teller.tell(receipt(f"id {name}", name, location=f"S/{place}/x", lot=name))
    await project(log, database)
    async with database.reader() as reader:
        for name in WEIRD:
            place = name if name[0] != "@" else "x" + name
            found = await find_stock(reader, name)
            assert found is not None
            assert (found["sku"], found["on_hand"]) == (name, "10")
            moved = await find_movement(reader, f"id {name}")
            assert moved is not None
            assert moved["sku"] == name
            item = await find_item(reader, name)
            assert item is not None
            assert item["name"] == name
            below = StockFilter(location=f"S/{place}", location_below=True)
            page = await list_stock(reader, below, limit=10)
            # "A/1" is the path S/A/1, and only that one.
            assert [one["sku"] for one in page.items] == [name]
            assert [one["lot"] for one in page.items] == [name]
        everything = await all_pages(lambda cursor: list_items(reader, limit=2, cursor=cursor))
        assert [one["sku"] for one in everything] == sorted(WEIRD, key=str.encode)
        assert await find_stock(reader, "A") is None
        assert await find_stock(reader, "nul\0") is None
        assert await find_movement(reader, "nul\0") is None
        assert (await list_stock(reader, StockFilter(location="\0"), limit=5)).items == []
        assert (await list_movements(reader, MovementFilter(lot="\0"), limit=5)).items == []


async def test_pages_are_stable_while_the_log_grows(database: Database) -> None:
    """Nothing is shown twice and nothing left out, in both orders, also at the same instant."""
    log = MemoryLog(3)
    tellers = [Teller(log, partition) for partition in range(3)]

    def grow(name: str) -> None:
        for number in range(8):
            for teller in tellers:
                teller.tell(receipt(f"{name}{number}-{teller.partition}", f"S{teller.partition}"))

    grow("a")
    await project(log, database)
    for newest_first in (True, False):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            async with database.reader() as reader:
                page = await list_movements(
                    reader, MovementFilter(), limit=5, cursor=cursor, newest_first=newest_first
                )
            seen += [one["id"] for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
            if newest_first and len(seen) == 10:
                grow("b")
                await project(log, database)
        expected = [one for one in await ids(database) if newest_first is False or one[0] == "a"]
        assert seen == (expected[::-1] if newest_first else expected)
    async with database.reader() as reader:
        wanted = MovementFilter(location="MAIN/A/01")
        paged = await all_pages(
            lambda cursor: list_movements(reader, wanted, limit=7, cursor=cursor)
        )
        lines = await all_pages(
            lambda cursor: list_stock(reader, StockFilter(), limit=1, cursor=cursor)
        )
    assert [one["id"] for one in paged] == (await ids(database))[::-1]
    assert [one["sku"] for one in lines] == ["S0", "S1", "S2"]


def _sealed(text: bytes) -> str:
    return urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "ä", "A", "=" * 9, _sealed(b"[1]"), _sealed(b'["a",1,2]'), _sealed(b"[1,2,1e400]"),
     _sealed(b"[1,2,99999999999999999999]"), _sealed(b'[1,2,true]'), _sealed(b"\xff\xfe"),
     _sealed(b'["\\u0000","b","c","d"]'), _sealed(b"[" * 2000),
     cursors.encode("x", "y"), "x" * 9000],
)  # fmt: skip
async def test_garbage_is_no_cursor(database: Database, cursor: str) -> None:
    """Whatever a client sends, it is told so."""
    async with database.reader() as reader:
        for fetch in (
            list_movements(reader, MovementFilter(), limit=5, cursor=cursor),
            list_stock(reader, StockFilter(), limit=5, cursor=cursor),
            list_items(reader, limit=5, cursor=cursor),
        ):
            with pytest.raises(InvalidCursor):
                await fetch


async def test_an_id_in_two_partitions_is_ambiguous(database: Database) -> None:
    """An id is checked within its SKU's partition only."""
    log = MemoryLog(2)
    Teller(log, 0).tell(receipt("same", "A"))
    Teller(log, 1).tell(receipt("same", "B"))
    await project(log, database)
    async with database.reader() as reader:
        with pytest.raises(AmbiguousMovement) as caught:
            await find_movement(reader, "same")
        found = await find_movement(reader, "same", "B")
        assert await find_movement(reader, "same", "C") is None
    assert caught.value.skus == ["A", "B"]
    assert found is not None
    assert found["position"] == {"partition": 1, "offset": 1}


async def test_an_item_that_never_moved_has_no_stock(database: Database) -> None:
    """It is known, and empty; a refused command makes no SKU known."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.define("A", "d1")
    teller.refuse(Pick(id="x1", sku="B", quantity="1", location="MAIN"))
    await project(log, database)
    async with database.reader() as reader:
        found = await find_stock(reader, "A")
        assert await find_stock(reader, "B") is None
    assert found is not None
    assert (found["on_hand"], found["positions"], found["as_of_position"]) == ("0", [], {"0": 2})


def test_positions_are_read() -> None:
    """As `Ledger-Position` writes them."""
    assert parse_positions("3:17") == {3: 17}
    assert parse_positions("3:17, 4:2,3:17") == {3: 17, 4: 2}
    assert parse_positions("3:17, 4:2,3:9", highest=True) == {3: 17, 4: 2}
    assert len(parse_positions(",".join(f"{number}:1" for number in range(1024)))) == 1024
    for wrong in (
        "",
        "3",
        "3:",
        ":1",
        "3:-1",
        "a:b",
        "3:17,",
        "³:1",
        "3:17,3:9",
        "1:" + "9" * 19,
        ",".join(["1:1"] * 1025),
    ):
        with pytest.raises(InvalidPosition):
            parse_positions(wrong)
