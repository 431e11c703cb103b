"""Stock as callers see it: the list of stock keys, and one SKU with all its places."""

from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, literal_column, or_, select, tuple_

from ledger.domain.quantities import cost_text, text
from ledger.domain.stock import AVAILABLE
from projections import cursors
from projections.checkpoints import VIEW_GROUP
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.tables import items, sku_totals, stock, view_positions
from projections.views.paths import below
from projections.views.supply_queries import expected_supply, partition_of_orders

_s = stock.c


class StockFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which stock keys; None means any. `lot` may be the empty text: keys without a lot.

    `location` is a place or, with `location_below`, also every place below it in the path.
    """

    sku: str | None = None
    location: str | None = None
    location_below: bool = False
    lot: str | None = None
    status: str | None = None
    include_zero: bool = False


async def list_stock(
    reader: ReadConnection, wanted: StockFilter, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of stock lines in the order of (sku, location, lot, status). Raises InvalidCursor."""
    query = matching(wanted)
    if cursor is not None:
        key = cursors.decode(cursor, str, str, str, str)
        # The first condition follows from the second; it is what an index can use everywhere.
        query = query.where(_s.sku >= key[0], tuple_(*_key_columns()) > tuple_(*key))
    if not storable(wanted.sku, wanted.location, wanted.lot, wanted.status):
        return Page([], None)
    rows = await reader.all(query.order_by(*_key_columns()).limit(limit + 1))
    next_cursor = None
    if len(rows) > limit:
        rows = rows[:limit]
        last = rows[-1]
        next_cursor = cursors.encode(last["sku"], last["account"], last["lot"], last["status"])
    return Page([{"sku": row["sku"], **_line(row)} for row in rows], next_cursor)


async def find_stock(
    reader: ReadConnection, sku: str, atp_before_us: int | None = None
) -> dict[str, Any] | None:
    """The totals of a SKU and its stock keys that are not zero; None for a SKU never seen.

    `as_of_position` names the last record read of the SKU's partition. With `atp_before_us` it
    says what can be promised by then: `atp`.
    """
    if not storable(sku):
        return None
    totals = await reader.first(select(sku_totals).where(sku_totals.c.sku == sku))
    supply = await expected_supply(reader, sku, atp_before_us)
    if totals is None:
        partition = await partition_without_movements(reader, sku)
        if partition is None:
            return None
        rows, scale = [], 0 if supply is None else supply.scale
        on_hand = unavailable = value = 0
    else:
        wanted = matching(StockFilter(sku=sku))
        rows = await reader.all(wanted.order_by(_s.account, _s.lot, _s.status))
        partition, scale, value = totals["partition"], totals["scale"], totals["value"]
        on_hand, unavailable = totals["on_hand"], totals["unavailable"]
    # What is reserved, in transit, backordered or committed has no records yet: nothing is.
    available = on_hand - unavailable
    on_order = 0 if supply is None else supply.on_order
    found = {
        "sku": sku,
        "on_hand": text(on_hand, scale),
        "unavailable": text(unavailable, scale),
        "reserved": "0",
        "available": text(available, scale),
        "in_transit": "0",
        "on_order": text(on_order, scale),
        "inventory_position": text(on_hand + on_order, scale),
        "value": cost_text(value),
        "positions": [_line(row) for row in rows],
        "as_of_position": await _as_of(reader, partition),
    }
    if atp_before_us is not None:
        found["atp"] = text(available + (0 if supply is None else supply.due), scale)
    return found


async def partition_without_movements(reader: ReadConnection, sku: str) -> int | None:
    """A SKU that is described or ordered but never moved is known, and empty."""
    item = await reader.first(select(items.c.partition).where(items.c.sku == sku))
    return await partition_of_orders(reader, sku) if item is None else item["partition"]


async def _as_of(reader: ReadConnection, partition: int) -> dict[str, int]:
    row = await reader.first(
        select(view_positions.c.position).where(
            view_positions.c.view_group == VIEW_GROUP, view_positions.c.partition == partition
        )
    )
    return {} if row is None else {str(partition): row["position"] - 1}


def _key_columns() -> list[Any]:
    return [_s.sku, _s.account, _s.lot, _s.status]


def matching(wanted: StockFilter) -> Select[Any]:
    """The rows of `stock` that a filter lets pass."""
    # Only real accounts have a status.
    query = select(stock).where(_s.status != "")
    for column, value in ((_s.sku, wanted.sku), (_s.lot, wanted.lot), (_s.status, wanted.status)):
        if value is not None:
            query = query.where(column == value)
    if wanted.lot:
        # Without it SQLite could not tell that all of these are in the index of lots.
        query = query.where(_s.lot != literal_column("''"))
    if wanted.location is not None:
        here = _s.account == wanted.location
        if wanted.location_below:
            here = or_(here, below(_s.account, wanted.location))
        query = query.where(here)
    if not wanted.include_zero:
        query = query.where(_s.on_hand != 0)
    return query


def _line(row: RowMapping) -> dict[str, Any]:
    on_hand = text(row["on_hand"], row["scale"])
    return {
        "location": row["account"],
        "lot": row["lot"] or None,
        "status": row["status"],
        "on_hand": on_hand,
        "reserved": "0",
        "available": on_hand if row["status"] == AVAILABLE else "0",
    }
