"""Supply orders: placed, changed, received in parts, closed; and what of it is undone."""

from typing import Any

import pytest

from ledger.domain.context import Rules
from ledger.domain.facts import Command, Moved
from ledger.domain.supply import OPEN_ORDERS_MAX, SupplyOrderChanged, SupplyOrderClosed
from ledger.domain.supply_rules import on_order
from tests import builders as make
from tests.builders import DAY_US, NOW_MS
from tests.given import Given, given

ORDER = "po-7-1"


def ordered(*more: Command, quantity: Any = "10", rules: Rules | None = None) -> Given:
    """A line of ten, and what came after it."""
    return given(make.place(quantity, id=ORDER), *more, rules=rules)


def test_an_order_is_open_once_it_is_placed() -> None:
    """All of it is on order; nothing is on hand."""
    past = given(make.receipt("3"))
    placed = past.when(make.place("010", id=ORDER)).supplied(
        quantity=10, on_order=10, expected_us=NOW_MS * 1000 + 14 * DAY_US, placed_us=NOW_MS * 1000
    )
    assert placed.command.quantity == "10"  # type: ignore[union-attr]
    past.apply(make.place("10", id=ORDER))
    assert past.sku().levels == {make.PLACE: 3}
    assert on_order(past.sku()) == 10


def test_it_is_received_in_parts() -> None:
    """Each receipt says what is left; the order stays open until it is closed."""
    past = ordered()
    first = past.apply(make.receipt("4", supply_order=ORDER))
    assert isinstance(first, Moved)
    assert first.supply is not None
    assert (first.supply.received, first.supply.over, first.supply.on_order) == (4, 0, 6)
    past.apply(make.receipt("6", supply_order=ORDER))
    assert on_order(past.sku()) == 0
    assert past.open_orders()[ORDER].received == 10


def test_more_may_come_than_was_ordered_and_is_flagged() -> None:
    """Over-delivery does not count against other orders."""
    past = ordered(make.place("5", id="other"))
    moved = past.when(make.receipt("13", supply_order=ORDER)).then(quantity=13)
    assert moved.supply is not None
    assert (moved.supply.ordered, moved.supply.over, moved.supply.on_order) == (10, 3, 5)


def test_a_close_says_what_was_not_delivered() -> None:
    """Afterwards nothing is on order, and the line is not kept."""
    past = ordered(make.receipt("4", supply_order=ORDER))
    past.when(make.close(ORDER, "under_delivered")).supplied(quantity=10, received=4, on_order=0)
    past.apply(make.close(ORDER, "under_delivered"))
    assert past.sku().supply is None


def test_a_change_sets_the_quantity_in_all_and_the_date() -> None:
    """Either may be left out; a quantity below what came is an over-delivery."""
    past = ordered(make.receipt("4", supply_order=ORDER))
    due = past.open_orders()[ORDER].expected_us
    past.when(make.change(ORDER, quantity="6")).supplied(quantity=6, expected_us=due, on_order=2)
    past.when(make.change(ORDER, quantity="3")).supplied(quantity=3, received=4, on_order=0)
    later = past.when(make.change(ORDER, expected_at="2030-01-01T01:00:00+01:00")).supplied(
        quantity=10, on_order=6
    )
    assert isinstance(later, SupplyOrderChanged)
    assert later.command.expected_at == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "command",
    [
        make.receipt("1", supply_order="nothing"),
        make.change("nothing", quantity="1"),
        make.close("nothing"),
        make.receipt("1", supply_order=ORDER, sku="ANOTHER"),
        make.close(ORDER, sku="ANOTHER"),
        make.change(ORDER, sku="ANOTHER", quantity="1"),
    ],
)
def test_what_is_not_open_in_this_sku_takes_nothing(command: Command) -> None:
    """Never placed, or of another SKU."""
    ordered().when(command).refused("supply_order_not_open")


def test_what_is_closed_takes_nothing() -> None:
    """A closed line stays closed."""
    past = ordered(make.close(ORDER, "cancelled"))
    for command in (
        make.receipt("1", supply_order=ORDER),
        make.change(ORDER, quantity="1"),
        make.close(ORDER),
    ):
        past.when(command).refused("supply_order_not_open")


def test_the_reversal_of_a_receipt_takes_the_quantity_back() -> None:
    """While the line is open it is as if nothing had come."""
    past = ordered(make.receipt("4", id="r", supply_order=ORDER))
    moved = past.when(make.reversal("r")).then(quantity=4)
    assert moved.supply is not None
    assert (moved.supply.open, moved.supply.received, moved.supply.on_order) == (True, 0, 10)
    past.apply(make.reversal("r"))
    assert past.open_orders()[ORDER].received == 0


def test_the_reversal_after_the_close_opens_nothing() -> None:
    """The line stays closed and nothing is on order again; the event still names it."""
    past = ordered(make.receipt("4", id="r", supply_order=ORDER), make.close(ORDER))
    moved = past.when(make.reversal("r")).then(quantity=4)
    assert moved.supply is not None
    assert (moved.supply.id, moved.supply.open, moved.supply.on_order) == (ORDER, False, 0)
    past.apply(make.reversal("r"))
    assert past.sku().supply is None


def test_a_receipt_without_a_name_leaves_orders_alone() -> None:
    """Nothing is guessed from SKU or supplier."""
    assert on_order(ordered(make.receipt("4")).sku()) == 10


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("sku", "", "invalid_sku"),
        ("id", " ", "invalid_id"),
        ("note", "", "invalid_request"),
        ("supplier", "", "invalid_request"),
        ("location", "@customer", "invalid_location"),
        ("order", "\n", "invalid_reference"),
        ("quantity", "0", "invalid_quantity"),
        ("quantity", "-0.5", "invalid_quantity"),
        ("quantity", 1.5, "invalid_quantity"),
        ("placed_at", "yesterday", "invalid_time"),
        ("placed_at", "2100-01-01T00:00:00Z", "invalid_time"),
        ("placed_at", "1900-01-01T00:00:00Z", "invalid_time"),
        ("expected_at", "2026-09-01", "invalid_time"),
        ("expected_at", "2020-01-01T00:00:00Z", "invalid_time"),
        ("expected_at", "2090-01-01T00:00:00Z", "invalid_time"),
        ("unit_cost", "-1", "invalid_cost"),
    ],
)
def test_a_malformed_order_is_refused(field: str, value: Any, code: str) -> None:
    """By a code of its own, whatever the state."""
    given().when(make.place(**{field: value})).malformed(code)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (make.change(ORDER), "invalid_request"),
        (make.change("", quantity="1"), "invalid_id"),
        (make.change(ORDER, quantity="0"), "invalid_quantity"),
        (make.change(ORDER, expected_at="soon"), "invalid_time"),
        (make.close(ORDER, "bored"), "invalid_reason"),
        (make.close(" x"), "invalid_id"),
        (make.receipt("1", supply_order=""), "invalid_id"),
    ],
)
def test_malformed_commands_about_an_order(command: Command, code: str) -> None:
    """Open or not."""
    ordered().when(command).malformed(code)
    given().when(command).malformed(code)


def test_refusals_that_depend_on_state() -> None:
    """Strict items, decimals, dates, the range and the limit."""
    given(rules=Rules(strict_items=True)).when(make.place()).refused("unknown_item")
    given().when(make.place("0.5")).refused("invalid_quantity", scale="0")
    given(make.define(scale=1)).when(make.place("0.5")).supplied(quantity=5)
    ordered().when(make.change(ORDER, quantity="0.5")).refused("invalid_quantity")
    ordered().when(make.change(ORDER, expected_at="2001-01-01T00:00:00Z")).refused("invalid_time")
    ordered().when(make.place(10**18)).refused("quantity_overflow")
    ordered().when(make.change(ORDER, quantity=10**18)).supplied(quantity=10**18)
    ordered(make.place("1")).when(make.change(ORDER, quantity=10**18)).refused("quantity_overflow")
    whole: list[Command] = [
        make.receipt(10**18, supply_order=ORDER, unit_cost="0"),
        make.issue(10**18),
    ]
    ordered(*whole).when(make.receipt("1", supply_order=ORDER)).refused("quantity_overflow")


def test_a_sku_has_so_many_open_orders_at_most() -> None:
    """Closing one makes room."""
    past = ordered(*(make.place("1") for _ in range(OPEN_ORDERS_MAX - 1)))
    past.when(make.place()).refused("too_many_supply_orders", open=str(OPEN_ORDERS_MAX))
    past.apply(make.close(ORDER))
    past.when(make.place()).supplied(on_order=OPEN_ORDERS_MAX - 1 + 10)


def test_the_scale_is_fixed_while_an_order_is_open() -> None:
    """Its quantity is kept in the smallest unit."""
    ordered().when(make.define(scale=2)).refused("item_in_use", scale="0")
    ordered().when(make.define(name="the same scale")).described()
    ordered(make.close(ORDER)).when(make.define(scale=2)).described()


def test_an_order_survives_a_new_description() -> None:
    """Open lines belong to the SKU and not to its description."""
    past = ordered(make.define(name="T-light holder"), make.receipt("1", supply_order=ORDER))
    assert past.open_orders()[ORDER].received == 1


def test_a_closed_fact_tells_over_delivery() -> None:
    """What came beyond the order."""
    past = ordered(make.receipt("12", supply_order=ORDER))
    closed = past.when(make.close(ORDER)).supplied(received=12, quantity=10)
    assert isinstance(closed, SupplyOrderClosed)
