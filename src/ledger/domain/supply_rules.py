"""Supply orders: the facts that commands about them make of the state, or why not."""

from ledger.domain import codes, quantities
from ledger.domain.checks import check_note, short, wrong_instant
from ledger.domain.context import MICROSECONDS_PER_DAY, Context
from ledger.domain.facts import Moved
from ledger.domain.quantities import SCALED_MAX, Number
from ledger.domain.rejections import Rejected, malformed, refused
from ledger.domain.stock import PartitionState, SkuState
from ledger.domain.supply import (
    CLOSE_REASONS,
    EXPECTED_DAYS_MAX,
    OPEN_ORDERS_MAX,
    ChangeSupplyOrder,
    CloseSupplyOrder,
    OpenOrder,
    OrderReceived,
    PlaceSupplyOrder,
    SupplyCommand,
    SupplyFact,
    SupplyOrderChanged,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)

_EXPECTED_US_MAX = EXPECTED_DAYS_MAX * MICROSECONDS_PER_DAY


def on_order(sku: SkuState | None, without: str = "") -> int:
    """What is still to come of a SKU, scaled; not counting the line `without`."""
    if sku is None or not sku.supply:
        return 0
    return sum(one.outstanding for name, one in sku.supply.items() if name != without)


def decide_supply(
    state: PartitionState, command: SupplyCommand, context: Context
) -> SupplyFact | Rejected:
    """The fact that a command about a supply order makes of the state, or why not."""
    wrong = (
        codes.check_sku(command.sku) or codes.check_id(command.id or "") or check_note(command.note)
    )
    if wrong is not None:
        return wrong
    if type(command) is PlaceSupplyOrder:
        return _decide_place(state, command, context)
    wrong = codes.check_id(command.supply_order)  # type: ignore[union-attr]
    if wrong is not None:
        return wrong
    if type(command) is ChangeSupplyOrder:
        return _decide_change(state, command, context)
    return _decide_close(state, command, context)  # type: ignore[arg-type]


def _decide_place(  # noqa: PLR0911 - guards first, one a line
    state: PartitionState, command: PlaceSupplyOrder, context: Context
) -> SupplyOrderPlaced | Rejected:
    sku = state.skus.get(command.sku)
    scale = context.rules.scale_default if sku is None else sku.scale
    wrong = _check_names(command)
    if wrong is not None:
        return wrong
    parsed = _quantity(command.quantity, scale)
    if type(parsed) is Rejected and not parsed.needs_state:
        return parsed
    times = _times(command, context)
    if type(times) is Rejected:
        return times
    wrong = _check_cost(command)
    if wrong is not None:
        return wrong
    # From here on the answer depends on state.
    if context.rules.strict_items and (sku is None or sku.item is None):
        return refused("unknown_item", f"{command.sku} is not described as an item")
    if type(parsed) is Rejected:
        return parsed
    quantity, command.quantity = parsed
    if (wrong := _check_room(sku, quantity)) is not None:
        return wrong
    placed_us, expected_us = times
    return SupplyOrderPlaced(
        state.offset,
        command,
        command.id or "",
        command.sku,
        quantity,
        scale,
        placed_us,
        expected_us,
        on_order(sku) + quantity,
        context.recorded_ms,
        context.actor,
        context.trail,
    )


def _decide_change(  # noqa: C901 - either may be left out
    state: PartitionState, command: ChangeSupplyOrder, context: Context
) -> SupplyOrderChanged | Rejected:
    if command.quantity is None and command.expected_at is None:
        return malformed("invalid_request", "a change has a quantity, an expected_at, or both")
    sku, name = state.skus.get(command.sku), command.supply_order
    parsed = expected = None
    if command.quantity is not None:
        parsed = _quantity(command.quantity, 0 if sku is None else sku.scale)
        if type(parsed) is Rejected and not parsed.needs_state:
            return parsed
    if command.expected_at is not None:
        expected = codes.moment(command.expected_at)
        if type(expected) is Rejected:
            return malformed("invalid_time", f"expected_at: {expected.detail}")
    # From here on the answer depends on state.
    order = _open(sku, name)
    if sku is None or order is None:
        return _not_open(command.sku, name)
    wrong = _check_change(sku, name, parsed, expected)
    if wrong is not None:
        return wrong
    quantity, expected_us = order.ordered, order.expected_us
    if type(parsed) is tuple:
        quantity, command.quantity = parsed
    if type(expected) is tuple:
        expected_us, command.expected_at = expected
    return SupplyOrderChanged(
        state.offset,
        command,
        command.id or "",
        command.sku,
        order.offset,
        quantity,
        order.received,
        sku.scale,
        expected_us,
        on_order(sku, name) + max(0, quantity - order.received),
        context.recorded_ms,
        context.actor,
        context.trail,
    )


def _check_change(
    sku: SkuState,
    name: str,
    parsed: tuple[int, str] | Rejected | None,
    expected: tuple[int, str] | Rejected | None,
) -> Rejected | None:
    if type(parsed) is Rejected:
        return parsed
    placed_us = (sku.supply or {})[name].placed_us
    if type(expected) is tuple and not 0 <= expected[0] - placed_us <= _EXPECTED_US_MAX:
        return refused(
            "invalid_time",
            f"expected_at is 0 to {EXPECTED_DAYS_MAX} days after placed_at",
            placed_at=codes.instant_text(placed_us),
        )
    return None if parsed is None else _check_sum(sku, parsed[0], name)


def _decide_close(
    state: PartitionState, command: CloseSupplyOrder, context: Context
) -> SupplyOrderClosed | Rejected:
    if command.reason not in CLOSE_REASONS:
        return malformed("invalid_reason", f"a reason is one of {', '.join(sorted(CLOSE_REASONS))}")
    sku, name = state.skus.get(command.sku), command.supply_order
    order = _open(sku, name)
    if sku is None or order is None:
        return _not_open(command.sku, name)
    return SupplyOrderClosed(
        state.offset,
        command,
        command.id or "",
        command.sku,
        order.offset,
        order.ordered,
        order.received,
        sku.scale,
        on_order(sku, name),
        context.recorded_ms,
        context.actor,
        context.trail,
    )


def receive(moved: Moved, sku: SkuState | None, name: str) -> Rejected | None:
    """Note in a receipt what it leaves of the line it names, or say why it may not name it."""
    order = _open(sku, name)
    if order is None:
        return _not_open(moved.sku, name)
    received = order.received + moved.quantity
    if received > SCALED_MAX:
        return refused("quantity_overflow", f"what was received of {name} would pass 10^18")
    _note(moved, sku, name, order, received)
    return None


def give_back(moved: Moved, sku: SkuState | None, original: OrderReceived) -> None:
    """Note in the reversal of a receipt what it leaves of the line: open, it is as if nothing had
    been received; closed, it stays closed and nothing is on order again."""
    name, order = original.id, _open(sku, original.id)
    if order is None:
        moved.supply = OrderReceived(name, original.order_offset, False, 0, 0, on_order(sku))
        return
    _note(moved, sku, name, order, order.received - moved.quantity)


def _note(moved: Moved, sku: SkuState | None, name: str, order: OpenOrder, received: int) -> None:
    left = max(0, order.ordered - received)
    moved.supply = OrderReceived(
        name, order.offset, True, order.ordered, received, on_order(sku, name) + left
    )


def _open(sku: SkuState | None, name: str) -> OpenOrder | None:
    return None if sku is None or sku.supply is None else sku.supply.get(name)


def _not_open(sku: str, name: str) -> Rejected:
    return refused("supply_order_not_open", f"{sku} has no open supply order {name}")


def _check_names(command: PlaceSupplyOrder) -> Rejected | None:
    if codes.check_sku(command.supplier) is not None:
        return malformed("invalid_request", "supplier is a short printable text")
    wrong = codes.check_location(command.location)
    if wrong is None and command.order is not None and not short(command.order):
        return malformed("invalid_reference", "order is a short printable text")
    return wrong


def _check_cost(command: PlaceSupplyOrder) -> Rejected | None:
    if command.unit_cost is None:
        return None
    cost = quantities.cost(command.unit_cost)
    if type(cost) is Rejected:
        return cost
    command.unit_cost = cost[1]
    return None


def _quantity(number: Number, scale: int) -> tuple[int, str] | Rejected:
    """A quantity above zero; a refusal that needs state is for later."""
    parsed = quantities.parse(number, scale)
    if type(parsed) is Rejected:
        # A negative quantity is wrong at any scale.
        if parsed.needs_state and str(number)[0] != "-":
            return parsed
        return malformed("invalid_quantity", parsed.detail)
    if parsed[0] <= 0:
        return malformed("invalid_quantity", "a quantity is greater than zero")
    return parsed


def _times(command: PlaceSupplyOrder, context: Context) -> tuple[int, int] | Rejected:
    """When it was placed and when it is expected; the command gets the canonical texts."""
    placed_us = recorded_us = context.recorded_ms * 1000
    if command.placed_at is not None:
        placed = codes.moment(command.placed_at)
        if type(placed) is Rejected:
            return malformed("invalid_time", f"placed_at: {placed.detail}")
        placed_us, command.placed_at = placed
        rules = context.rules
        if not -rules.future_tolerance_us <= recorded_us - placed_us <= rules.backdate_limit_us:
            return wrong_instant(placed_us, recorded_us, "placed_at")
    expected = codes.moment(command.expected_at)
    if type(expected) is Rejected:
        return malformed("invalid_time", f"expected_at: {expected.detail}")
    expected_us, command.expected_at = expected
    if not 0 <= expected_us - placed_us <= _EXPECTED_US_MAX:
        return malformed(
            "invalid_time", f"expected_at is 0 to {EXPECTED_DAYS_MAX} days after placed_at"
        )
    return placed_us, expected_us


def _check_room(sku: SkuState | None, quantity: int) -> Rejected | None:
    supply = sku.supply if sku is not None and sku.supply is not None else {}
    if len(supply) >= OPEN_ORDERS_MAX:
        return refused(
            "too_many_supply_orders",
            f"a SKU has at most {OPEN_ORDERS_MAX} open supply orders; close those that are done",
            open=str(len(supply)),
        )
    return None if sku is None else _check_sum(sku, quantity, "")


def _check_sum(sku: SkuState, quantity: int, name: str) -> Rejected | None:
    """All that was ordered stays in the exact range, so that what is on order does."""
    others = sum(one.ordered for other, one in (sku.supply or {}).items() if other != name)
    if others + quantity > SCALED_MAX:
        return refused("quantity_overflow", "the open supply orders of the SKU would pass 10^18")
    return None
