"""Lists of a run beside its result rows: forecasts, proposals by supplier, health by group."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import RowMapping, case, func, select, tuple_

from projections import cursors
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.planning.parameters import day_text
from projections.planning.run_fields import (
    planning_forecasts,
    planning_health,
    planning_results,
    shown,
)

_f, _h, _s = planning_forecasts.c, planning_health.c, planning_results.c
ORDERED = "ordered"
# A sum of 64-bit numbers may pass 64 bits; those of their parts do not.
_PART = 10**9


async def list_forecasts(
    reader: ReadConnection,
    run_id: str,
    wanted: Mapping[str, str | None],
    limit: int,
    cursor: str | None,
) -> Page:
    """A page of forecasts by SKU and site. `wanted` are values of columns. Raises InvalidCursor."""
    conditions = [_f.run_id == run_id]
    conditions += [_f[name] == value for name, value in wanted.items() if value is not None]
    if cursor is not None:
        _, *after = cursors.decode(cursor, str, str, str)
        conditions.append(tuple_(_f.sku, _f.site) > tuple_(*after))
    if not storable(*wanted.values()):
        return Page([], None)
    query = select(planning_forecasts).where(*conditions).order_by(_f.sku, _f.site)
    rows = await reader.all(query.limit(limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    return Page(
        [_forecast(row) for row in rows],
        cursors.encode(run_id, rows[-1]["sku"], rows[-1]["site"]) if more else None,
    )


async def find_forecast(
    reader: ReadConnection, run_id: str, sku: str, site: str | None
) -> dict[str, Any] | None:
    """The forecast of a SKU, without a site of all together; None if there is none."""
    page = await list_forecasts(reader, run_id, {"sku": sku, "site": site or ""}, 1, None)
    return page.items[0] if page.items else None


def _forecast(row: RowMapping) -> dict[str, Any]:
    return {
        "sku": row["sku"],
        "site": row["site"] or None,
        "model": row["model"],
        "reason": row["reason"],
        **msgspec.json.decode(row["document"]),
    }


async def list_suppliers(
    reader: ReadConnection, run_id: str, limit: int, cursor: str | None
) -> Page:
    """What is proposed from each supplier; last what has none. Raises InvalidCursor."""
    missing = _s.proposal_value.is_(None)
    value = func.coalesce(_s.proposal_value, 0)
    none = case((_s.supplier.is_(None), 1), else_=0)
    name = func.coalesce(_s.supplier, "")
    query = (
        select(
            none.label("none"),
            name.label("supplier"),
            func.count().label("lines"),
            func.sum(value // _PART).label("whole"),
            func.sum(value % _PART).label("rest"),
            func.sum(case((missing, 1), else_=0)).label("without"),
        )
        .where(_s.run_id == run_id, _s.proposal_reason == ORDERED)
        .group_by(none, name)
        .order_by(none, name)
    )
    if cursor is not None:
        _, *after = cursors.decode(cursor, str, int, str)
        query = query.where(tuple_(none, name) > tuple_(*after))
    rows = await reader.all(query.limit(limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    items = [
        {
            "supplier": None if row["none"] else row["supplier"],
            "lines": row["lines"],
            "value": shown("value", int(row["whole"]) * _PART + int(row["rest"]), 0),
            "lines_without_cost": int(row["without"]),
        }
        for row in rows
    ]
    last = rows[-1] if more else None
    return Page(
        items, None if last is None else cursors.encode(run_id, last["none"], last["supplier"])
    )


async def list_health(
    reader: ReadConnection,
    run_id: str,
    wanted: Mapping[str, str | None],
    limit: int,
    cursor: str | None,
) -> Page:
    """A page of stock health by grouping, name and month. Raises InvalidCursor."""
    conditions = [_h.run_id == run_id]
    conditions += [_h[name] == value for name, value in wanted.items() if value is not None]
    key = tuple_(_h.grouping, _h.name, _h.first_day)
    if cursor is not None:
        _, *after = cursors.decode(cursor, str, str, str, int)
        conditions.append(key > tuple_(*after))
    if not storable(*wanted.values()):
        return Page([], None)
    query = select(planning_health).where(*conditions).order_by(_h.grouping, _h.name, _h.first_day)
    rows = await reader.all(query.limit(limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    last = rows[-1] if more else None
    return Page(
        [_health(row) for row in rows],
        None
        if last is None
        else cursors.encode(run_id, last["grouping"], last["name"], last["first_day"]),
    )


def _health(row: RowMapping) -> dict[str, Any]:
    return {
        "by": row["grouping"],
        "name": row["name"],
        "from": day_text(row["first_day"]),
        **msgspec.json.decode(row["document"]),
    }
