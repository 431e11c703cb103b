"""Stock: what every account holds, and what the real accounts of a SKU add up to."""

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
    """What a run of movements of one partition does to stock.

    While it grows, movements of one SKU between the same accounts are summed: one look-up each.
    """

    __slots__ = ("_flows",)

    def __init__(self) -> None:
        """Nothing changed yet."""
        # SKU, source, target to [quantity, value, offset of the last movement, scale].
        self._flows: dict[tuple[str, str, str], list[int]] = {}

    def add(self, moved: Moved) -> None:
        """Count one movement. They come in the order of their offsets."""
        key = moved.sku, moved.source, moved.target
        flow = self._flows.get(key)
        if flow is None:
            self._flows[key] = [moved.quantity, moved.value, moved.offset, moved.scale]
        else:
            flow[0] += moved.quantity
            flow[1] += moved.value
            flow[2] = moved.offset

    def rows(self, partition: int) -> tuple[list[Row], list[Row]]:
        """Rows for `STOCK_UPSERT`, the difference of each account touched, and for
        `TOTALS_UPSERT`, that of each SKU."""
        skus: dict[str, _SkuChange] = {}
        for (sku, source, target), (quantity, value, offset, scale) in self._flows.items():
            change = skus.get(sku)
            if change is None:
                change = skus[sku] = _SkuChange(scale)
            change.count(source, -quantity, offset)
            change.count(target, quantity, offset)
            # Value enters and leaves with goods; inside stock it stays.
            if (source[0] == "@") != (target[0] == "@"):
                change.value += value if source[0] == "@" else -value
        stock_rows: list[Row] = []
        totals_rows: list[Row] = []
        for sku, change in skus.items():
            change.add_stock_rows(stock_rows, sku, partition)
            totals_rows.append(change.totals_row(sku, partition))
        return stock_rows, totals_rows


class _SkuChange:
    __slots__ = ("accounts", "scale", "value")

    def __init__(self, scale: int) -> None:
        # Account to [difference, offset of the last movement].
        self.accounts: dict[str, list[int]] = {}
        self.scale = scale
        self.value = 0

    def count(self, account: str, difference: int, offset: int) -> None:
        entry = self.accounts.get(account)
        if entry is None:
            self.accounts[account] = [difference, offset]
        else:
            entry[0] += difference
            entry[1] = max(offset, entry[1])

    def add_stock_rows(self, rows: list[Row], sku: str, partition: int) -> None:
        scale = self.scale
        for account, (difference, offset) in self.accounts.items():
            location, lot, status = place(account)
            overflows = 0
            if not -OVERFLOW_UNIT < difference < OVERFLOW_UNIT:
                difference, overflows = split_overflow(difference)
            rows.append(
                (sku, location, lot, status, scale, difference, overflows, partition, offset)
            )

    def totals_row(self, sku: str, partition: int) -> Row:
        on_hand = unavailable = last = 0
        for account, (difference, offset) in self.accounts.items():
            last = max(offset, last)
            if account[0] == "@":
                continue
            on_hand += difference
            if place(account)[2] != AVAILABLE:
                unavailable += difference
        return sku, self.scale, on_hand, unavailable, self.value, partition, last


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
