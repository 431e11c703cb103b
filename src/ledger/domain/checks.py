"""Guards on the optional fields of commands; none needs state."""

from ledger.domain import codes, quantities
from ledger.domain.context import Rules
from ledger.domain.movements import MovementCommand, Receipt, Reversal
from ledger.domain.rejections import Rejected, malformed


def check_occurred(occurred_us: int, recorded_us: int, rules: Rules) -> Rejected | None:
    """Whether an instant is neither in the future nor further back than the limit."""
    age_us = recorded_us - occurred_us
    if -age_us > rules.future_tolerance_us:
        return malformed("invalid_time", "occurred_at lies in the future")
    if age_us > rules.backdate_limit_us:
        return malformed("invalid_time", "occurred_at lies further back than this ledger accepts")
    return None


def check_texts(command: MovementCommand | Reversal) -> Rejected | None:
    """Reference and note."""
    reference = command.reference
    if reference is not None and not (short(reference.type) and short(reference.id)):
        return malformed("invalid_reference", "a reference has a short printable type and id")
    if command.note is not None and not short(command.note):
        return malformed("invalid_request", f"a note has 1 to {codes.TEXT_LENGTH_MAX} characters")
    return None


def check_numbers(command: MovementCommand) -> Rejected | None:
    """Unit cost and expected on-hand."""
    if type(command) is Receipt and command.unit_cost is not None:
        unit_cost = quantities.cost(command.unit_cost)
        if type(unit_cost) is Rejected:
            return unit_cost
    expected = command.expected_on_hand
    if expected is not None:
        number = quantities.scaled(expected, quantities.SCALE_MAX)
        if type(number) is Rejected:
            return malformed("invalid_quantity", f"expected_on_hand: {number.detail}")
    return None


def short(value: str) -> bool:
    """Whether a text is printable and of a length a person would write."""
    return 0 < len(value) <= codes.TEXT_LENGTH_MAX and value.isprintable()
