"""One SKU as its records add up."""

from ledger.domain.items import Item


class Line:
    """A line of a supply order. Quantities are scaled by the SKU's scale."""

    __slots__ = ("expected_us", "offset", "open", "ordered", "placed_us", "received")

    def __init__(self, offset: int, ordered: int, placed_us: int, expected_us: int) -> None:
        """Placed, and nothing received yet."""
        self.offset = offset
        self.ordered = ordered
        self.placed_us = placed_us
        self.expected_us = expected_us
        self.received = 0
        self.open = True


class Stock:
    """Every account of a SKU that was ever used, and its item. Quantities are scaled by `scale`.

    `total` are all real accounts, and `value` what they cost in millionths of the currency.
    """

    __slots__ = (
        "accounts", "item", "last", "lines", "moved", "number", "scale", "total", "value",
    )  # fmt: skip

    def __init__(self, scale: int, number: int = -1) -> None:
        """Empty. `number` is that of the SKU in its partition."""
        self.number = number
        self.accounts: dict[str, int] = {}
        # The offset of the movement that changed an account last.
        self.last: dict[str, int] = {}
        # Every line ever placed, by its id.
        self.lines: dict[str, Line] | None = None
        self.item: Item | None = None
        self.scale = scale
        self.moved = False
        self.total = self.value = 0

    @property
    def on_order(self) -> int:
        """What is still to come."""
        lines = self.lines.values() if self.lines else ()
        return sum(max(0, one.ordered - one.received) for one in lines if one.open)

    @property
    def real(self) -> dict[str, int]:
        """The stock keys that are not empty."""
        return {key: amount for key, amount in self.accounts.items() if amount and key[0] != "@"}

    @property
    def has_open_lines(self) -> bool:
        """Whether anything is on order."""
        return self.lines is not None and any(one.open for one in self.lines.values())
