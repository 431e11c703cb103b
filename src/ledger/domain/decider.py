"""decide: the fact that a command makes of the state, or why not.

`decide` looks and answers and changes nothing; `evolve` (evolution.py) applies a fact. Together
they are the only places with stock rules, and run in the writer, in replay and in tests.
"""

from typing import get_args

from ledger.domain import codes, quantities
from ledger.domain.checks import check_extras, wrong_instant
from ledger.domain.context import Context, Rules
from ledger.domain.evolution import Undo, evolve, undo
from ledger.domain.facts import Command, LevelRaised, Moved, RaiseLevel, Resolved
from ledger.domain.items import DefineItem, ItemDefined, canonical_item, check_item
from ledger.domain.movements import CustomerReturn, MovementCommand, Receipt, Reversal
from ledger.domain.posting import post
from ledger.domain.quantities import COSTS, PARSED
from ledger.domain.rejections import Rejected, malformed, refused
from ledger.domain.reversals import check_original, decide_reversal
from ledger.domain.stock import PartitionState, has_lot
from ledger.domain.supply import SUPPLY_COMMANDS, SupplyFact
from ledger.domain.supply_rules import decide_supply, receive

__all__ = ["Decision", "Undo", "decide", "evolve", "undo"]

Decision = Moved | ItemDefined | SupplyFact | LevelRaised | Rejected


def decide(  # noqa: PLR0911 - one kind of command a line
    state: PartitionState, command: Command, context: Context
) -> Decision:
    """The fact that `command` makes of `state`, or why not.

    The caller has checked that the id is new. Numbers and instants of the command are brought
    into canonical form on the way (`movements.normalise`); the state is not touched.
    """
    if type(command) in PLAIN:
        return decide_movement(state, command, context, None)  # type: ignore[arg-type]
    if type(command) is CustomerReturn:
        if command.original_id is None:
            return decide_movement(state, command, context, None)
        return _decide_resolved(state, Resolved(command, None), context)
    if type(command) is Resolved:
        return _decide_resolved(state, command, context)
    if type(command) is DefineItem:
        return _decide_item(state, command, context)
    if type(command) is RaiseLevel:
        return _decide_level(state, command, context)
    if isinstance(command, SUPPLY_COMMANDS):
        return decide_supply(state, command, context)
    return decide_reversal(state, command, None, context)  # type: ignore[arg-type]


# Movements that name no earlier one: nearly all there are.
PLAIN = frozenset(get_args(MovementCommand)) - {CustomerReturn}


def decide_movement(  # noqa: C901, PLR0911, PLR0912 - guards first, one a line
    state: PartitionState,
    command: MovementCommand,
    context: Context,
    original: Moved | None = None,
) -> Moved | Rejected:
    """What `decide` does for a movement; `original` is the earlier one that it names, if any."""
    rules, sound = context.rules, context.sound
    name = command.sku
    sku = state.skus.get(name)
    if sku is None and (wrong := codes.check_sku(name)) is not None:
        return wrong
    scale = rules.scale_default if sku is None else sku.scale
    identity = command.id or ""
    if not sound and (wrong := codes.check_id(identity)) is not None:
        return wrong
    accounts = command.accounts()
    if type(accounts) is Rejected:
        return accounts
    source, target = accounts
    number = command.quantity
    parsed = PARSED[scale][number] if type(number) is str else quantities.parse(number, scale)
    if type(parsed) is Rejected:
        # A negative quantity is wrong at any scale.
        if not parsed.needs_state or (not command.signed and str(command.quantity)[0] == "-"):
            return malformed("invalid_quantity", parsed.detail)
    elif parsed[0] <= 0:
        if parsed[0] == 0 or not command.signed:
            return malformed("invalid_quantity", "a quantity is greater than zero")
        source, target = target, source
    recorded_ms = context.recorded_ms
    occurred_us = recorded_us = recorded_ms * 1000
    if command.occurred_at is not None:
        moment = _occurred(command, recorded_us, rules)
        if type(moment) is Rejected:
            return moment
        occurred_us = moment
    unit_cost, supply_order = -1, None
    if type(command) is Receipt:
        price = command.unit_cost
        if price is not None:
            cost = COSTS[price] if type(price) is str else quantities.cost(price)
            if type(cost) is Rejected:
                return cost
            unit_cost, command.unit_cost = cost
        supply_order = command.supply_order
        if supply_order is not None and (wrong := codes.check_id(supply_order)) is not None:
            return wrong
    plain = sound and command.note is None and command.expected_on_hand is None
    if not plain and (wrong := check_extras(command)) is not None:
        return wrong
    # From here on the answer depends on state.
    if rules.strict_items and (sku is None or sku.item is None):
        return refused("unknown_item", f"{name} is not described as an item")
    if type(parsed) is Rejected:
        return parsed
    quantity, command.quantity = parsed
    moved = Moved(
        state.offset, command, identity, name, quantity if quantity > 0 else -quantity, scale,
        source, target, 0, 0, 0, "average", occurred_us, recorded_ms,
        recorded_us - occurred_us > rules.late_after_us, context.actor, -1, -1, None,
        context.trail,
    )  # fmt: skip
    if supply_order is not None and (wrong := receive(moved, sku, supply_order)) is not None:
        return wrong
    return post(moved, sku, original, unit_cost)


def _occurred(command: MovementCommand, recorded_us: int, rules: Rules) -> int | Rejected:
    """When it happened, in microseconds since 1970 UTC; the command gets the canonical text."""
    moment = codes.moment(command.occurred_at or "")
    if type(moment) is Rejected:
        return moment
    occurred_us, command.occurred_at = moment
    if -rules.future_tolerance_us <= recorded_us - occurred_us <= rules.backdate_limit_us:
        return occurred_us
    return wrong_instant(occurred_us, recorded_us)


def _decide_resolved(
    state: PartitionState, resolved: Resolved, context: Context
) -> Moved | Rejected:
    command, original = resolved.command, resolved.original
    if type(command) is Reversal:
        return decide_reversal(state, command, original, context)
    answer = decide_movement(state, command, context, original)  # type: ignore[arg-type]
    # A malformed command is malformed whatever it refers to.
    if type(answer) is Rejected and not answer.needs_state:
        return answer
    # Here and not among the extras, which are passed over where all is sound.
    wrong = codes.check_id(command.original_id or "")  # type: ignore[union-attr]
    wrong = wrong or check_original(state, command, original)  # type: ignore[arg-type]
    if wrong is not None:
        return wrong
    if type(answer) is Moved and original is not None:
        answer.original_offset = original.offset
    return answer


def _decide_item(
    state: PartitionState, command: DefineItem, context: Context
) -> ItemDefined | Rejected:
    wrong = codes.check_sku(command.sku) or codes.check_id(command.id) or check_item(command.item)
    if wrong is not None:
        return wrong
    sku = state.skus.get(command.sku)
    fixed = sku is not None and (sku.moved or sku.supply is not None)
    if sku is not None and fixed and sku.scale != command.item.scale:
        return refused(
            "item_in_use",
            f"{command.sku} has movements or open supply orders; its scale stays {sku.scale}",
            scale=str(sku.scale),
        )
    # Where it was on before, the reversal of an earlier movement may have brought such stock.
    turned_on = sku is not None and command.item.lot_tracked and not sku.described.lot_tracked
    if sku is not None and turned_on and not all(map(has_lot, sku.levels)):
        detail = f"{command.sku} has stock without a lot; adjust it in under one, and then out"
        return refused("item_in_use", detail)
    return ItemDefined(
        state.offset,
        command.id,
        command.sku,
        canonical_item(command.item),
        context.recorded_ms,
        context.actor,
        context.trail,
    )


def _decide_level(
    state: PartitionState, command: RaiseLevel, context: Context
) -> LevelRaised | Rejected:
    if command.level <= state.level:
        return malformed("invalid_request", f"the log is at level {state.level} already")
    return LevelRaised(
        state.offset, command.level, context.recorded_ms, context.actor, context.trail
    )
