"""Alerts as callers see them."""

from typing import Any

import msgspec
from sqlalchemy import RowMapping, select, tuple_

from projections import cursors
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.publishers.alert_store import ALERTS_GROUP
from projections.publishers.alert_tables import ACTIVE, alerts
from projections.tables import view_positions

_a = alerts.c


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts; None means any. `active` are those whose state still holds."""

    sku: str | None = None
    site: str | None = None
    type: str | None = None
    active: bool | None = None


async def list_alerts(
    reader: ReadConnection, wanted: AlertFilter, *, limit: int, cursor: str | None = None
) -> Page:
    """A page of alerts, newest first. Raises InvalidCursor."""
    query = select(alerts)
    for name in ("sku", "site", "type"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(_a[name] == value)
    if wanted.active is not None:
        query = query.where(ACTIVE if wanted.active else ~_a.active)
    if cursor is not None:
        key = cursors.decode(cursor, int, str)
        # The first condition follows from the second; it is what an index can use everywhere.
        query = query.where(
            _a.raised_ms <= key[0], tuple_(_a.raised_ms, _a.alert_id) < tuple_(*key)
        )
    if not storable(wanted.sku, wanted.site, wanted.type):
        return Page([], None)
    query = query.order_by(_a.raised_ms.desc(), _a.alert_id.desc()).limit(limit + 1)
    rows = await reader.all(query)
    next_cursor = None
    if len(rows) > limit:
        rows = rows[:limit]
        next_cursor = cursors.encode(rows[-1]["raised_ms"], rows[-1]["alert_id"])
    return Page([_document(row) for row in rows], next_cursor)


async def alert_positions(reader: ReadConnection) -> dict[str, int]:
    """By partition the offset of the last record that alerts are made from."""
    query = select(view_positions.c.partition, view_positions.c.position).where(
        view_positions.c.view_group == ALERTS_GROUP, view_positions.c.position > 0
    )
    rows = await reader.all(query.order_by(view_positions.c.partition))
    return {str(row["partition"]): row["position"] - 1 for row in rows}


def _document(row: RowMapping) -> dict[str, Any]:
    event = msgspec.json.decode(row["document"])
    return {
        "id": row["alert_id"],
        "type": row["type"],
        "raised_at": event["time"],
        "active": row["active"],
        "ended_by": row["ended_by"],
        "data": event["data"],
    }
