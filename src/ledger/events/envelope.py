"""The shape of an event: CloudEvents 1.0 in structured mode, one JSON document a record.

`prevhash` and `actor` are extension attributes. `subject` is the SKU (or names the partition for a
fact about the ledger itself). `time` is when it was recorded.
"""

import msgspec

from ledger.domain.items import Item
from ledger.domain.movements import WireCommand

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


class MovedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of every movement: what was asked for, and what came of it.

    `quantity` is what moved, greater than zero, in the item's unit with `scale` decimals at most;
    `entries` are the account taken from and the one put into, in this order; `value` is the cost
    that moved, in the ledger's currency. `original_offset` is, for a linked return and for the
    reversal of one, the offset of the movement with which the goods had left.
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


class RefusedData(msgspec.Struct, gc=False, omit_defaults=True):
    """`data` of `stock.refused.v1`: the command's type and fingerprint, why, and the numbers."""

    type: str
    fingerprint: str
    code: str
    detail: str
    numbers: dict[str, str] = {}
    quantity: str | None = None
    location: str | None = None


class ItemDefinedData(msgspec.Struct, gc=False):
    """`data` of `item.defined.v1`."""

    item: Item


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


class LevelRaisedData(msgspec.Struct, gc=False):
    """`data` of `ledger.level_raised.v1`."""

    level: int


Data = MovedData | RefusedData | ItemDefinedData | OpenedData | WriterClaimedData | LevelRaisedData

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

DATA_TYPES: dict[str, type[Data]] = {
    **{f"stock.{name}.v1": MovedData for name in MOVEMENT_TYPES},
    REFUSED: RefusedData,
    ITEM_DEFINED: ItemDefinedData,
    OPENED: OpenedData,
    WRITER_CLAIMED: WriterClaimedData,
    LEVEL_RAISED: LevelRaisedData,
}

# The level a log must have been raised to before a type may be written. New types come with a
# higher level, so that a rolling upgrade stops no older instance.
TYPE_LEVELS: dict[str, int] = dict.fromkeys(DATA_TYPES, 1)
LEVEL_SUPPORTED = max(TYPE_LEVELS.values())
