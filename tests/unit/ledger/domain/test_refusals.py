"""Every refusal, and which one comes first where several apply."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import pytest

from ledger.domain.context import Rules
from ledger.domain.facts import Command, RaiseLevel
from ledger.domain.movements import MovementCommand, Reference
from ledger.domain.rejections import Code, Rejected
from tests import builders as make
from tests.builders import PLACE
from tests.given import given

# Each line breaks one rule, and all rules of the lines below it as well: descending precedence.
# command, the field, its bad value → the code
DESCENDING = """
    receipt     sku                 ''                 invalid_sku
    receipt     id                  ''                 invalid_id
    receipt     location            '@customer'        invalid_location
    receipt     lot                 ' '                invalid_lot
    receipt     status              'gone'             invalid_status
    receipt     quantity            '6e1'              invalid_quantity
    receipt     occurred_at         'yesterday'        invalid_time
    receipt     unit_cost           '-1'               invalid_cost
    receipt     supply_order        ''                 invalid_id
    receipt     expected_on_hand    'many'             invalid_quantity
    receipt     reference           Reference('','')   invalid_reference
    receipt     note                ''                 invalid_request
    adjustment  sku                 ''                 invalid_sku
    adjustment  id                  ' '                invalid_id
    adjustment  reason              'bored'            invalid_reason
    adjustment  location            'A//B'             invalid_location
    adjustment  quantity            '0'                invalid_quantity
    adjustment  occurred_at         '2026'             invalid_time
    return      sku                 ''                 invalid_sku
    return      id                  ''                 invalid_id
    return      disposition         'keep'             invalid_request
    return      location            ''                 invalid_location
    return      quantity            '-1'               invalid_quantity
    return      note                ''                 invalid_request
    return      original_id         ''                 invalid_id
    scrapped    occurred_at         '2026'             invalid_time
    scrapped    expected_on_hand    'many'             invalid_quantity
    scrapped    expected_on_hand    '1'                invalid_request
    scrapped    reference           Reference('','')   invalid_reference
    transfer    from_location       ''                 invalid_location
    transfer    to_location         ''                 invalid_location
    transfer    quantity            1.5                invalid_quantity
    status      from_status         ''                 invalid_status
    status      to_status           'x'                invalid_status
    status      quantity            ''                 invalid_quantity
"""
MAKERS: dict[str, Callable[..., MovementCommand]] = {
    "receipt": make.receipt,
    "adjustment": make.adjustment,
    "return": make.customer_return,
    "scrapped": partial(make.customer_return, disposition="scrap"),
    "transfer": make.transfer,
    "status": make.status_change,
}
ROWS = [line.split() for line in DESCENDING.strip().replace("' '", "'\\n'").splitlines()]


def _fields_from(index: int) -> dict[str, Any]:
    maker = ROWS[index][0]
    fields: dict[str, Any] = {}
    for row in ROWS[index:]:
        if row[0] != maker:
            break
        fields.setdefault(row[1], eval(row[2], {"Reference": Reference}))
    return fields


@pytest.mark.parametrize("index", range(len(ROWS)), ids=[" ".join(row[:2]) for row in ROWS])
def test_precedence_of_what_is_malformed(index: int) -> None:
    """The first rule of the table that is broken is the answer; none leaves a record."""
    maker, _, _, code = ROWS[index]
    given(make.receipt("6")).when(MAKERS[maker](**_fields_from(index))).malformed(code)


STATE_DESCENDING: list[tuple[str, dict[str, Any]]] = [
    # What a linked return names comes first; each next line gives up the trouble before it.
    ("unknown_movement", {"original_id": "nobody", "quantity": "0.5", "expected_on_hand": 9}),
    ("not_reversible", {"original_id": "in", "quantity": "0.5", "expected_on_hand": 9}),
    ("invalid_quantity", {"original_id": "out", "quantity": "0.5", "expected_on_hand": 9}),
    ("invalid_lot", {"original_id": "out", "quantity": "1", "expected_on_hand": 9}),
    ("version_conflict", {"original_id": "out", "quantity": "1", "expected_on_hand": 9,
                          "lot": "L"}),
    ("quantity_overflow", {"quantity": 10**18, "lot": "L"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "fields"), STATE_DESCENDING, ids=[r[0] for r in STATE_DESCENDING])
def test_precedence_of_what_depends_on_state(code: str, fields: dict[str, Any]) -> None:
    """All are records, and the first that applies is the answer."""
    past = given(
        make.define(lot_tracked=True),
        make.receipt("6", lot="L", id="in"),
        make.issue("1", lot="L", id="out"),
    )
    past.when(make.customer_return(**fields)).refused(code)


@pytest.mark.parametrize("disposition", ["", "keep", "restock "])
def test_a_disposition_is_one_of_those_there_are(disposition: str) -> None:
    """An empty one is none of them, and no default."""
    command = make.customer_return(disposition=disposition)
    given().when(command).malformed("invalid_request")


def test_a_version_comes_before_stock() -> None:
    """Who expected something else is not told of a shortfall."""
    past = given(make.receipt("6"))
    past.when(make.issue("7", expected_on_hand=5)).refused(
        "version_conflict", expected="5", on_hand="6"
    )
    past.when(make.issue("7", expected_on_hand=6)).refused(
        "insufficient_stock", requested="7", available="6", shortfall="1"
    )


def test_strictness_comes_before_scale() -> None:
    """An item that is not described has no scale to exceed."""
    strict = given(rules=Rules(strict_items=True))
    strict.when(make.receipt("0.5")).refused("unknown_item")
    given().when(make.receipt("0.5")).refused("invalid_quantity", scale="0")


def test_malformed_comes_before_state() -> None:
    """A malformed command is malformed whatever it refers to."""
    past = given(rules=Rules(strict_items=True))
    past.when(make.issue("7", note="")).malformed("invalid_request")
    past.when(make.customer_return(original_id="nobody", note="")).malformed("invalid_request")
    past.when(make.reversal("nobody", note="")).malformed("invalid_request")
    past.when(make.customer_return(original_id="")).malformed("invalid_id")


def _cases() -> dict[str, tuple[tuple[Command, ...], Command]]:
    big = 10**18
    return {
        "invalid_request": ((), make.transfer(to_location=PLACE)),
        "invalid_id": ((), make.receipt(id="x" * 129)),
        "invalid_sku": ((), make.receipt(sku="a\tb")),
        "invalid_location": ((), make.receipt(location="A/")),
        "invalid_lot": ((make.define(lot_tracked=True),), make.receipt()),
        "invalid_status": ((), make.receipt(status="lost")),
        "invalid_quantity": ((), make.receipt(2.0)),
        "invalid_cost": ((), make.receipt(unit_cost=2.5)),
        "invalid_reason": ((), make.scrap(reason="")),
        "invalid_time": ((), make.receipt(occurred_at="2026-11-22")),
        "invalid_reference": ((), make.receipt(reference=Reference("order", "\n"))),
        "invalid_item": ((), make.define(scale=9)),
        "unknown_movement": ((), make.reversal("nobody")),
        "not_reversible": (
            (make.receipt(id="a"), make.reversal("a", id="b")),
            make.reversal("b"),
        ),
        "already_reversed": (
            (make.receipt(id="a"), make.reversal("a", id="b")),
            make.reversal("a"),
        ),
        "item_in_use": ((make.receipt(),), make.define(scale=2)),
        "version_conflict": ((make.receipt("6"),), make.issue(expected_on_hand="5")),
        "insufficient_stock": ((), make.issue()),
        "quantity_overflow": ((make.receipt(big),), make.receipt(1)),
    }


@pytest.mark.parametrize("code", _cases())
def test_every_code_can_be_met(code: str) -> None:
    """And is the answer where nothing else is wrong."""
    past, command = _cases()[code]
    decision = given(*past).when(command).decision
    assert isinstance(decision, Rejected)
    assert decision.code == code
    assert decision.detail


def test_no_code_is_left_out() -> None:
    """Some are not given by decide: the writer's, and unknown_item, which needs strictness."""
    elsewhere = {"idempotency_key_reused", "level_too_low", "unknown_item"}
    supply = {"supply_order_not_open", "too_many_supply_orders"}  # in test_supply
    assert set(get_args(Code)) == {*_cases(), *elsewhere, *supply}


@pytest.mark.parametrize(
    "command",
    [make.receipt(10**18 + 1), make.receipt("1000000000000000001"), make.receipt(10**30)],
)
def test_a_quantity_beyond_the_range(command: Command) -> None:
    """It never fits, so no state matters."""
    given().when(command).malformed("invalid_quantity")


@pytest.mark.parametrize("quantity", [10**18, "1000000000001"])
def test_a_quantity_beyond_the_range_of_the_scale(quantity: Any) -> None:
    """An item of another scale could take it, so that it is refused by state."""
    given(make.define(scale=6)).when(make.receipt(quantity)).refused("invalid_quantity", scale="6")
    given().when(make.receipt(quantity)).then()
    # Negative is wrong at any scale.
    given(make.define(scale=6)).when(make.issue(f"-{quantity}")).malformed("invalid_quantity")


def test_the_range_is_used_to_its_end() -> None:
    """10^18 fits, in one receipt or in many places; one more does not."""
    past = given(make.receipt(10**18 - 1, unit_cost="0"))
    past.when(make.receipt(1, location="B")).then(target_after=1)
    past.apply(make.receipt(1, location="B"))
    past.when(make.receipt(1, location="C")).refused("quantity_overflow")
    past.when(make.adjustment(1, location="C")).refused("quantity_overflow")
    past.when(make.customer_return(1)).refused("quantity_overflow")
    past.when(make.transfer("5")).then()


def test_value_overflows_as_quantity_does() -> None:
    """A million times a million of the currency is the most that a SKU may be worth."""
    past = given(make.receipt(1, unit_cost=10**12))
    past.when(make.receipt(1, unit_cost="0.000001")).refused("quantity_overflow")
    past.when(make.receipt(1, unit_cost="0")).then()
    given().when(make.receipt(2, unit_cost=10**12)).refused("quantity_overflow")


@pytest.mark.parametrize("quantity", [2, 10**6, 10**18])
def test_what_never_enters_stock_has_a_bounded_value_too(quantity: int) -> None:
    """Goods that come back and are scrapped at once: their value must fit into an event."""
    past = given(make.receipt(1, unit_cost=10**12))
    past.when(make.customer_return(quantity, disposition="scrap")).refused("quantity_overflow")


@pytest.mark.parametrize("expected", ["5000000000000", 10**18, "5000000000000.5"])
def test_an_expectation_may_be_as_large_as_a_balance(expected: Any) -> None:
    """Whatever an item of some scale could hold is well formed."""
    given().when(make.receipt(expected_on_hand=expected)).refused("version_conflict")


@pytest.mark.parametrize("expected", [10**18 + 1, "1.1234567", 1.0, "x"])
def test_what_no_balance_could_be_is_malformed(expected: Any) -> None:
    """No item of any scale could hold that much."""
    given().when(make.receipt(expected_on_hand=expected)).malformed("invalid_quantity")


@pytest.mark.parametrize("number", [10**19, 10**24, "1" * 20, "-" + "0" * 25, "0." + "1" * 19])
def test_what_is_wrong_with_many_digits_is_said(number: Any) -> None:
    """It is a decimal number, and has too many of them."""
    says = "a number has at most 19 digits before the point and 18 behind it"
    wrong = given().when(make.receipt(expected_on_hand=number)).malformed("invalid_quantity")
    assert wrong.detail == f"expected_on_hand: {says}"
    wrong = given().when(make.receipt(str(number))).malformed("invalid_quantity")
    assert wrong.detail == says


def test_which_key_an_expectation_is_about() -> None:
    """The one taken from, else the one put into."""
    past = given(make.receipt("6"), make.receipt("2", location="MAIN/B"))
    past.when(make.transfer(expected_on_hand="6")).then()
    past.when(make.transfer(expected_on_hand="2")).refused("version_conflict")
    past.when(make.receipt(location="MAIN/B", expected_on_hand="2.0")).then()
    past.when(make.adjustment("-1", expected_on_hand="6")).then()
    past.when(make.receipt(location="NEW", expected_on_hand="-0")).then()


def test_what_is_wrong_with_a_note_is_said() -> None:
    """Its length may be good; it has two lines."""
    says = "a note has 1 to 500 printable characters"
    for note in ("two\nlines", "", "x" * 501):
        wrong = given().when(make.receipt(note=note)).malformed("invalid_request")
        order = given().when(make.place(note=note)).malformed("invalid_request")
        assert (wrong.detail, order.detail) == (says, says)


@pytest.mark.parametrize("expected", ["0", "6"])
def test_an_expectation_of_what_touches_no_key_is_malformed(expected: str) -> None:
    """Goods that a customer returns and that are scrapped at once lie nowhere."""
    past = given(make.receipt("6"))
    wrong = past.when(make.customer_return(disposition="scrap", expected_on_hand=expected))
    assert "touches no stock key" in wrong.malformed("invalid_request").detail
    linked = make.customer_return(
        disposition="scrap", expected_on_hand=expected, original_id="nobody"
    )
    past.when(linked).malformed("invalid_request")
    past.when(make.customer_return(disposition="restock", expected_on_hand="6")).then()


def test_a_level_is_only_raised() -> None:
    """To one that is higher than now."""
    past = given()
    past.when(RaiseLevel("id", "ledger", 1)).malformed("invalid_request")
