"""Descriptions of items."""

from typing import Any

import pytest

from ledger.domain.context import Rules
from ledger.domain.items import Item, Supplier, check_item
from tests.builders import SKU, adjustment, define, issue, receipt, reversal, transfer
from tests.given import Given, given

GTINS = ["40170725", "614141000036", "4006381333931", "9780306406157", "10614141000415"]


@pytest.mark.parametrize("gtin", GTINS)
def test_a_right_check_digit(gtin: str) -> None:
    """Numbers as they are printed on goods, of each length."""
    assert check_item(Item(gtin=gtin)) is None


@pytest.mark.parametrize("gtin", GTINS)
def test_every_wrong_check_digit(gtin: str) -> None:
    """Each of the nine others is refused."""
    for digit in set("0123456789") - {gtin[-1]}:
        assert check_item(Item(gtin=gtin[:-1] + digit)) is not None


@pytest.mark.parametrize(
    "gtin", ["", "0", "4006381333931 ", "400638133393", "٤٠٠٦٣٨١٣٣٣٩٣١", "x" * 13]
)
def test_what_is_no_gtin(gtin: str) -> None:
    """Other lengths, other scripts, other characters."""
    assert check_item(Item(gtin=gtin)) is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"scale": -1}, {"scale": 7}, {"unit": ""}, {"unit": "a\n"}, {"name": ""},
        {"name": "n" * 501}, {"shelf_life_days": 0}, {"shelf_life_days": 36_501},
        {"serial_tracked": True},
        {"unit_cost": "-1"}, {"unit_cost": "1e3"}, {"unit_cost": "0.0000001"},
        {"suppliers": (Supplier("a"),) * 101}, {"suppliers": (Supplier(" "),)},
        {"suppliers": (Supplier("a", -1),)}, {"suppliers": (Supplier("a", 3_651),)},
    ],
)  # fmt: skip
def test_what_is_no_item(fields: dict[str, Any]) -> None:
    """Each field has its bounds."""
    given().when(define(**fields)).malformed("invalid_item")


def test_an_item_at_its_bounds() -> None:
    """The bounds themselves are good."""
    item = define(
        scale=6,
        name="n" * 500,
        shelf_life_days=36_500,
        unit_cost="0",
        suppliers=(Supplier("a", 0),),
    )
    assert given().when(item).described().item == item.item


def test_the_scale_is_fixed_by_the_first_movement() -> None:
    """Even after all of it is gone; everything else may change."""
    past = given(define(scale=2), receipt("1.25"), issue("1.25"))
    past.when(define(scale=3)).refused("item_in_use", scale="2")
    past.when(define(scale=2, name="another")).described()


def test_the_scale_may_change_before() -> None:
    """Nothing was counted in it yet."""
    given(define(scale=2), define(scale=4)).when(receipt("0.0001")).then(quantity=1)


def test_a_sku_that_nobody_described_has_the_default_scale() -> None:
    """And keeps it from its first movement on."""
    past = given(receipt("3"))
    past.when(define(scale=1)).refused("item_in_use")
    assert past.sku(SKU).scale == 0


def test_a_description_without_a_scale_has_none() -> None:
    """The default is for what nobody described."""
    past = given(rules=Rules(scale_default=2))
    past.apply(define())
    past.when(receipt("1.25")).refused("invalid_quantity")
    past = given(receipt("1.25"), rules=Rules(scale_default=2))
    past.when(define()).refused("item_in_use", scale="2")


def test_lots_are_tracked_once_all_stock_has_one() -> None:
    """What has none is adjusted out, and in again with its lot."""
    past = given(receipt("3"), receipt("1", lot="L"))
    past.when(define(lot_tracked=True)).refused("item_in_use")
    past.apply(adjustment("-3"))
    past.apply(adjustment("3", lot="L"))
    past.when(define(lot_tracked=True)).described()


def test_codes_are_compared_by_code_point() -> None:
    """What looks the same may be two SKUs."""
    past = given(receipt("3", sku="caf\u00e9"))
    past.when(issue("1", sku="cafe\u0301")).refused("insufficient_stock")


def test_describing_anew_keeps_the_stock() -> None:
    """Levels, quantity and value stay."""
    past = given(receipt("3", unit_cost="2"))
    before = (dict(past.sku().levels), past.sku().quantity, past.sku().value)
    past.apply(define(name="new"))
    assert (past.sku().levels, past.sku().quantity, past.sku().value) == before
    assert past.sku().described.name == "new"


def test_strict_items() -> None:
    """An unknown SKU is refused only where the operator says so."""
    strict = given(rules=Rules(strict_items=True))
    strict.when(receipt("1")).refused("unknown_item")
    strict.apply(define())
    strict.when(receipt("1")).then(quantity=1)
    given().when(receipt("1")).then(quantity=1)


def _without_a_lot() -> Given:
    """Stock without a lot of an item that is tracked by lot: the reversal of what was picked
    before it was."""
    return given(
        receipt("3", unit_cost="2"),
        issue("3", id="out"),
        define(lot_tracked=True),
        reversal("out"),
    )


def test_an_item_that_is_tracked_by_lot_may_stay_so() -> None:
    """Stock without a lot stands against turning it on, and against nothing else."""
    given(receipt("3")).when(define(lot_tracked=True)).refused("item_in_use")
    past = _without_a_lot()
    item = past.when(define(lot_tracked=True, name="n")).described().item
    assert (item.lot_tracked, item.name) == (True, "n")


def test_how_stock_without_a_lot_gets_one() -> None:
    """Tracking is turned off, the stock put in under its lot and taken out without one, in this
    order, which keeps its value; then tracking is turned on again."""
    past = _without_a_lot()
    for command in (issue("3"), transfer("3"), adjustment("-3")):
        past.when(command).refused("invalid_lot")
    past.apply(define())
    past.apply(adjustment("3", reason="other", lot="L"))
    past.when(define(lot_tracked=True)).refused("item_in_use")
    past.apply(adjustment("-3", reason="other"))
    past.apply(define(lot_tracked=True))
    past.when(issue("3", lot="L")).then(value=6_000_000)


def test_terms_of_supply_are_exact_and_in_the_scale_of_the_item() -> None:
    """Pack size, minimum order and price are kept in their shortest form."""
    supplier = Supplier("ACME", 14, "012.50", "25.0")
    item = given().when(define(scale=1, price="4.950", suppliers=(supplier,))).described().item
    assert (item.price, item.suppliers[0].pack_size, item.suppliers[0].minimum_order) == (
        "4.95", "12.5", "25",
    )  # fmt: skip
    assert item.has_supply_terms
    assert not Item(suppliers=(Supplier("ACME", 14),)).has_supply_terms


@pytest.mark.parametrize(
    "fields",
    [
        {"price": "-1"},
        {"price": "many"},
        {"suppliers": (Supplier("A", None, "0"),)},
        {"suppliers": (Supplier("A", None, "0.5"),)},
        {"suppliers": (Supplier("A", None, None, "-1"),)},
        {"suppliers": (Supplier("A", None, None, "1e3"),)},
    ],
)
def test_malformed_terms_are_refused(fields: dict[str, Any]) -> None:
    """Also more decimals than the item has."""
    given().when(define(**fields)).malformed("invalid_item")
