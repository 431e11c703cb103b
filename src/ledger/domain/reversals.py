"""Commands that name an earlier movement: reversals, and linked returns."""

from ledger.domain import codes, quantities
from ledger.domain.checks import check_texts, wrong_instant
from ledger.domain.context import Context
from ledger.domain.facts import Moved
from ledger.domain.movements import MovementCommand, Reversal
from ledger.domain.posting import post
from ledger.domain.rejections import Rejected, refused
from ledger.domain.stock import CUSTOMER, PartitionState
from ledger.domain.supply_rules import give_back


def check_original(
    state: PartitionState, command: MovementCommand, original: Moved | None
) -> Rejected | None:
    """Why goods that left with `original` may not come back with `command`; None if they may."""
    if original is None or original.sku != command.sku:
        return refused("unknown_movement", "no movement of this SKU has the original_id")
    if type(original.command) is Reversal or original.target != CUSTOMER:
        return refused("not_reversible", "only goods that went to a customer can come back")
    if original.offset in state.reversed:
        return refused("already_reversed", f"{original.id} is reversed; nothing went out with it")
    quantity = quantities.scaled(command.quantity, original.scale)
    returned = state.returned.get(original.offset, 0)
    left = original.quantity - returned
    if type(quantity) is int and quantity > left:
        return refused(
            "invalid_quantity",
            f"more comes back than is left of what went out with {original.id}",
            original=quantities.text(original.quantity, original.scale),
            returned=quantities.text(returned, original.scale),
            left=quantities.text(left, original.scale),
        )
    return None


def decide_reversal(  # noqa: C901, PLR0911 - guards first, one a line
    state: PartitionState, command: Reversal, original: Moved | None, context: Context
) -> Moved | Rejected:
    """The opposite of `original`, at the value that it moved as far as `post` can; once only."""
    identity = command.id or ""
    wrong = (
        codes.check_sku(command.sku) or codes.check_id(identity) or codes.check_id(command.reverses)
    )
    if wrong is not None:
        return wrong
    occurred_us = recorded_us = context.recorded_ms * 1000
    if command.occurred_at is not None:
        moment = codes.moment(command.occurred_at)
        if type(moment) is Rejected:
            return moment
        occurred_us, command.occurred_at = moment
        rules = context.rules
        if not -rules.future_tolerance_us <= recorded_us - occurred_us <= rules.backdate_limit_us:
            return wrong_instant(occurred_us, recorded_us)
    if (wrong := check_texts(command)) is not None:
        return wrong
    if original is None or original.sku != command.sku:
        return refused("unknown_movement", f"{command.sku} has no movement {command.reverses}")
    if type(original.command) is Reversal:
        return refused("not_reversible", "a reversal is not reversed; send the movement again")
    if original.offset in state.returned:
        return refused(
            "not_reversible",
            f"goods of {command.reverses} came back by a linked return; reverse that one first",
        )
    if original.offset in state.reversed:
        return refused("already_reversed", f"{command.reverses} is reversed already")
    moved = Moved(
        state.offset,
        command,
        identity,
        command.sku,
        original.quantity,
        original.scale,
        original.target,
        original.source,
        0,
        0,
        0,
        "original",
        occurred_us,
        context.recorded_ms,
        recorded_us - occurred_us > context.rules.late_after_us,
        context.actor,
        original.offset,
        original.original_offset,
        trail=context.trail,
    )
    sku = state.skus.get(command.sku)
    if original.supply is not None:
        give_back(moved, sku, original.supply)
    return post(moved, sku, original)
