"""Between which accounts each type of movement goes, and what it leaves there."""

from typing import Any, get_args

import pytest

from ledger.domain.facts import Command
from ledger.domain.movements import MovementCommand, normalise
from tests import builders as make
from tests.builders import PLACE
from tests.given import given

Q = f"{PLACE}\x1f\x1fquarantined"
LOT = f"{PLACE}\x1fL1\x1favailable"

# What happens to six in stock → from, to, what is left at from, what is then at to.
ACCOUNTS: list[tuple[MovementCommand, str, str, int, int]] = [
    (make.receipt("2"), "@supplier", PLACE, 0, 8),
    (make.receipt("2", lot="L1"), "@supplier", LOT, 0, 2),
    (make.receipt("2", status="quarantined"), "@supplier", Q, 0, 2),
    (make.receipt("2", status="available"), "@supplier", PLACE, 0, 8),
    (make.transfer("2"), PLACE, "MAIN/B", 4, 2),
    (make.pick("2"), PLACE, "@customer", 4, 0),
    (make.pick("2", to_location="OUT"), PLACE, "OUT", 4, 2),
    (make.issue("2"), PLACE, "@customer", 4, 0),
    (make.issue("6"), PLACE, "@customer", 0, 0),
    (make.customer_return("2"), "@customer", PLACE, 0, 8),
    (make.customer_return("2", disposition="restock"), "@customer", PLACE, 0, 8),
    (make.customer_return("2", disposition="quarantine"), "@customer", Q, 0, 2),
    (
        make.customer_return("2", disposition="refurbish"),
        "@customer",
        f"{PLACE}\x1f\x1fon_hold",
        0,
        2,
    ),
    (make.customer_return("2", disposition="scrap"), "@customer", "@scrap", 0, 0),
    (make.supplier_return("2"), PLACE, "@supplier", 4, 0),
    (make.adjustment("2"), "@adjustment", PLACE, 0, 8),
    (make.adjustment("-2", reason="lost"), PLACE, "@adjustment", 4, 0),
    (make.scrap("2"), PLACE, "@scrap", 4, 0),
    (make.status_change("2"), PLACE, Q, 4, 2),
]


@pytest.mark.parametrize(
    ("command", "source", "target", "left", "there"),
    ACCOUNTS,
    ids=[f"{type(row[0]).__name__}-{row[2]}" for row in ACCOUNTS],
)
def test_accounts(command: Command, source: str, target: str, left: int, there: int) -> None:
    """From, to, and the balances afterwards."""
    given(make.receipt("6")).when(command).then(
        source=source, target=target, source_after=left, target_after=there
    )


def test_every_type_is_in_the_table() -> None:
    """A new type of movement needs a row."""
    assert {type(row[0]) for row in ACCOUNTS} == set(get_args(MovementCommand))


def test_what_lies_in_a_lot_or_status_leaves_from_there() -> None:
    """A stock key is place, lot and status; the same place holds several."""
    past = given(make.receipt("5", lot="L1", status="quarantined"), make.receipt("7", lot="L1"))
    past.when(make.scrap("2", lot="L1", status="quarantined")).then(source_after=3)
    past.when(make.issue("2", lot="L1")).then(source_after=5)
    past.when(make.issue("1")).refused("insufficient_stock", available="0")
    past.when(
        make.status_change("5", lot="L1", from_status="quarantined", to_status="available")
    ).then(source_after=0, target_after=12)


def test_an_account_that_is_empty_is_gone() -> None:
    """Nothing is kept of it but that the SKU has moved."""
    past = given(make.receipt("6"), make.issue("6"))
    assert past.sku().levels == {}
    assert past.sku().moved


@pytest.mark.parametrize("spelling", [6, "6", "6.0", "06"])
def test_the_fact_holds_the_canonical_command(spelling: Any) -> None:
    """However a number or an instant was written, the event says it in one way."""
    command = make.receipt(
        spelling,
        unit_cost="02.50",
        expected_on_hand="0.0",
        occurred_at="2026-09-21T14:00:00.100+02:00",
    )
    fact = given().when(command).then(quantity=6)
    written = fact.command
    assert (written.quantity, written.unit_cost) == ("6", "2.5")  # type: ignore[union-attr]
    assert written.expected_on_hand == "0"  # type: ignore[union-attr]
    assert written.occurred_at == "2026-09-21T12:00:00.1Z"


@pytest.mark.parametrize(
    "more",
    [
        {}, {"expected_on_hand": 0}, {"expected_on_hand": "00.0"}, {"unit_cost": 3},
        {"unit_cost": "3.10"}, {"occurred_at": "2026-09-21T14:00:00.000+02:00"},
    ],
)  # fmt: skip
def test_a_command_sent_again_is_the_one_in_the_fact(more: dict[str, Any]) -> None:
    """What repeats an id is held against the fact after `normalise`, and must be found equal."""
    first, second = (make.receipt("06.0", id="same", **more) for _ in range(2))
    fact = given().when(first).then()
    normalise(second)
    assert second == fact.command


def test_a_signed_quantity_stays_signed_in_the_fact() -> None:
    """The command says -2, the movement moves 2."""
    fact = given(make.receipt("6")).when(make.adjustment("-02.0")).then(quantity=2)
    assert fact.command.quantity == "-2"  # type: ignore[union-attr]


def test_deciding_changes_nothing() -> None:
    """Only evolve does."""
    past = given(make.receipt("6"))
    before = (dict(past.sku().levels), past.state.offset, dict(past.state.ids))
    past.when(make.issue("2")).then()
    past.when(make.issue("20")).refused("insufficient_stock")
    assert (dict(past.sku().levels), past.state.offset, dict(past.state.ids)) == before
