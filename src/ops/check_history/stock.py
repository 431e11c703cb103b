"""What is known of an id, and the stock of a SKU, in plain dictionaries."""

from typing import Literal

import msgspec

from ops.check_history.accounts import Account, Document, Key, guarded_key


class Known(msgspec.Struct, gc=False):
    """What an id became. Of a movement also how much went from where to where, in millionths."""

    offset: int
    kind: Literal["movement", "refused", "item", "supply"]
    sku: str
    source: Account = ""
    target: Account = ""
    quantity: int = 0
    value: int = 0
    is_reversal: bool = False
    code: str = ""
    # Of a receipt: the line of a supply order that it names.
    supply_order: str = ""


class Line(msgspec.Struct, gc=False):
    """A line of a supply order, placed at `offset`. Quantities are in millionths."""

    offset: int
    ordered: int
    received: int = 0
    open: bool = True


class Stock:
    """One SKU: every account that is not empty, in millionths, and its item."""

    __slots__ = ("accounts", "item", "lines", "moved", "scale", "total", "value")

    def __init__(self, scale: int) -> None:
        """Empty."""
        self.accounts: dict[Account, int] = {}
        # Every line ever placed, by its id.
        self.lines: dict[str, Line] = {}
        self.item: Document | None = None
        self.scale = scale
        self.moved = False
        # All real accounts, and what they cost in millionths of the currency.
        self.total = self.value = 0

    def holds(self, account: Account) -> int:
        """The balance of an account, in millionths."""
        return self.accounts.get(account, 0)

    def expected(self, source: Account, target: Account) -> int:
        """The balance that `expected_on_hand` is compared with: virtual accounts count as empty."""
        key = guarded_key(source, target)
        return 0 if isinstance(key, str) else self.holds(key)

    @property
    def on_order(self) -> int:
        """What is still to come, in millionths."""
        return sum(max(0, one.ordered - one.received) for one in self.lines.values() if one.open)

    @property
    def open_lines(self) -> dict[str, Line]:
        """The lines that are open."""
        return {name: one for name, one in self.lines.items() if one.open}

    @property
    def real(self) -> dict[Key, int]:
        """The stock keys that are not empty."""
        return {key: amount for key, amount in self.accounts.items() if not isinstance(key, str)}
