"""Stock at a moment as callers see it: the list of stock keys, one SKU, and what it was worth."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import select

from ledger.domain.quantities import COST_SCALE, text
from ledger.domain.stock import AVAILABLE
from projections import cursors
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.history.balances import Balances, StockKey, balances_at
from projections.history.moments import Moment
from projections.tables import sku_totals, stock
from projections.views.stock_queries import StockFilter, matching, partition_without_movements

# A page ends, perhaps with nothing on it, when so many SKUs were looked at: at an early moment
# most of them had no stock yet.
SKUS_A_PAGE_MAX: Final = 2_000
SKUS_AT_A_TIME: Final = 200
# Behind every location; such a character can be in none.
_AFTER_ALL: Final = "\U0010ffff"

Document = dict[str, Any]


async def find_stock_as_of(reader: ReadConnection, sku: str, moment: Moment) -> Document | None:
    """The totals of a SKU and its stock keys that were not zero; None for a SKU never seen.

    A SKU that came later than the moment is there, and empty.
    """
    if not storable(sku):
        return None
    balances = (await balances_at(reader, [sku], moment)).get(sku)
    if balances is None:
        partition = await partition_without_movements(reader, sku)
        if partition is None:
            return None
        balances = Balances(partition, 0, 0, {})
    on_hand, scale = balances.on_hand, balances.scale
    unavailable = sum(
        amount for (_, _, status), amount in balances.keys.items() if status != AVAILABLE
    )
    return {
        "sku": sku,
        "on_hand": text(on_hand, scale),
        "unavailable": text(unavailable, scale),
        # Reservations have no records yet.
        "reserved": "0",
        "available": text(on_hand - unavailable, scale),
        "value": text(balances.value, COST_SCALE),
        "negative": any(amount < 0 for amount in balances.keys.values()),
        "positions": [_line(key, amount, scale) for key, amount in _lines(balances)],
        "as_of_position": {str(balances.partition): moment.until.get(balances.partition, 0) - 1},
    }


async def is_known(reader: ReadConnection, sku: str) -> bool:
    """Whether the SKU was ever moved, described or ordered."""
    if not storable(sku):
        return False
    moved = await reader.first(select(sku_totals.c.sku).where(sku_totals.c.sku == sku))
    return moved is not None or await partition_without_movements(reader, sku) is not None


async def list_stock_as_of(
    reader: ReadConnection,
    wanted: StockFilter,
    moment: Moment,
    *,
    limit: int,
    cursor: str | None = None,
) -> Page:
    """A page of stock lines in the order of (sku, location, lot, status). Raises InvalidCursor.

    A page may be shorter than `limit`, or empty, and not the last.
    """
    after = None if cursor is None else cursors.decode(cursor, str, str, str, str)
    if not storable(wanted.sku, wanted.location, wanted.lot, wanted.status):
        return Page([], None)
    found: list[tuple[tuple[str, ...], Document]] = []
    looked_at = 0
    at_a_time = min(SKUS_AT_A_TIME, limit + 1)
    while True:
        skus = await _skus(reader, wanted, after, at_a_time)
        balances = await balances_at(reader, skus, moment)
        for sku in skus:
            found += _found(sku, balances.get(sku), wanted, after)
            if len(found) > limit:
                last = found[limit - 1][0]
                return Page([line for _, line in found[:limit]], cursors.encode(*last))
        looked_at += len(skus)
        if len(skus) < at_a_time:
            return Page([line for _, line in found], None)
        after = skus[-1], _AFTER_ALL, "", ""
        if looked_at >= SKUS_A_PAGE_MAX:
            return Page([line for _, line in found], cursors.encode(*after))


async def list_value(
    reader: ReadConnection, moment: Moment, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of what the stock of each SKU was worth, in the order of SKUs. Raises InvalidCursor.

    A SKU that had neither stock nor value is left out, so that a page may be short, or empty, and
    not the last.
    """
    after = "" if cursor is None else cursors.decode(cursor, str)[0]
    query = select(sku_totals.c.sku).where(sku_totals.c.sku > after).order_by(sku_totals.c.sku)
    skus = [row["sku"] for row in await reader.all(query.limit(limit + 1))]
    more, skus = len(skus) > limit, skus[:limit]
    balances = await balances_at(reader, skus, moment)
    items = [
        {
            "sku": sku,
            "on_hand": text(one.on_hand, one.scale),
            "value": text(one.value, COST_SCALE),
            "negative": any(amount < 0 for amount in one.keys.values()),
        }
        for sku, one in ((sku, balances[sku]) for sku in skus)
        if one.value or any(one.keys.values())
    ]
    return Page(items, cursors.encode(skus[-1]) if more else None)


async def _skus(
    reader: ReadConnection, wanted: StockFilter, after: tuple[str, ...] | None, count: int
) -> list[str]:
    """The next SKUs that ever had a stock key which the filter lets pass."""
    everything = StockFilter(
        sku=wanted.sku,
        location=wanted.location,
        location_below=wanted.location_below,
        lot=wanted.lot,
        status=wanted.status,
        include_zero=True,
    )
    query = matching(everything).with_only_columns(stock.c.sku).distinct()
    if after is not None:
        whole = after[1] == _AFTER_ALL
        query = query.where(stock.c.sku > after[0] if whole else stock.c.sku >= after[0])
    rows = await reader.all(query.order_by(stock.c.sku).limit(count))
    return [row["sku"] for row in rows]


def _found(
    sku: str, balances: Balances | None, wanted: StockFilter, after: tuple[str, ...] | None
) -> Iterator[tuple[tuple[str, ...], Document]]:
    if balances is None:
        return
    for key, amount in _lines(balances):
        place = (sku, *key)
        if (after is None or place > after) and passes(key, wanted):
            yield place, {"sku": sku, **_line(key, amount, balances.scale)}


def passes(key: StockKey, wanted: StockFilter) -> bool:
    """Whether a filter lets a stock key pass."""
    location, lot, status = key
    return (
        wanted.location in (None, location)
        or (wanted.location_below and location.startswith(f"{wanted.location}/"))
    ) and (wanted.lot in (None, lot) and wanted.status in (None, status))


def _lines(balances: Balances) -> Iterable[tuple[StockKey, int]]:
    """The keys that were not zero, in the order of the UTF-8 bytes of their parts."""
    return sorted((key, amount) for key, amount in balances.keys.items() if amount)


def _line(key: StockKey, amount: int, scale: int) -> Document:
    location, lot, status = key
    on_hand = text(amount, scale)
    return {
        "location": location,
        "lot": lot or None,
        "status": status,
        "on_hand": on_hand,
        "reserved": "0",
        "available": on_hand if status == AVAILABLE else "0",
        "negative": amount < 0,
    }
