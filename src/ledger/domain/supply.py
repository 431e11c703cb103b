"""Supply orders: what is asked of suppliers, line by line, and what is still to come.

One line is one id and one SKU; an `order` number may group lines. It is open from the moment it is
placed until it is closed, whatever was received of it: receipts name it, in parts, and more may
come than was ordered.
"""

from typing import Annotated

import msgspec

from ledger.domain import codes
from ledger.domain.quantities import Number, canonical

Text = Annotated[str, msgspec.Meta(max_length=1_000)]
# All of them lie in memory and in each snapshot.
OPEN_ORDERS_MAX = 500
EXPECTED_DAYS_MAX = 3_650
CLOSE_REASONS = frozenset({"received", "under_delivered", "cancelled", "other"})


class PlaceSupplyOrder(
    msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """Order from a supplier. `id` names the line; `location`, a site or any path, is where it is
    due and `expected_at` when. Without `placed_at` it is placed when it is recorded."""

    sku: Text
    quantity: Number
    supplier: Text
    location: Text
    expected_at: Text
    id: str | None = None
    placed_at: Text | None = None
    order: Text | None = None
    unit_cost: Number | None = None
    note: str | None = None


class ChangeSupplyOrder(
    msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """The open line `supply_order` is now over `quantity` in all, or due at `expected_at`."""

    sku: Text
    supply_order: Text
    id: str | None = None
    quantity: Number | None = None
    expected_at: Text | None = None
    note: str | None = None


class CloseSupplyOrder(
    msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """Nothing more is to come of the open line `supply_order`. What was not received by then is
    the under-delivery."""

    sku: Text
    supply_order: Text
    reason: Text
    id: str | None = None
    note: str | None = None


SupplyCommand = PlaceSupplyOrder | ChangeSupplyOrder | CloseSupplyOrder


class OpenOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a writer knows of an open line. `offset` is that of its placing; quantities are scaled
    by the SKU's scale, instants are microseconds since 1970 UTC."""

    offset: int
    ordered: int
    received: int
    placed_us: int
    expected_us: int

    @property
    def outstanding(self) -> int:
        """What is still to come."""
        return max(0, self.ordered - self.received)


class OrderReceived(msgspec.Struct, frozen=True, gc=False):
    """What a receipt (or its reversal) leaves of the line that it names.

    `on_order` is that of the SKU afterwards. If the line was closed before the reversal, `ordered`
    and `received` are 0: they are not known any more.
    """

    id: str
    order_offset: int
    open: bool
    ordered: int
    received: int
    on_order: int

    @property
    def over(self) -> int:
        """How much more was received than was ordered."""
        return max(0, self.received - self.ordered)


class SupplyOrderPlaced(msgspec.Struct, gc=False):
    """A line was placed. `on_order` is that of the SKU afterwards, as in the facts below."""

    offset: int
    command: PlaceSupplyOrder
    id: str
    sku: str
    quantity: int
    scale: int
    placed_us: int
    expected_us: int
    on_order: int
    recorded_ms: int
    actor: str | None = None
    trail: bytes | None = None


class SupplyOrderChanged(msgspec.Struct, gc=False):
    """A line is over `quantity` in all and due at `expected_us` from here on."""

    offset: int
    command: ChangeSupplyOrder
    id: str
    sku: str
    order_offset: int
    quantity: int
    received: int
    scale: int
    expected_us: int
    on_order: int
    recorded_ms: int
    actor: str | None = None
    trail: bytes | None = None


class SupplyOrderClosed(msgspec.Struct, gc=False):
    """Nothing more is to come of a line."""

    offset: int
    command: CloseSupplyOrder
    id: str
    sku: str
    order_offset: int
    quantity: int
    received: int
    scale: int
    on_order: int
    recorded_ms: int
    actor: str | None = None
    trail: bytes | None = None


SupplyFact = SupplyOrderPlaced | SupplyOrderChanged | SupplyOrderClosed
SUPPLY_COMMANDS = (PlaceSupplyOrder, ChangeSupplyOrder, CloseSupplyOrder)
SUPPLY_FACTS = (SupplyOrderPlaced, SupplyOrderChanged, SupplyOrderClosed)


def normalise_supply(command: SupplyCommand) -> None:
    """Write numbers and instants in their canonical form, in place; needs no state.

    What is malformed stays as it is.
    """
    if not isinstance(command, CloseSupplyOrder):
        if command.quantity is not None:
            command.quantity = canonical(command.quantity)
        if command.expected_at is not None:
            command.expected_at = _instant(command.expected_at)
    if isinstance(command, PlaceSupplyOrder):
        if command.placed_at is not None:
            command.placed_at = _instant(command.placed_at)
        if command.unit_cost is not None:
            command.unit_cost = canonical(command.unit_cost)


def _instant(text: str) -> str:
    microseconds = codes.instant(text)
    return codes.instant_text(microseconds) if type(microseconds) is int else text
