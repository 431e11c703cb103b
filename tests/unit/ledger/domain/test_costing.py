"""Moving-average cost, exact to a millionth, in recorded order."""

from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from ledger.domain.costing import value_at, value_out
from ledger.domain.stock import SkuState
from tests import builders as make
from tests.given import given


def test_the_worked_example() -> None:
    """10 at 2.00 and 5 at 3.50 are 15 for 37.50; 4 of them take 10.00 along; 11 keep 27.50."""
    past = given()
    assert past.apply(make.receipt("10", unit_cost="2")).value == 20_000_000  # type: ignore[union-attr]
    past.apply(make.receipt("5", unit_cost="3.50"))
    assert (past.sku().quantity, past.sku().value) == (15, 37_500_000)
    past.when(make.issue("4")).then(value=10_000_000, cost_basis="average")
    past.apply(make.issue("4"))
    assert (past.sku().quantity, past.sku().value) == (11, 27_500_000)


def test_the_last_unit_takes_the_remainder() -> None:
    """3 for 1.000000 do not divide; nothing is left over and nothing is missing."""
    past = given(
        make.receipt("3", unit_cost="0.333333"), make.receipt("0001", unit_cost="0.000001")
    )
    values = [past.apply(make.issue("1")).value for _ in range(4)]  # type: ignore[union-attr]
    assert sum(values) == 1_000_000
    assert (past.sku().quantity, past.sku().value) == (0, 0)


@pytest.mark.parametrize(
    ("item", "cost", "value", "basis"),
    [
        ({}, "2.5", 5_000_000, "given"),
        ({"unit_cost": "4"}, "2.5", 5_000_000, "given"),
        ({"unit_cost": "4"}, "0", 0, "given"),
        ({"unit_cost": "4"}, None, 8_000_000, "standard"),
        ({}, None, 0, "none"),
    ],
)
def test_where_the_cost_of_a_receipt_comes_from(
    item: dict[str, Any], cost: str | None, value: int, basis: str
) -> None:
    """Given, else the standard cost, else nothing, and it says so."""
    past = given(make.define(**item), make.receipt("1", unit_cost="100"))
    past.when(make.receipt("2", unit_cost=cost)).then(value=value, cost_basis=basis)


@pytest.mark.parametrize("maker", [make.adjustment, make.customer_return])
def test_what_comes_in_without_a_price_comes_at_the_average(maker: Any) -> None:
    """Or, into an empty place, at the standard cost."""
    past = given(make.define(unit_cost="7"), make.receipt("2", unit_cost="3"))
    past.when(maker("4")).then(value=12_000_000, cost_basis="average")
    past.apply(make.issue("2"))
    past.when(maker("4")).then(value=28_000_000, cost_basis="standard")


@pytest.mark.parametrize("command", [make.transfer("1"), make.status_change("1")])
def test_a_move_inside_says_its_cost_and_changes_none(command: Any) -> None:
    """The value stays in stock."""
    past = given(make.receipt("4", unit_cost="2.5"))
    past.when(command).then(value=2_500_000, cost_basis="average")
    past.apply(command)
    assert (past.sku().quantity, past.sku().value) == (4, 10_000_000)


def test_a_linked_return_comes_back_at_what_it_left_with() -> None:
    """Whatever the average is by now; a part of it at its share."""
    past = given(
        make.receipt("4", unit_cost="1"),
        make.issue("3", id="out"),
        make.receipt("4", unit_cost="9"),
    )
    past.when(make.customer_return("3", original_id="out")).then(
        value=3_000_000, cost_basis="original"
    )
    past.when(make.customer_return("1", original_id="out")).then(value=1_000_000)
    past.when(make.customer_return("3")).then(value=22_200_000, cost_basis="average")


def test_reversing_a_receipt_takes_out_what_it_brought() -> None:
    """Not the average."""
    past = given(make.receipt("1", unit_cost="1"), make.receipt("1", unit_cost="9", id="dear"))
    past.when(make.reversal("dear")).then(value=9_000_000, cost_basis="original")
    past.apply(make.reversal("dear"))
    assert (past.sku().quantity, past.sku().value) == (1, 1_000_000)


def test_reversing_a_receipt_never_takes_more_than_is_there() -> None:
    """The dear one came in, much was sold at the average; the value does not go below zero."""
    past = given(
        make.receipt("1", unit_cost="9", id="dear"),
        make.receipt("3", unit_cost="1"),
        make.issue("2"),
    )
    assert past.sku().value == 6_000_000
    past.when(make.reversal("dear")).then(value=6_000_000, cost_basis="average")


def test_reversing_the_last_unit_takes_the_remainder() -> None:
    """Nothing is worth nothing."""
    past = given(make.receipt("1", unit_cost="1", id="a"), make.receipt("1", unit_cost="9"))
    past.apply(make.issue("1"))
    past.apply(make.reversal("a"))
    assert (past.sku().quantity, past.sku().value) == (0, 0)


def test_a_basis_of_the_original_is_the_value_of_the_original() -> None:
    """The last units take what is left, which need not be that."""
    past = given(make.receipt("10", unit_cost="1", id="a"), make.receipt("10", unit_cost="9"))
    past.apply(make.pick("10"))
    past.when(make.reversal("a")).then(value=50_000_000, cost_basis="average")
    alone = given(make.receipt("10", unit_cost="1", id="a"))
    alone.when(make.reversal("a")).then(value=10_000_000, cost_basis="original")


@pytest.mark.parametrize("inside", [make.transfer("5", id="it"), make.status_change("5", id="it")])
def test_reversing_a_move_inside_says_what_the_goods_cost_now(inside: Any) -> None:
    """As the move itself does; the value stays in stock."""
    past = given(make.receipt("10", unit_cost="1"))
    assert past.apply(inside).value == 5_000_000  # type: ignore[union-attr]
    past.apply(make.receipt("10", unit_cost="3"))
    past.when(make.reversal("it")).then(value=10_000_000, cost_basis="average")
    past.apply(make.reversal("it"))
    assert (past.sku().quantity, past.sku().value) == (20, 40_000_000)


def test_parts_that_come_back_are_rounded_each_for_itself() -> None:
    """A quarter of a millionth is nothing, so that four of them are not the whole."""
    past = given(make.receipt("3", unit_cost="0"), make.receipt("1", unit_cost="0.000001"))
    past.apply(make.issue("4", id="out"))
    parts = [past.apply(make.customer_return("1", original_id="out")) for _ in range(4)]
    assert [(part.value, part.cost_basis) for part in parts] == [(0, "original")] * 4  # type: ignore[union-attr]


def test_reversing_an_issue_brings_back_its_value() -> None:
    """As a linked return does."""
    past = given(
        make.receipt("2", unit_cost="1"),
        make.issue("2", id="out"),
        make.receipt("2", unit_cost="9"),
    )
    past.when(make.reversal("out")).then(value=2_000_000, cost_basis="original")


@hypothesis_given(st.integers(1, 10**18), st.integers(0, 10**18), st.integers(1, 10**18))
def test_what_goes_out_is_never_more_than_there_is(quantity: int, value: int, out: int) -> None:
    """And never less than nothing."""
    sku = SkuState({}, quantity, value)
    taken = value_out(sku, min(out, quantity))
    assert 0 <= taken <= value
    assert value_out(sku, quantity) == value


@pytest.mark.parametrize(
    ("cost", "quantity", "scale", "value"),
    [(1, 5, 1, 0), (1, 15, 1, 2), (1, 25, 1, 2), (1, 26, 1, 3), (3, 1, 6, 0), (7, 9, 0, 63)],
)
def test_a_cost_times_a_quantity(cost: int, quantity: int, scale: int, value: int) -> None:
    """Half a millionth goes to the even one."""
    assert value_at(cost, quantity, scale) == value
