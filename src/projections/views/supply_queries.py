"""Supply orders as callers see them: one line, lists of lines, what is still to come of a SKU."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, RowMapping, literal_column, or_, select, tuple_

from ledger.domain.codes import instant_text
from ledger.domain.quantities import cost_text, text
from projections import cursors
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.tables import supply_orders
from projections.views.paths import below
from projections.views.supply import OPEN

Document = dict[str, Any]
_o = supply_orders.c
# The word itself, as their index has it: a plan that was made for any value cannot use that one.
_IS_OPEN = _o.state == literal_column(f"'{OPEN}'")


class AmbiguousSupplyOrder(LookupError):
    """Several SKUs have a supply order of this id; name the SKU."""


class SupplyFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines; None means any. A location is that place and every place below it."""

    sku: str | None = None
    supplier: str | None = None
    location: str | None = None
    order: str | None = None
    state: str | None = None


class Expected(NamedTuple):
    """What is still to come of a SKU, scaled by `scale`: in all, and of that what is due."""

    scale: int
    on_order: int
    due: int


async def list_supply_orders(
    reader: ReadConnection, wanted: SupplyFilter, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of lines, the last placed first. Raises InvalidCursor."""
    query = select(supply_orders).where(*_conditions(wanted))
    if cursor is not None:
        key = cursors.decode(cursor, int, int, int)
        here = tuple_(_o.recorded_ms, _o.partition, _o.log_offset)
        # The first condition follows from the second; it is what the indexes can use.
        query = query.where(_o.recorded_ms <= key[0], here < tuple_(*key))
    if not storable(*msgspec.structs.astuple(wanted)):
        return Page([], None)
    order = (_o.recorded_ms.desc(), _o.partition.desc(), _o.log_offset.desc())
    rows = await reader.all(query.order_by(*order).limit(limit + 1))
    next_cursor = None
    if len(rows) > limit:
        rows = rows[:limit]
        last = rows[-1]
        next_cursor = cursors.encode(last["recorded_ms"], last["partition"], last["log_offset"])
    return Page([_document(row) for row in rows], next_cursor)


async def find_supply_order(
    reader: ReadConnection, identity: str, sku: str | None = None
) -> Document | None:
    """The document of the line with this id, or None. Raises AmbiguousSupplyOrder."""
    if not storable(identity, sku):
        return None
    query = select(supply_orders).where(_o.id == identity)
    if sku is not None:
        query = query.where(_o.sku == sku)
    rows = await reader.all(query.limit(2))
    if len(rows) > 1:
        raise AmbiguousSupplyOrder(identity)
    return _document(rows[0]) if rows else None


async def expected_supply(
    reader: ReadConnection, sku: str, due_before_us: int | None = None
) -> Expected | None:
    """What is on order of a SKU, and of that what is expected before an instant, late or not.

    None if nothing was ever ordered.
    """
    query = select(_o.quantity, _o.received, _o.expected_us, _o.scale).where(
        _o.sku == sku, _IS_OPEN
    )
    rows = await reader.all(query)
    if not rows:
        ever = await reader.first(select(_o.scale).where(_o.sku == sku).limit(1))
        return None if ever is None else Expected(ever["scale"], 0, 0)
    left = [(max(0, row["quantity"] - row["received"]), row["expected_us"]) for row in rows]
    due = sum(
        quantity
        for quantity, expected_us in left
        if due_before_us is not None and expected_us < due_before_us
    )
    return Expected(rows[0]["scale"], sum(quantity for quantity, _ in left), due)


async def partition_of_orders(reader: ReadConnection, sku: str) -> int | None:
    """The partition in which a SKU has supply orders; None if nothing was ever ordered."""
    row = await reader.first(select(_o.partition).where(_o.sku == sku).limit(1))
    return None if row is None else int(row["partition"])


def _conditions(wanted: SupplyFilter) -> list[ColumnElement[bool]]:
    equal = (
        (_o.sku, wanted.sku),
        (_o.supplier, wanted.supplier),
        (_o.order_number, wanted.order),
    )
    conditions = [column == value for column, value in equal if value is not None]
    if wanted.state is not None:
        conditions.append(_IS_OPEN if wanted.state == OPEN else _o.state == wanted.state)
    if wanted.location is not None:
        here = _o.location == wanted.location
        conditions.append(or_(here, below(_o.location, wanted.location)))
    return conditions


def _document(row: RowMapping) -> Document:
    scale, quantity, received = row["scale"], row["quantity"], row["received"]
    left, is_open = max(0, quantity - received), row["state"] == OPEN
    return {
        "id": row["id"],
        "sku": row["sku"],
        "state": row["state"],
        "supplier": row["supplier"],
        "location": row["location"],
        "order": row["order_number"],
        "quantity": text(quantity, scale),
        "received": text(received, scale),
        "outstanding": text(left if is_open else 0, scale),
        "over": text(max(0, received - quantity), scale),
        "under": text(0 if is_open else left, scale),
        "unit_cost": None if row["unit_cost"] is None else cost_text(row["unit_cost"]),
        "note": row["note"],
        "placed_at": instant_text(row["placed_us"]),
        "expected_at": instant_text(row["expected_us"]),
        "first_received_at": _instant(row["first_received_us"]),
        "last_received_at": _instant(row["last_received_us"]),
        "closed_at": _instant(None if row["closed_ms"] is None else row["closed_ms"] * 1000),
        "close_reason": row["close_reason"],
        "recorded_at": instant_text(row["recorded_ms"] * 1000),
        "actor": row["actor"],
        "position": {"partition": row["partition"], "offset": row["log_offset"]},
    }


def _instant(microseconds: int | None) -> str | None:
    return None if microseconds is None else instant_text(microseconds)
