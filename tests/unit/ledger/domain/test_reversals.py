"""History is corrected by a new fact, once."""

import pytest

from ledger.domain.facts import Command
from tests import builders as make
from tests.builders import PLACE
from tests.given import given

REVERSIBLE: list[Command] = [
    make.receipt("2", id="it"),
    make.transfer("2", id="it"),
    make.pick("2", id="it"),
    make.issue("2", id="it"),
    make.customer_return("2", id="it"),
    make.customer_return("2", id="it", disposition="scrap"),
    make.supplier_return("2", id="it"),
    make.adjustment("2", id="it"),
    make.adjustment("-2", id="it"),
    make.scrap("2", id="it"),
    make.status_change("2", id="it"),
]


@pytest.mark.parametrize("command", REVERSIBLE, ids=lambda c: type(c).__name__)
def test_a_reversal_is_the_opposite(command: Command) -> None:
    """Balances and value are what they were, the accounts are exchanged."""
    past = given(make.receipt("6", unit_cost="2"))
    before = (dict(past.sku().levels), past.sku().quantity, past.sku().value)
    fact = past.apply(command)
    undone = past.apply(make.reversal("it"))
    assert (undone.source, undone.target) == (fact.target, fact.source)  # type: ignore[union-attr]
    assert (dict(past.sku().levels), past.sku().quantity, past.sku().value) == before


def test_once_only() -> None:
    """The second one is told so."""
    past = given(make.receipt(id="a"), make.reversal("a"))
    past.when(make.reversal("a")).refused("already_reversed")


def test_a_reversal_is_not_reversed() -> None:
    """The movement is sent again instead."""
    past = given(make.receipt(id="a"), make.reversal("a", id="b"))
    past.when(make.reversal("b")).refused("not_reversible")


def test_of_a_movement_that_nobody_knows() -> None:
    """Or that is about another SKU."""
    past = given(make.receipt(id="a", sku="other"))
    past.when(make.reversal("nobody")).refused("unknown_movement")
    past.when(make.reversal("a")).refused("unknown_movement")
    past.when(make.reversal("a", sku="other")).then()


def test_goods_that_are_gone_cannot_be_taken_back() -> None:
    """Never negative holds for corrections too."""
    past = given(make.receipt("6", id="a"), make.issue("5"))
    past.when(make.reversal("a")).refused(
        "insufficient_stock", requested="6", available="1", shortfall="5"
    )


def test_the_whole_movement_at_its_own_key() -> None:
    """Lot and status are those of the movement, not of the command."""
    past = given(make.receipt("3", lot="L", status="on_hold", id="a"))
    past.when(make.reversal("a")).then(
        source=f"{PLACE}\x1fL\x1fon_hold", target="@supplier", quantity=3, reverses_offset=0
    )


@pytest.mark.parametrize("name", ["", "x" * 129, "a\nb"])
def test_the_name_of_a_movement_is_an_id(name: str) -> None:
    """A malformed one is refused without any state."""
    given().when(make.reversal(name)).malformed("invalid_id")


@pytest.mark.parametrize("original", ["in", "moved", "undone"])
def test_a_return_names_what_left_stock(original: str) -> None:
    """Not what came in, moved inside, or is a reversal."""
    past = given(
        make.receipt("6", id="in"),
        make.transfer("1", id="moved"),
        make.issue("1", id="out"),
        make.reversal("out", id="undone"),
    )
    past.when(make.customer_return(original_id=original)).refused("not_reversible")


def test_a_return_of_another_skus_movement() -> None:
    """Is a return of nothing known."""
    past = given(make.receipt("6", sku="other"), make.issue("1", sku="other", id="out"))
    past.when(make.customer_return(original_id="out")).refused("unknown_movement")
    past.when(make.customer_return(original_id="nobody")).refused("unknown_movement")


def test_what_is_tracked_by_lot() -> None:
    """Needs one on the way in, out and inside."""
    past = given(make.define(lot_tracked=True), make.receipt("6", lot="L"))
    for command in (make.receipt(), make.issue(), make.transfer(), make.adjustment("-1")):
        past.when(command).refused("invalid_lot")
    past.when(make.issue(lot="L")).then()
    past.when(make.customer_return(disposition="scrap")).then()
