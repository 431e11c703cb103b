"""What is known of an id, and the stock of a SKU, in plain dictionaries."""

from typing import Literal

import msgspec

from ops.check_history.accounts import Account, Document, Key, guarded_key


class Known(msgspec.Struct, gc=False):
    """What an id became. Of a movement also how much went from where to where, in millionths."""

    offset: int
    kind: Literal["movement", "refused", "item"]
    sku: str
    source: Account = ""
    target: Account = ""
    quantity: int = 0
    value: int = 0
    is_reversal: bool = False
    code: str = ""


class Stock:
    """One SKU: every account that is not empty, in millionths, and its item."""

    __slots__ = ("accounts", "item", "moved", "scale", "total", "value")

    def __init__(self, scale: int) -> None:
        """Empty."""
        self.accounts: dict[Account, int] = {}
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
    def real(self) -> dict[Key, int]:
        """The stock keys that are not empty."""
        return {key: amount for key, amount in self.accounts.items() if not isinstance(key, str)}
