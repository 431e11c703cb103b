"""Why a balance is what it is, on both databases: every step, every attempt, every sum."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from ledger.domain.facts import Fact, Moved, Refused
from ledger.domain.movements import (
    Adjustment,
    CustomerReturn,
    Issue,
    MovementCommand,
    Pick,
    Reversal,
    Scrap,
    StatusChange,
    Transfer,
)
from ledger.domain.quantities import text
from ledger.domain.stock import split_key
from ledger.events.codec import encode
from ledger.events.trails import Trail, encode_trail
from ledger.log import Record
from projections.cursors import InvalidCursor
from projections.database import Database
from projections.explaining.explain import Wanted, explain
from projections.explaining.scope import Scope
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.explained import pages_of
from tests.contract.read_models.projecting import project

PLACES = ("MAIN/A/01", "MAIN/A/02", "MAIN/A0", "MAIN/B", "OUT")
SCOPES: tuple[dict[str, str], ...] = (
    {},
    {"location": "MAIN"},
    {"location": "MAIN/A"},
    {"location": "MAIN/A/01"},
    {"location": "MAIN", "lot": "L1"},
    {"status": "quarantined"},
    {"location": "MAIN/A/01", "lot": "L1", "status": "available"},
    {"account": "@customer"},
    {"account": "@supplier"},
)
TRAIL = Trail("recordMovement@one-3fa2b1", "r-1", "5f2b9c01")


def _tell(teller: Teller, chance: random.Random, number: int, left: dict[str, int]) -> None:
    """Something that may happen; `left` is what lies under each stock key."""
    name = f"m{number}"
    real = [key for key, amount in left.items() if amount > 0]
    if not real or chance.random() < 0.3:
        place, lot = chance.choice(PLACES), chance.choice((None, "L1"))
        teller.tell(receipt(name, "A", str(chance.randint(5, 40)), location=place, lot=lot))
        return
    key = chance.choice(real)
    place, lot, status = split_key(key)
    amount = str(chance.randint(1, left[key]))
    shared: dict[str, Any] = {"id": name, "sku": "A", "quantity": amount, "lot": lot}
    one = {**shared, "location": place, "status": status}
    other = chance.choice([there for there in PLACES if there != place])
    choices: list[MovementCommand] = [
        Adjustment(**{**one, "quantity": f"-{amount}"}, reason="lost"),
        Scrap(**one, reason="damaged"),
        Transfer(**shared, from_location=place, to_location=other, status=status),
    ]
    if status == "available":
        choices += [
            Issue(**shared, location=place),
            Pick(**shared, location=place, to_location=other),
            StatusChange(
                **shared, location=place, from_status="available", to_status="quarantined"
            ),
        ]
    moved = teller.tell(chance.choice(choices))
    if chance.random() < 0.2:
        teller.tell(Reversal(id=f"{name}-undo", sku="A", reverses=moved.id))


def _levels(facts: Sequence[Fact]) -> dict[str, int]:
    left: dict[str, int] = {}
    for fact in facts:
        if isinstance(fact, Moved) and fact.sku == "A":
            for account, amount in ((fact.source, -fact.quantity), (fact.target, fact.quantity)):
                left[account] = left.get(account, 0) + amount
    return {key: amount for key, amount in left.items() if key[0] != "@"}


def _history(log: MemoryLog, seed: int, count: int) -> Teller:
    teller, chance = Teller(log), random.Random(seed)
    teller.tell(receipt("other", "B", "7"))
    for number in range(count):
        _tell(teller, chance, number, _levels(teller.facts))
        if number % 7 == 0:
            place = chance.choice(PLACES)
            teller.refuse(Pick(id=f"x{number}", sku="A", quantity="999", location=place))
        if number % 11 == 0:
            teller.void(b"not JSON")
    return teller


def _in(scope: dict[str, str], account: str) -> bool:
    """The model: one account after the other, without SQL."""
    if "account" in scope:
        return account == scope["account"]
    if account[0] == "@":
        return False
    place, lot, status = split_key(account)
    below = f"{place}/".startswith(f"{scope['location']}/") if "location" in scope else True
    return below and scope.get("lot", lot) == lot and scope.get("status", status) == status


def _expected(facts: Sequence[Fact], scope: dict[str, str]) -> list[tuple[str, int, int]]:
    """Id, change and balance of every movement of A that touches the scope, the oldest first."""
    steps, balance = [], 0
    for fact in facts:
        if isinstance(fact, Moved) and fact.sku == "A":
            went, came = _in(scope, fact.source), _in(scope, fact.target)
            if went or came:
                balance += fact.quantity * (came - went)
                steps.append((fact.id, fact.quantity * (came - went), balance))
    return steps


async def test_every_step_of_every_scope(database: Database) -> None:
    """In both orders, page by page: changes, balances, openings, closings and sums."""
    log = MemoryLog(1)
    teller = _history(log, 5, 90)
    await project(log, database)
    for scope in SCOPES:
        expected = _expected(teller.facts, scope)
        now = expected[-1][2] if expected else 0
        for newest_first in (True, False):
            pages = await pages_of(
                database, Scope(sku="A", **scope), newest_first=newest_first, limit=13
            )
            assert pages[0]["on_hand"] == text(now, 0)
            steps = [step for page in pages for step in page["items"]]
            offsets = [step["position"]["offset"] for step in steps]
            assert offsets == sorted(offsets, reverse=newest_first)
            found = [
                (step["id"], int(step["change"]), int(step["balance"]))
                for step in steps
                if step["kind"] == "movement"
            ]
            assert found == (expected[::-1] if newest_first else expected), scope
            summary = pages[0]["summary"]
            assert (summary["opening"], summary["agrees"]) == ("0", True)
            assert sum(int(one["net"]) for one in summary["by_type"]) == now
            assert sum(one["movements"] for one in summary["by_type"]) == len(expected)
            edges = [(page["opening"], page["closing"]) for page in pages]
            ordered = edges[::-1] if newest_first else edges
            assert ordered[0][0] == "0"
            assert ordered[-1][1] == text(now, 0)
            assert [one[1] for one in ordered[:-1]] == [one[0] for one in ordered[1:]]


async def test_attempts_are_shown_and_change_nothing(database: Database) -> None:
    """Refusals where they may be about the place, void records of the SKU; or none of both."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r", "A", "6", location="MAIN/A/01"))
    refused = teller.refuse(Pick(id="x", sku="A", quantity="9", location="MAIN/A/01"))
    assert isinstance(refused, Refused)
    # What a slower writer decided for the place where the next record came to lie.
    late = Issue(id="late", sku="A", quantity="1", location="MAIN/A/01")
    stated = teller.end
    before = teller.head
    moved = teller.tell(late, actor="key1")
    key, value = encode(moved, teller.source, before)
    log.put(0, Record(teller.end, stated, key, value, teller.now_ms))
    log.put(0, Record(teller.end, None, b"A", b"\x00 no event", teller.now_ms))
    log.put(0, Record(teller.end, 10**30, b"A", b'{"id":"\\u0000"}', teller.now_ms))
    await project(log, database)
    (page,) = await pages_of(database, Scope(sku="A", location="MAIN/A"), newest_first=False)
    kinds = [step["kind"] for step in page["items"]]
    assert kinds == ["movement", "refused", "movement", "void", "void", "void"]
    _, wrong, _, void, *unreadable = page["items"]
    assert (wrong["code"], wrong["change"], wrong["balance"]) == ("insufficient_stock", "0", "6")
    assert void["counts_at"] == {"partition": 0, "offset": moved.offset}
    assert (void["type"], void["quantity"], void["from"], void["to"], void["actor"]) == (
        "stock.issue.v1", "1", "MAIN/A/01", "@customer", "key1",
    )  # fmt: skip
    assert void["stated_offset"] == stated
    assert [(one["type"], one["stated_offset"]) for one in unreadable] == [(None, None)] * 2
    (elsewhere,) = await pages_of(database, Scope(sku="A", location="OUT"))
    # What names no place may be about this one; the refusals of tests do not.
    assert [step["type"] for step in elsewhere["items"]] == [None, None, "pick"]
    (alone,) = await pages_of(database, Scope(sku="A"), attempts=False)
    assert [step["kind"] for step in alone["items"]] == ["movement"] * 2


async def test_records_of_another_partition_are_not_about_the_sku(database: Database) -> None:
    """Anybody may have put its key there; its offset would stand for one of the SKU's own."""
    log = MemoryLog(2)
    teller, other = Teller(log), Teller(log, 1)
    before = teller.head
    moved = teller.tell(receipt("r", "A", "6"))
    key, value = encode(moved, teller.source, before)
    log.put(1, Record(other.end, None, key, value, other.now_ms))
    log.put(0, Record(teller.end, None, key, value, teller.now_ms))
    await project(log, database)
    for limit in (1, 100):
        pages = await pages_of(database, Scope(sku="A"), newest_first=False, limit=limit)
        steps = [step for page in pages for step in page["items"]]
        assert [(one["kind"], one["position"]["partition"]) for one in steps] == [
            ("movement", 0), ("void", 0),
        ]  # fmt: skip


async def test_links_and_trails(database: Database) -> None:
    """A reversal names what it reversed, and the other way round; and who did it."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.trail = encode_trail(TRAIL)
    came = teller.tell(receipt("r", "A", "6"), actor="key1")
    undone = teller.tell(Reversal(id="undo", sku="A", reverses="r"), actor="key2")
    teller.tell(CustomerReturn(id="back", sku="A", quantity="1", location="MAIN"))
    await project(log, database)
    (page,) = await pages_of(database, Scope(sku="A"), newest_first=False)
    first, second, third = page["items"]
    assert first["reversed_by"]["id"] == "undo"
    assert first["reversed_by"]["position"]["offset"] == undone.offset
    assert second["reversal_of"]["id"] == "r"
    assert second["reversal_of"]["position"]["offset"] == came.offset
    assert (second["reverses"], first["reversal_of"], third["reversed_by"]) == ("r", None, None)
    assert [step["actor"] for step in page["items"]] == ["key1", "key2", None]
    assert {step["request_id"] for step in page["items"]} == {"r-1"}
    assert (first["credential"], first["origin"]) == (TRAIL.credential, TRAIL.origin)


async def test_sums_beyond_64_bits(database: Database) -> None:
    """A virtual account may hold more than 64 bits; its explanation is exact."""
    log = MemoryLog(1)
    teller = Teller(log)
    most = 10**18 - 1
    for number in range(12):
        teller.tell(receipt(f"r{number}", "A", str(most)))
        teller.tell(Scrap(id=f"s{number}", sku="A", quantity=str(most),
                          location="MAIN/A/01", reason="obsolete"))  # fmt: skip
    await project(log, database)
    pages = await pages_of(database, Scope(sku="A", account="@supplier"), limit=5)
    assert pages[0]["on_hand"] == str(-12 * most)
    assert pages[-1]["opening"] == "0"
    (receipts,) = pages[0]["summary"]["by_type"]
    assert (receipts["out"], receipts["net"]) == (str(12 * most), str(-12 * most))


async def test_more_movements_than_are_summed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest are, and what lay there before them is said."""
    monkeypatch.setattr("projections.explaining.sums.SUMMED_MAX", 5)
    monkeypatch.setattr("projections.explaining.explain.SUMMED_MAX", 5)
    log = MemoryLog(1)
    teller = Teller(log)
    for number in range(8):
        teller.tell(receipt(f"r{number}", "A", "2"))
    await project(log, database)
    async with database.reader() as reader:
        page = await explain(reader, Scope(sku="A"), Wanted(limit=2))
    assert page is not None
    summary = page["summary"]
    assert (summary["opening"], summary["complete"], summary["agrees"]) == ("6", False, None)
    assert summary["by_type"][0]["net"] == "10"


async def test_what_is_not_there(database: Database) -> None:
    """A SKU never seen, a place never used, a text no database holds, a cursor of another list."""
    log = MemoryLog(1)
    Teller(log).tell(receipt("r", "A", "6"))
    await project(log, database)
    async with database.reader() as reader:
        assert await explain(reader, Scope(sku="Z"), Wanted()) is None
        assert await explain(reader, Scope(sku="A\0"), Wanted()) is None
        empty = await explain(reader, Scope(sku="A", location="NOWHERE"), Wanted())
        assert empty is not None
        assert (empty["items"], empty["on_hand"], empty["next_cursor"]) == ([], "0", None)
        for cursor in ("x", "WzEsMiwzXQ", "WzEsInR3byJd", "WzEsIuKFoCJd"):
            with pytest.raises(InvalidCursor):
                await explain(reader, Scope(sku="A"), Wanted(cursor=cursor))
