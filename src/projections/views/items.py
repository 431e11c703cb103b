"""Items: the description of each SKU that holds now."""

from typing import Any

import msgspec
from sqlalchemy import RowMapping, select

from ledger.domain import codes
from ledger.domain.items import Item, ItemDefined
from projections import cursors
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.statements import Upsert
from projections.tables import items
from projections.views.movement_rows import trail_text

Row = tuple[object, ...]

ITEMS_UPSERT = Upsert(
    items,
    scale="excluded.scale",
    document="excluded.document",
    recorded_ms="excluded.recorded_ms",
    log_offset="excluded.log_offset",
)
_encode = msgspec.json.Encoder().encode
_decode_item = msgspec.json.Decoder(Item).decode


def item_row(partition: int, defined: ItemDefined) -> Row:
    """The row of the table `items`, its columns in their order."""
    return (
        defined.sku,
        defined.item.scale,
        _encode(defined.item).decode(),
        defined.recorded_ms,
        partition,
        defined.offset,
    )


def definition_row(partition: int, defined: ItemDefined) -> Row:
    """The row of the table `item_definitions`, its columns in their order."""
    return (
        partition,
        defined.offset,
        defined.recorded_ms,
        defined.id,
        defined.sku,
        _encode(defined.item).decode(),
        defined.actor,
        trail_text(defined.trail),
    )


async def find_item(reader: ReadConnection, sku: str) -> dict[str, Any] | None:
    """The item document of a SKU, or None where it was never described."""
    if not storable(sku):
        return None
    row = await reader.first(select(items).where(items.c.sku == sku))
    return None if row is None else _document(row)


async def list_items(reader: ReadConnection, *, limit: int, cursor: str | None = None) -> Page:
    """A page of item documents in the order of their SKUs. Raises InvalidCursor."""
    query = select(items)
    if cursor is not None:
        query = query.where(items.c.sku > cursors.decode(cursor, str)[0])
    rows = await reader.all(query.order_by(items.c.sku).limit(limit + 1))
    more = len(rows) > limit
    rows = rows[:limit]
    return Page([_document(row) for row in rows], cursors.encode(rows[-1]["sku"]) if more else None)


def _document(row: RowMapping) -> dict[str, Any]:
    """The item with every field, the SKU first, and when it was described so."""
    item = _decode_item(row["document"])
    fields = {name: getattr(item, name) for name in Item.__struct_fields__}
    fields["suppliers"] = [msgspec.to_builtins(supplier) for supplier in item.suppliers]
    return {
        "sku": row["sku"],
        **fields,
        "recorded_at": codes.instant_text(row["recorded_ms"] * 1000),
        "position": {"partition": row["partition"], "offset": row["log_offset"]},
    }
