"""What would set the ledger right, and when nothing can be said."""

import pytest

from ops.reconciling.keys import Level, StockKey
from ops.reconciling.proposals import (
    ATTEMPTS_MAX,
    Attempts,
    Holding,
    Policy,
    Unproposed,
    adjustment_id,
    movement,
    propose,
    statement_id,
)
from tests.unit.ops.reconciling.made import FINEST, Side, Stock, at, lines

HERE = at("A", "DC1/A", "", "available")
THERE = at("A", "DC1/B", "L1", "on_hold")


def shares(
    said: str, stock: Stock, policy: Policy, level: Level = FINEST, where: StockKey = HERE
) -> dict[StockKey, int] | str:
    """What is proposed for the only key, or why nothing is."""
    side = Side(lines((where, said)), stock, level)
    (row,) = side.rows()
    found = side.propose(row, policy)
    return found.why if isinstance(found, Unproposed) else {one.at: one.quantity for one in found}


def test_a_difference_is_proposed_as_a_difference() -> None:
    """The stock moved on since: four were wrong then, so four are taken from what is there now."""
    side = Side(lines((HERE, "6")), {HERE: 10})
    (row,) = side.rows()
    found = propose(row, {HERE: Holding(then=10, now=25)}, {}, Policy("s", finest=True))
    assert not isinstance(found, Unproposed)
    assert movement(found[0], Policy("s", finest=True, occurred_at="2026-11-22T10:00:00Z")) == {
        "type": "adjustment", "id": adjustment_id("s", HERE, 0), "sku": "A", "location": "DC1/A",
        "status": "available", "quantity": "-4", "reason": "lost", "expected_on_hand": "25",
        "reference": {"type": "reconciliation", "id": "s"}, "occurred_at": "2026-11-22T10:00:00Z",
    }  # fmt: skip
    gone = propose(row, {HERE: Holding(then=10, now=3)}, {}, Policy("s", finest=True))
    assert isinstance(gone, Unproposed)
    assert "only 3" in gone.why


def test_a_stock_that_was_below_zero_is_not_adjusted() -> None:
    """Goods left before they came, by their times: what is there now may be right."""
    side = Side(lines((HERE, "6")), {HERE: -2})
    (row,) = side.rows()
    found = propose(row, {HERE: Holding(then=-2, now=6)}, {}, Policy("s", finest=True))
    assert isinstance(found, Unproposed)
    assert "below zero then" in found.why


def test_reasons() -> None:
    """By the sign, or as is asked for; and a lot is named."""
    side = Side(lines((THERE, "6")), {THERE: 5})
    (row,) = side.rows()
    for policy, reason in (
        (Policy("s", finest=True), "found"),
        (Policy("s", finest=True, reason="data_entry"), "data_entry"),
    ):
        found = side.propose(row, policy)
        assert not isinstance(found, Unproposed)
        document = movement(found[0], policy)
        assert (document["reason"], document["lot"]) == (reason, "L1")


@pytest.mark.parametrize(
    ("said", "stock", "policy", "expected"),
    [
        ("7", {HERE: 5}, Policy("s", finest=False), {HERE: 2}),
        ("7", {HERE: 5, THERE: 1}, Policy("s", finest=False), "2 stock keys"),
        ("7", {HERE: 5, THERE: 1}, Policy("s", finest=False, spread="largest"), {HERE: 1}),
        ("1", {HERE: 5, THERE: 3}, Policy("s", finest=False, spread="largest"),
         {HERE: -5, THERE: -2}),
        ("7", {}, Policy("s", finest=False), "no place"),
        ("7", {}, Policy("s", finest=False, place="DC1/FOUND", status="on_hold"),
         {at("A", "DC1/FOUND", "", "on_hold"): 7}),
        ("-1", {HERE: 5}, Policy("s", finest=False), "below zero"),
    ],
)  # fmt: skip
def test_where_the_statement_has_the_sku_only(
    said: str, stock: Stock, policy: Policy, expected: dict[StockKey, int] | str
) -> None:
    """One stock key is certain; of several none is, unless the mapping says how."""
    found = shares(said, stock, policy, Level(), at("A"))
    if isinstance(expected, str):
        assert isinstance(found, str)
        assert expected in found
    else:
        assert found == expected


def test_a_site_is_the_place_of_what_is_found_there() -> None:
    """Where nothing of the SKU lies yet."""
    found = shares("7", {}, Policy("s", finest=False), Level(1), at("A", "DC1"))
    assert found == {at("A", "DC1", "", "available"): 7}


def test_one_statement_adjusts_a_stock_key_once() -> None:
    """An accepted one is never followed by another; a refused one is, under another id."""
    side = Side(lines((HERE, "6")), {HERE: 10})
    (row,) = side.rows()
    policy = Policy("s", finest=True)
    done = side.propose(row, policy, {HERE: Attempts(accepted="x")})
    assert isinstance(done, Unproposed)
    assert "as x" in done.why
    again = side.propose(row, policy, {HERE: Attempts(refused=2)})
    assert not isinstance(again, Unproposed)
    assert [one.id for one in again] == [adjustment_id("s", HERE, 2)]
    assert isinstance(side.propose(row, policy, {HERE: Attempts(ATTEMPTS_MAX)}), Unproposed)


def test_ids() -> None:
    """The same for the same, another for another, and never too long."""
    assert statement_id("a", "") == statement_id("a", "")
    assert len({statement_id("a", ""), statement_id("b", ""), statement_id("a", "0:1")}) == 3
    found = {
        adjustment_id(statement, where, attempt)
        for statement in ("s", "t")
        for where in (HERE, THERE)
        for attempt in (0, 1)
    }
    assert len(found) == 8
    assert max(map(len, found)) <= 128
