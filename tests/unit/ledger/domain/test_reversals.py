"""History is corrected by a new fact, once."""

import pytest

from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide
from ledger.domain.facts import Command
from tests import builders as make
from tests.builders import NOW_MS, PLACE
from tests.given import Outcome, given

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


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "x" * 200_000, "a\0b"])
def test_what_a_return_names_is_an_id(name: str) -> None:
    """As what a reversal names; also where ids and references were found sound together."""
    past = given()
    past.when(make.customer_return(original_id=name)).malformed("invalid_id")
    command = make.customer_return(original_id=name)
    decision = decide(past.state, command, Context(Rules(), NOW_MS, sound=True))
    Outcome(decision).malformed("invalid_id")


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


def test_linked_returns_do_not_multiply_goods() -> None:
    """Five went out, so that five come back, by whatever way."""
    past = given(make.receipt("5"), make.issue("5", id="out"))
    past.apply(make.customer_return("5", original_id="out", id="back"))
    past.when(make.customer_return("5", original_id="out")).refused(
        "invalid_quantity", original="5", returned="5", left="0"
    )
    past.when(make.reversal("out")).refused("not_reversible")
    assert past.sku().quantity == 5


def test_a_linked_return_may_be_of_another_lot() -> None:
    """Whoever takes it back says which one it is."""
    past = given(make.receipt("6", lot="L", unit_cost="2"), make.issue("4", lot="L", id="out"))
    past.when(make.customer_return("1", lot="M", original_id="out")).then(quantity=1)
    past.when(make.customer_return("1", original_id="out")).then(quantity=1)


def test_linked_returns_in_parts() -> None:
    """Each is held against what the others left; in the decimals of the item."""
    past = given(make.define(scale=2), make.receipt("6"), make.pick("5", id="out"))
    past.apply(make.customer_return("1.25", original_id="out"))
    past.apply(make.customer_return("2.5", original_id="out", disposition="scrap"))
    past.when(make.customer_return("1.26", original_id="out")).refused(
        "invalid_quantity", original="5", returned="3.75", left="1.25"
    )
    past.when(make.customer_return("1.25", original_id="out")).then(original_offset=2)


def test_the_reversal_of_a_linked_return_gives_back_its_quantity() -> None:
    """Then it may come back again, or the whole movement be reversed."""
    past = given(make.receipt("5"), make.issue("5", id="out"))
    past.apply(make.customer_return("2", original_id="out", id="back"))
    assert past.state.returned == {1: 2}
    past.apply(make.reversal("back"))
    assert past.state.returned == {}
    past.when(make.customer_return("5", original_id="out")).then(original_offset=1)
    past.apply(make.reversal("out"))
    past.when(make.customer_return("1", original_id="out")).refused("already_reversed")
    assert past.sku().quantity == 5


def test_what_came_back_of_one_is_not_missed_by_another() -> None:
    """Returns that name nothing, or another movement, count for nothing here."""
    past = given(make.receipt("5"), make.issue("2", id="one"), make.issue("3", id="other"))
    past.apply(make.customer_return("3"))
    past.apply(make.customer_return("2", original_id="one"))
    past.when(make.reversal("other")).then()
    past.when(make.customer_return("3", original_id="other")).then()
