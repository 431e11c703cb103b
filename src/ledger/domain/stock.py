"""State: what one partition of the log adds up to, as small as it can be.

A **stock key** is one string: the location alone where there is no lot and the status is
`available`, else location, lot and status with a unit separator between them. Names hold no
control characters, so the string is unambiguous, and a million of them stay small.
"""

import msgspec

from ledger.domain import codes
from ledger.domain.items import ITEM_DEFAULT, Item
from ledger.domain.rejections import Rejected
from ledger.domain.supply import OpenOrder

SUPPLIER = "@supplier"
CUSTOMER = "@customer"
SCRAP = "@scrap"
ADJUSTMENT = "@adjustment"
# Where goods come from and go to.
VIRTUAL = frozenset({SUPPLIER, CUSTOMER, SCRAP, ADJUSTMENT})
AVAILABLE = "available"
_SEPARATOR = "\x1f"


class SkuState(msgspec.Struct, gc=False):
    """One SKU. `levels` holds the real accounts that are not zero, scaled by `scale`.

    `quantity` is their sum and `value` what it cost, in millionths of the currency. Holds no
    reference that could form a cycle, so the collector need not look at a million of them.
    """

    levels: dict[str, int]
    quantity: int = 0
    value: int = 0
    scale: int = 0
    item: Item | None = None
    # Whether any movement was ever recorded; from then on the scale is fixed.
    moved: bool = False
    # The open lines of supply orders by their ids; None where there is none.
    supply: dict[str, OpenOrder] | None = None

    @property
    def unit_cost_standard(self) -> str | None:
        """The item's standard cost, if it has one."""
        return None if self.item is None else self.item.unit_cost

    @property
    def described(self) -> Item:
        """The item, or the default one."""
        return self.item or ITEM_DEFAULT


class PartitionState:
    """What the counting records of one partition add up to, up to but not including `offset`."""

    __slots__ = (
        "ids",
        "ledger_id",
        "level",
        "offset",
        "recorded_ms",
        "returned",
        "reversed",
        "skus",
    )

    def __init__(self) -> None:
        """An empty partition."""
        self.skus: dict[str, SkuState] = {}
        # Id to offset of the counting record that used it: the window of idempotency.
        self.ids: dict[str, int] = {}
        # Offset of a movement to the offset of its reversal.
        self.reversed: dict[int, int] = {}
        # Offset of a movement to the quantity, scaled, that came back of it by linked returns.
        self.returned: dict[int, int] = {}
        self.offset = 0
        self.recorded_ms = 0
        self.level = 1
        self.ledger_id = ""

    def come_back(self, offset: int, quantity: int) -> None:
        """`quantity` came back of the movement at `offset`; a negative one went out again."""
        total = self.returned.get(offset, 0) + quantity
        if total:
            self.returned[offset] = total
        else:
            self.returned.pop(offset, None)


def stock_key(location: str, lot: str | None, status: str | None) -> str | Rejected:
    """The key of a place, lot and status, or why one of them is malformed."""
    wrong = codes.check_location(location)
    if wrong is None and lot is not None:
        wrong = codes.check_lot(lot)
    if wrong is None and status is not None:
        wrong = codes.check_status(status)
    if wrong is not None:
        return wrong
    if lot is None and (status is None or status == AVAILABLE):
        return location
    return f"{location}{_SEPARATOR}{lot or ''}{_SEPARATOR}{status or AVAILABLE}"


def split_key(key: str) -> tuple[str, str | None, str]:
    """Location, lot and status of a stock key."""
    location, separator, rest = key.partition(_SEPARATOR)
    if not separator:
        return location, None, AVAILABLE
    lot, _, status = rest.partition(_SEPARATOR)
    return location, lot or None, status


def is_virtual(account: str) -> bool:
    """Whether the account is one of the virtual ones, which may be negative."""
    return account[0] == "@"


def is_available(key: str) -> bool:
    """Whether stock under this key may be promised."""
    return _SEPARATOR not in key or key.endswith(f"{_SEPARATOR}{AVAILABLE}")


def has_lot(key: str) -> bool:
    """Whether the key names a lot."""
    return split_key(key)[1] is not None
