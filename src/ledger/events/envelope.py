"""The shape of an event: CloudEvents 1.0 in structured mode, one JSON document a record.

`prevhash` and `actor` are extension attributes. `subject` is the SKU (or names the partition for a
fact about the ledger itself). `time` is when it was recorded.
"""

import msgspec

from ledger.domain.items import Item
from ledger.domain.movements import WireCommand
from ledger.domain.supply import ChangeSupplyOrder, CloseSupplyOrder, PlaceSupplyOrder
from ledger.events.trails import Trail, encode_trail

SPECVERSION = "1.0"
JSON = "application/json"


def dataschema(event_type: str) -> str:
    """The URI that names the schema of a type's `data`."""
    return f"urn:stockledger:schema:{event_type}"


class Envelope(msgspec.Struct, gc=False):
    """The attributes every event has; `data` is decoded by `type`."""

    id: str
    type: str
    subject: str
    time: str
    prevhash: str
    data: msgspec.Raw
    specversion: str = SPECVERSION
    source: str = ""
    actor: str | None = None


def trail_of(data: object) -> bytes | None:
    """The JSON of the trail that `data` has; None if none was recorded."""
    trail = getattr(data, "trail", None)
    return None if trail is None else encode_trail(trail)


class Entry(msgspec.Struct, gc=False, omit_defaults=True):
    """One side of a movement, signed. A virtual account has `account`; a real one has the stock
    key and the balances afterwards."""

    quantity: str
    account: str | None = None
    location: str | None = None
    lot: str | None = None
    status: str | None = None
    on_hand: str | None = None
    available: str | None = None


class OrderReceivedData(msgspec.Struct, gc=False, omit_defaults=True):
    """What a receipt, or its reversal, leaves of the line of a supply order that it names.

    `order_offset` is the offset of the line's placing, `on_order` all that is still to come of the
    SKU. `ordered`, `received` and `over` (what came beyond the order) are those of the line, in
    all; they are missing where the line was closed before the reversal: it stays closed.
    """

    id: str
    order_offset: int
    open: bool
    on_order: str
    ordered: str | None = None
    received: str | None = None
    over: str | None = None


class MovedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of every movement: what was asked for, and what came of it.

    `quantity` is what moved, greater than zero, in the item's unit with `scale` decimals at most;
    `entries` are the account taken from and the one put into, in this order; `value` is the cost
    that moved, in the ledger's currency. `original_offset` is, for a linked return and for the
    reversal of one, the offset of the movement with which the goods had left; `supply` is there
    for a receipt that names a supply order, and for the reversal of one.
    """

    command: WireCommand
    quantity: str
    scale: int
    occurred_at: str
    entries: tuple[Entry, Entry]
    value: str
    cost_basis: str
    late: bool = False
    reverses_offset: int = -1
    original_offset: int = -1
    supply: OrderReceivedData | None = None
    trail: Trail | None = None


class RefusedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of `stock.refused.v1`: the command's type and fingerprint, why, and the numbers."""

    type: str
    fingerprint: str
    code: str
    detail: str
    numbers: dict[str, str] = {}
    quantity: str | None = None
    location: str | None = None
    trail: Trail | None = None


class ItemDefinedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of `item.defined.v1`."""

    item: Item
    trail: Trail | None = None


class SupplyPlacedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of `stock.supply_order_placed.v1`: one line, of one SKU.

    `quantity` is what was ordered, with `scale` decimals at most; `on_order`, here and in the types
    below, is all that is still to come of the SKU afterwards.
    """

    command: PlaceSupplyOrder
    quantity: str
    scale: int
    placed_at: str
    expected_at: str
    on_order: str
    trail: Trail | None = None


class SupplyChangedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of `stock.supply_order_changed.v1`: the line as it is from here on.

    `order_offset` is the offset of its placing, `received` what came of it so far, and `over` what
    came beyond the order.
    """

    command: ChangeSupplyOrder
    order_offset: int
    quantity: str
    received: str
    over: str
    scale: int
    expected_at: str
    on_order: str
    trail: Trail | None = None


class SupplyClosedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of `stock.supply_order_closed.v1`: nothing more is to come of the line.

    `over` is the over-delivery and `under` the under-delivery.
    """

    command: CloseSupplyOrder
    order_offset: int
    quantity: str
    received: str
    over: str
    under: str
    scale: int
    on_order: str
    trail: Trail | None = None


class OpenedData(msgspec.Struct, gc=False):
    """`data` of `ledger.opened.v1`, which lies at offset 0 of every partition."""

    ledger_id: str
    partition: int
    partitions: int
    partitioner: str
    currency: str
    format: int


class WriterClaimedData(msgspec.Struct, gc=False):
    """`data` of `stock.writer_claimed.v1`."""

    instance: str
    url: str


class LevelRaisedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of `ledger.level_raised.v1`."""

    level: int
    trail: Trail | None = None


Data = (
    MovedData
    | RefusedData
    | ItemDefinedData
    | SupplyPlacedData
    | SupplyChangedData
    | SupplyClosedData
    | OpenedData
    | WriterClaimedData
    | LevelRaisedData
)

MOVEMENT_TYPES = (
    "receipt",
    "transfer",
    "pick",
    "issue",
    "customer_return",
    "supplier_return",
    "adjustment",
    "scrap",
    "status_change",
    "reversal",
)
REFUSED = "stock.refused.v1"
ITEM_DEFINED = "item.defined.v1"
OPENED = "ledger.opened.v1"
WRITER_CLAIMED = "stock.writer_claimed.v1"
LEVEL_RAISED = "ledger.level_raised.v1"
SUPPLY_ORDER_PLACED = "stock.supply_order_placed.v1"
SUPPLY_ORDER_CHANGED = "stock.supply_order_changed.v1"
SUPPLY_ORDER_CLOSED = "stock.supply_order_closed.v1"
# Command class → the type of event that it leads to.
SUPPLY_TYPES: dict[type, str] = {
    PlaceSupplyOrder: SUPPLY_ORDER_PLACED,
    ChangeSupplyOrder: SUPPLY_ORDER_CHANGED,
    CloseSupplyOrder: SUPPLY_ORDER_CLOSED,
}

DATA_TYPES: dict[str, type[Data]] = {
    **{f"stock.{name}.v1": MovedData for name in MOVEMENT_TYPES},
    REFUSED: RefusedData,
    ITEM_DEFINED: ItemDefinedData,
    SUPPLY_ORDER_PLACED: SupplyPlacedData,
    SUPPLY_ORDER_CHANGED: SupplyChangedData,
    SUPPLY_ORDER_CLOSED: SupplyClosedData,
    OPENED: OpenedData,
    WRITER_CLAIMED: WriterClaimedData,
    LEVEL_RAISED: LevelRaisedData,
}

# The level a log must have been raised to before a type may be written. New types come with a
# higher level, so that a rolling upgrade stops no older instance.
TYPE_LEVELS: dict[str, int] = dict.fromkeys(DATA_TYPES, 1)
# Supply orders, receipts that name one, and the prices and terms of items that go with them.
SUPPLY_LEVEL = 2
TYPE_LEVELS |= dict.fromkeys(SUPPLY_TYPES.values(), SUPPLY_LEVEL)
# By which request an event came: no type of its own, but what older versions would not keep.
TRAIL_LEVEL = 3
LEVEL_SUPPORTED = max(TRAIL_LEVEL, *TYPE_LEVELS.values())
