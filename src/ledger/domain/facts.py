"""Facts: what happened. Each is one record of the log and carries the offset it was decided for."""

import msgspec

from ledger.domain.items import DefineItem, ItemDefined
from ledger.domain.movements import MovementCommand, Reversal
from ledger.domain.supply import OrderReceived, SupplyCommand, SupplyFact

# The level of events with which a new ledger is opened.
FORMAT_LEVEL = 3
PARTITIONER = "murmur2"


class Moved(msgspec.Struct, gc=False, omit_defaults=True):
    """`quantity` went from `source` to `target`, both accounts of one SKU.

    Quantities are scaled by `scale`; `source_after` and `target_after` are the balances of the
    real accounts afterwards (0 for virtual ones). `value` is the cost that entered or left stock,
    in millionths of the currency (for a move inside stock: the cost of what moved), and
    `cost_basis` where it came from: given, standard, average, original or none.
    """

    offset: int
    command: MovementCommand | Reversal
    id: str
    sku: str
    quantity: int
    scale: int
    source: str
    target: str
    source_after: int
    target_after: int
    value: int
    cost_basis: str
    occurred_us: int
    recorded_ms: int
    late: bool = False
    actor: str | None = None
    # Only for a reversal: the offset of the movement it undoes.
    reverses_offset: int = -1
    # Only for a linked return, and the reversal of one: the offset of the movement with which
    # the goods had left.
    original_offset: int = -1
    # Only for a receipt that names a supply order, and the reversal of one.
    supply: OrderReceived | None = None
    trail: bytes | None = None

    @property
    def quantity_back(self) -> int:
        """How much more of the movement at `original_offset` came back by this; if there is one."""
        return self.quantity if self.reverses_offset < 0 else -self.quantity

    @property
    def quantity_received(self) -> int:
        """How much more of its supply order was received by this; negative for a reversal."""
        return self.quantity if self.reverses_offset < 0 else -self.quantity


class Refused(msgspec.Struct, gc=False):
    """A command was refused because of the state it met; the id stays refused."""

    offset: int
    id: str
    sku: str
    type: str
    fingerprint: str
    code: str
    detail: str
    numbers: dict[str, str]
    recorded_ms: int
    # What was asked for, as sent: the fact of demand that was not met.
    quantity: str | None = None
    location: str | None = None
    actor: str | None = None
    trail: bytes | None = None


class Opened(msgspec.Struct, gc=False):
    """The first record of a partition: which ledger this is and how it is laid out."""

    offset: int
    ledger_id: str
    partition: int
    partitions: int
    partitioner: str
    currency: str
    format: int
    recorded_ms: int


class WriterClaimed(msgspec.Struct, gc=False):
    """A writer announces that it writes this partition from here on. A courtesy, not a lock."""

    offset: int
    instance: str
    url: str
    recorded_ms: int


class LevelRaised(msgspec.Struct, gc=False):
    """From here on records of this level may follow; readers that do not know it must stop."""

    offset: int
    level: int
    recorded_ms: int
    actor: str | None = None
    trail: bytes | None = None


Fact = Moved | Refused | ItemDefined | SupplyFact | Opened | WriterClaimed | LevelRaised


class Resolved(msgspec.Struct, gc=False):
    """A command together with the earlier movement it names, or None if there is none."""

    command: MovementCommand | Reversal
    original: Moved | None

    @property
    def id(self) -> str | None:
        """The command's id."""
        return self.command.id

    @property
    def sku(self) -> str:
        """The command's SKU."""
        return self.command.sku


class RaiseLevel(msgspec.Struct, gc=False):
    """The command to raise the log of one partition to a level of events."""

    id: str
    sku: str
    level: int


Command = MovementCommand | Reversal | Resolved | DefineItem | SupplyCommand | RaiseLevel
