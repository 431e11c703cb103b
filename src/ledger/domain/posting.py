"""What a movement does to balances and value, or why stock does not allow it."""

from ledger.domain import costing, quantities
from ledger.domain.costing import value_out
from ledger.domain.facts import Moved
from ledger.domain.movements import Receipt, Reversal
from ledger.domain.quantities import SCALED_MAX, Number, text
from ledger.domain.rejections import Rejected, refused
from ledger.domain.stock import SkuState, has_lot

_EMPTY = SkuState({})


def post(  # noqa: C901, PLR0912 - guards first, one a line; on the path of every movement
    moved: Moved, known: SkuState | None, original: Moved | None, unit_cost: int = -1
) -> Moved | Rejected:
    """Fill in balances and value of a movement whose form is good, or say what stands against it.

    `original` is the movement that a reversal or a linked return names; `unit_cost` what a receipt
    says it cost, in millionths, and -1 if nothing was said.
    """
    sku = _EMPTY if known is None else known
    source, target, quantity = moved.source, moved.target, moved.quantity
    command = moved.command
    # What lay there before the item was tracked by lot can still be reversed.
    if sku.item is not None and sku.item.lot_tracked and type(command) is not Reversal:
        key = target if source[0] == "@" else source
        if key[0] != "@" and not has_lot(key):
            return refused("invalid_lot", f"{moved.sku} is tracked by lot; name one")
    if type(command) is not Reversal and command.expected_on_hand is not None:  # type: ignore[union-attr]
        wrong = _check_version(moved, sku, command.expected_on_hand)  # type: ignore[union-attr]
        if wrong is not None:
            return wrong
    if source[0] != "@":
        have = sku.levels.get(source, 0)
        if have < quantity:
            return _insufficient(moved, have)
        moved.source_after = have - quantity
        if original is None:
            moved.value = value_out(sku, quantity)
        else:
            moved.value, moved.cost_basis = _value_back(moved, sku, original)
    else:
        if unit_cost >= 0:
            value, basis = costing.value_at(unit_cost, quantity, moved.scale), "given"
        else:
            value, basis = _value_in(moved, sku, original)
        moved.value, moved.cost_basis = value, basis
        if value > SCALED_MAX or (
            target[0] != "@"
            and (sku.quantity + quantity > SCALED_MAX or sku.value + value > SCALED_MAX)
        ):
            return refused("quantity_overflow", "the balance would leave the exact range")
    if target[0] != "@":
        moved.target_after = sku.levels.get(target, 0) + quantity
    return moved


def _value_back(moved: Moved, sku: SkuState, original: Moved) -> tuple[int, str]:
    """What the reversal of `original` takes out of stock: the value that came in, as far as it is
    still there; the last unit takes all that is left. And where the number is from: the original
    where it is its value. Inside stock nothing is taken out, and the average says what it costs."""
    if moved.target[0] != "@":
        return value_out(sku, moved.quantity), "average"
    last = moved.quantity >= sku.quantity
    value = sku.value if last else min(original.value, sku.value)
    return value, "original" if value == original.value else "average"


def _value_in(moved: Moved, sku: SkuState, original: Moved | None) -> tuple[int, str]:
    """What goods that come in from a virtual account cost, and where the number is from."""
    if type(moved.command) is Receipt:
        return costing.standard_value(sku, moved.quantity, moved.scale)
    if original is not None:
        share = original.value * moved.quantity
        return quantities.divide_half_even(share, original.quantity), "original"
    return costing.value_in(sku, moved.quantity, moved.scale)


def _check_version(moved: Moved, sku: SkuState, expected: Number) -> Rejected | None:
    key = moved.source if moved.source[0] != "@" else moved.target
    have = text(sku.levels.get(key, 0), moved.scale)
    if quantities.canonical(expected) == have:
        return None
    return refused(
        "version_conflict",
        "the stock key does not hold what was expected",
        expected=str(expected),
        on_hand=have,
    )


def _insufficient(moved: Moved, have: int) -> Rejected:
    requested = text(moved.quantity, moved.scale)
    available = text(have, moved.scale)
    return refused(
        "insufficient_stock",
        f"{requested} requested, {available} available",
        requested=requested,
        available=available,
        shortfall=text(moved.quantity - have, moved.scale),
    )
