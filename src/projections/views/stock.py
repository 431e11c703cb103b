"""Stock: what every account holds, and what the real accounts of a SKU add up to."""

from collections.abc import Iterator
from functools import lru_cache

from ledger.domain.facts import Moved
from ledger.domain.stock import AVAILABLE, split_key
from projections.statements import Upsert
from projections.tables import OVERFLOW_UNIT, sku_totals, stock

Row = tuple[object, ...]

STOCK_UPSERT = Upsert(
    stock,
    # Both divisions round towards zero on both databases, so the rest keeps the sign of the sum.
    on_hand=f"(stock.on_hand + excluded.on_hand) % {OVERFLOW_UNIT}",
    overflows=(
        "stock.overflows + excluded.overflows"
        f" + (stock.on_hand + excluded.on_hand) / {OVERFLOW_UNIT}"
    ),
    log_offset="excluded.log_offset",
)
TOTALS_UPSERT = Upsert(
    sku_totals,
    on_hand="sku_totals.on_hand + excluded.on_hand",
    unavailable="sku_totals.unavailable + excluded.unavailable",
    value="sku_totals.value + excluded.value",
    log_offset="excluded.log_offset",
)


class StockChanges:
    """What a run of movements of one partition does to stock, summed per account and SKU."""

    __slots__ = ("_skus",)

    def __init__(self) -> None:
        """Nothing changed yet."""
        self._skus: dict[str, _SkuChange] = {}

    def add(self, moved: Moved) -> None:
        """Count one movement."""
        change = self._skus.get(moved.sku)
        if change is None:
            change = self._skus[moved.sku] = _SkuChange()
        change.scale = moved.scale
        change.log_offset = offset = moved.offset
        source, target, quantity = moved.source, moved.target, moved.quantity
        accounts = change.accounts
        entry = accounts.get(source)
        if entry is None:
            accounts[source] = [-quantity, offset]
        else:
            entry[0] -= quantity
            entry[1] = offset
        entry = accounts.get(target)
        if entry is None:
            accounts[target] = [quantity, offset]
        else:
            entry[0] += quantity
            entry[1] = offset
        # Value enters and leaves with goods; inside stock it stays.
        if source[0] == "@":
            if target[0] != "@":
                change.value += moved.value
        elif target[0] == "@":
            change.value -= moved.value

    def stock_rows(self, partition: int) -> Iterator[Row]:
        """Rows for `STOCK_UPSERT`: the difference of each account touched."""
        for sku, change in self._skus.items():
            scale = change.scale
            for account, (difference, offset) in change.accounts.items():
                overflows = 0
                if not -OVERFLOW_UNIT < difference < OVERFLOW_UNIT:
                    difference, overflows = split_overflow(difference)
                yield (sku, *place(account), scale, difference, overflows, partition, offset)

    def totals_rows(self, partition: int) -> Iterator[Row]:
        """Rows for `TOTALS_UPSERT`: the difference of each SKU touched."""
        for sku, change in self._skus.items():
            on_hand = unavailable = 0
            for account, (difference, _) in change.accounts.items():
                if account[0] == "@":
                    continue
                on_hand += difference
                if place(account)[2] != AVAILABLE:
                    unavailable += difference
            yield (
                sku,
                change.scale,
                on_hand,
                unavailable,
                change.value,
                partition,
                change.log_offset,
            )


class _SkuChange:
    __slots__ = ("accounts", "log_offset", "scale", "value")

    def __init__(self) -> None:
        # Account to [difference, offset of the last movement].
        self.accounts: dict[str, list[int]] = {}
        self.scale = 0
        self.value = 0
        self.log_offset = 0


@lru_cache(maxsize=65_536)
def place(account: str) -> tuple[str, str, str]:
    """Location (or virtual account), lot and status as the table `stock` keys them."""
    if account[0] == "@":
        return account, "", ""
    location, lot, status = split_key(account)
    return location, lot or "", status


def split_overflow(amount: int) -> tuple[int, int]:
    """The rest of an amount beyond 64 bits, and how often it passed the unit; signs agree."""
    overflows, rest = divmod(abs(amount), OVERFLOW_UNIT)
    return (rest, overflows) if amount >= 0 else (-rest, -overflows)
