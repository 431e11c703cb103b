"""Lists at a moment, and the history with its running balances, are what a plain fold says."""

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from ledger.domain.facts import Moved
from ledger.domain.movements import Issue, Reversal
from ledger.domain.quantities import text
from projections.cursors import InvalidCursor, Page
from projections.database import Database
from projections.history import blocks
from projections.history.catching_up import catch_up
from projections.history.moments import Moment
from projections.views import stock_as_of, stock_history
from projections.views.movements import MovementFilter, list_movements
from projections.views.stock import place
from projections.views.stock_as_of import find_stock_as_of, list_stock_as_of, list_value
from projections.views.stock_history import Walk, list_history
from projections.views.stock_queries import StockFilter
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.history.model import Told, counting, folded, movements
from tests.contract.read_models.history.test_balances import ALL_SKUS, SMALL, drawn
from tests.contract.read_models.planning.histories import Story
from tests.contract.read_models.projecting import project


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SHAPE", SMALL)
    monkeypatch.setattr(stock_history, "MOVEMENTS_AT_A_TIME", 7)
    monkeypatch.setattr(stock_history, "MOVEMENTS_A_PAGE_MAX", 20)
    monkeypatch.setattr(stock_as_of, "SKUS_AT_A_TIME", 1)
    monkeypatch.setattr(stock_as_of, "SKUS_A_PAGE_MAX", 2)


async def every(fetch: Callable[..., Awaitable[Page]]) -> list[dict[str, Any]]:
    """Every item of a list, page by page; pages may be empty."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(1_000):
        page = await fetch(cursor=cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items
    raise AssertionError("the list has no end")


def changes_of(moved: Moved) -> list[tuple[tuple[str, str, str], int]]:
    """What a movement does to stock keys."""
    both = (moved.source, -moved.quantity), (moved.target, moved.quantity)
    return [(place(account), amount) for account, amount in both if account[0] != "@"]


def expected_history(told: list[Told], walk: Walk, location: str | None) -> list[tuple[Any, ...]]:
    """Id, on hand, and the changes with their balances, newest first."""
    counted = [moved for _, moved in counting(told, walk.moment)]
    if walk.order == "occurred":
        counted.sort(key=lambda moved: (moved.occurred_us, moved.offset))
    balances: dict[tuple[str, str, str], int] = {}
    found = []
    for moved in counted:
        lines = []
        for key, amount in changes_of(moved):
            balances[key] = balances.get(key, 0) + amount
            if location is None or f"{key[0]}/".startswith(f"{location}/"):
                lines.append((*key, text(amount, moved.scale), text(balances[key], moved.scale)))
        if lines or location is None:
            found.append((moved.id, text(sum(balances.values()), moved.scale), lines))
    return found[::-1]


def shown(items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The same of an answer."""
    return [
        (
            item["id"],
            item["on_hand"],
            [
                (one["location"], one["lot"] or "", one["status"], one["change"], one["balance"])
                for one in item["changes"]
            ],
        )
        for item in items
    ]


@pytest.mark.parametrize("seed", [2])
async def test_history_is_a_running_balance(database: Database, seed: int) -> None:
    """In both orders, of all keys and of a place, at any moment, page by page."""
    story = Story(seed).go_on(130)
    await project(story.log, database)
    await catch_up(database)
    story.go_on(30)
    await project(story.log, database)
    told = movements(story.facts())
    moments = random.Random(seed).sample(drawn(told, story, random.Random(seed)), 3)
    moments.append(Moment({teller.partition: teller.end for teller in story.tellers}))
    for moment in moments:
        for walk, location, limit in (
            (Walk(moment, "recorded"), None, 5),
            (Walk(moment, "occurred"), None, 5),
            (Walk(moment, "occurred"), "MAIN", 3),
            (Walk(moment, "recorded"), "EAST", 1000),
        ):
            sku = random.Random(limit).choice(ALL_SKUS)
            wanted = StockFilter(sku=sku, location=location, location_below=True)
            async with database.reader() as reader:
                items = await every(partial(list_history, reader, wanted, walk, limit=limit))
            of_sku = [one for one in told if one[1].sku == sku]
            assert shown(items) == expected_history(of_sku, walk, location)


@pytest.mark.parametrize("order", ["recorded", "occurred"])
async def test_history_of_a_key_that_was_emptied(
    database: Database, order: stock_history.Order
) -> None:
    """What lies before a block's last slice and adds up to nothing is in no sum, and is shown."""
    log = MemoryLog()
    teller = Teller(log)
    teller.tell(receipt("came", "A", "5", location="X"))
    teller.tell(Issue(id="left", sku="A", quantity="5", location="X"))
    for number in range(4):
        teller.tell(receipt(f"r{number}", "A", "1", location="Y"))
    await project(log, database)
    await catch_up(database)
    walk = Walk(Moment({0: teller.end}), order)
    async with database.reader() as reader:
        page = await list_history(reader, StockFilter(sku="A"), walk, limit=100)
    told = movements({0: teller.facts})
    assert shown(page.items) == expected_history(told, walk, None)
    assert len(page.items) == 6


async def test_a_reversal_is_not_known_before_it_is_recorded(database: Database) -> None:
    """Neither in the history nor in the list, on whatever page the reversed movement is."""
    log = MemoryLog()
    teller = Teller(log)
    teller.tell(receipt("r", "A"))
    before = teller.end
    undone = teller.tell(Reversal(id="undo", sku="A", reverses="r"))
    await project(log, database)
    known = {"partition": 0, "offset": undone.offset}
    for until, expected in ((before, None), (teller.end, known)):
        moment = Moment({0: until})
        async with database.reader() as reader:
            history = partial(list_history, reader, StockFilter(sku="A"))
            listed = partial(list_movements, reader, MovementFilter(sku="A", moment=moment))
            for fetch in (
                partial(history, Walk(moment, "recorded"), limit=1),
                partial(history, Walk(moment, "occurred"), limit=1),
                partial(listed, limit=1),
            ):
                (*_, first) = await every(fetch)
                assert (first["id"], first["reversed_by"]) == ("r", expected)


async def test_lists_of_stock_and_value(database: Database) -> None:
    """Every key that was not zero, in order, in pages that may be short; negative ones flagged."""
    story = Story(7).go_on(150)
    await project(story.log, database)
    await catch_up(database)
    told = movements(story.facts())
    negative = 0
    for moment in drawn(told, story, random.Random(7)):
        expected = [
            (sku, *key, text(amount, one.scale), amount < 0)
            for sku, one in sorted(folded(told, moment).items())
            for key, amount in sorted(one.keys.items())
        ]
        async with database.reader() as reader:
            lines = await every(partial(list_stock_as_of, reader, StockFilter(), moment, limit=2))
            below = StockFilter(location="MAIN", location_below=True, status="available")
            some = await every(partial(list_stock_as_of, reader, below, moment, limit=50))
            worth = await every(partial(list_value, reader, moment, limit=1))
        assert [
            (one["sku"], one["location"], one["lot"] or "", one["status"], one["on_hand"],
             one["negative"])
            for one in lines
        ] == expected  # fmt: skip
        assert some == [
            one
            for one in lines
            if f"{one['location']}/".startswith("MAIN/") and one["status"] == "available"
        ]
        assert [(one["sku"], one["value"]) for one in worth] == [
            (sku, text(one.value, 6))
            for sku, one in sorted(folded(told, moment).items())
            if one.value or one.keys
        ]
        negative += sum(one["negative"] for one in lines)
    assert negative > 0


async def test_movements_at_a_moment(database: Database) -> None:
    """The list has those that count and no others, in pages."""
    story = Story(4).go_on(100)
    await project(story.log, database)
    told = movements(story.facts())
    for moment in drawn(told, story, random.Random(4)):
        async with database.reader() as reader:
            wanted = MovementFilter(moment=moment)
            items = await every(partial(list_movements, reader, wanted, limit=9))
        expected = sorted(
            counting(told, moment), key=lambda one: (one[1].recorded_ms, one[0], one[1].offset)
        )
        assert [one["id"] for one in items] == [moved.id for _, moved in expected[::-1]]


async def test_one_sku_at_a_moment(database: Database) -> None:
    """Its totals are those of its keys; what never moved is empty, what never was is not there."""
    story = Story(5).go_on(120)
    story.tellers[0].define("only described", "d1")
    await project(story.log, database)
    told = movements(story.facts())
    for moment in drawn(told, story, random.Random(5)):
        model = folded(told, moment)
        async with database.reader() as reader:
            for sku, one in model.items():
                found = await find_stock_as_of(reader, sku, moment)
                assert found is not None
                assert found["on_hand"] == text(one.on_hand, one.scale)
                available = sum(amount for key, amount in one.keys.items() if key[2] == "available")
                assert found["available"] == text(available, one.scale)
                assert found["value"] == text(one.value, 6)
                assert found["negative"] == any(amount < 0 for amount in one.keys.values())
                assert len(found["positions"]) == len(one.keys)
            empty = await find_stock_as_of(reader, "only described", moment)
            assert empty is not None
            assert (empty["on_hand"], empty["positions"]) == ("0", [])
            assert await find_stock_as_of(reader, "never", moment) is None
            assert await find_stock_as_of(reader, "\0", moment) is None


async def test_garbage_is_no_cursor(database: Database) -> None:
    """Nor is one of the other order, or of another list."""
    story = Story(6).go_on(40)
    await project(story.log, database)
    moment = Moment({teller.partition: teller.end for teller in story.tellers})
    wanted = StockFilter(sku="A")
    async with database.reader() as reader:
        page = await list_history(reader, wanted, Walk(moment, "recorded"), limit=1)
        assert page.next_cursor is not None
        walk = Walk(moment, "occurred")
        for cursor in (page.next_cursor, "!", ""):
            with pytest.raises(InvalidCursor):
                await list_history(reader, wanted, walk, limit=1, cursor=cursor)
            with pytest.raises(InvalidCursor):
                await list_stock_as_of(reader, wanted, moment, limit=1, cursor=cursor)
            with pytest.raises(InvalidCursor):
                await list_value(reader, moment, limit=1, cursor=cursor)
