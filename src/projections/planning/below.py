"""What is below its reorder point now: the newest published run against the stock as it is.

A series is listed where its available quantity is below the point at which its policy orders; those
whose policy never orders are not. Whether it is time to order is another question: what is on order
counts for it, so the inventory position, available and on order, is given as well.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import RowMapping, text

from ledger.domain.quantities import text as quantity_text
from projections.database import ReadConnection, storable
from projections.planning.run_tables import planning_runs
from projections.positions import read_positions

# The published run that was done last. Names are those of `planning_runs` and its results.
_RUN: Final = f"""
SELECT run_id, as_of_day FROM {planning_runs.name}
WHERE ledger_id = :ledger_id AND state = 'done' AND publishes AND results_kept
ORDER BY run_id DESC LIMIT 1
"""  # noqa: S608
# The site of a location is the first part of its path.
_SITE_POSTGRES: Final = "split_part(account, '/', 1)"
_SITE_SQLITE: Final = "substr(account, 1, instr(account || '/', '/') - 1)"
# Real accounts alone have a status. `scale` is that of the SKU, so that levels compare.
_LEVELS: Final = """
SELECT sku, '' AS site, scale, on_hand - unavailable AS available
FROM sku_totals WHERE {sku}
UNION ALL
SELECT sku, {site}, max(scale),
    CAST(sum(CASE WHEN status = 'available' THEN on_hand ELSE 0 END) AS bigint)
FROM stock WHERE status <> '' AND {sku} GROUP BY sku, {site}
"""
# What is still to come of open lines of supply orders, likewise.
_COMING: Final = """
SELECT sku, '' AS site, CAST(sum(coming) AS bigint) AS on_order
FROM ({lines}) AS lines WHERE {sku} GROUP BY sku
UNION ALL
SELECT sku, {site}, CAST(sum(coming) AS bigint)
FROM ({lines}) AS lines WHERE {sku} GROUP BY sku, {site}
"""
_LINES: Final = """
SELECT sku, location AS account,
    CASE WHEN quantity > received THEN quantity - received ELSE 0 END AS coming
FROM supply_orders WHERE state = 'open'
"""
_BELOW: Final = """
SELECT planned.sku, planned.site, planned.scale, planned.order_at, planned.abc, planned.xyz,
    planned.supplier, coalesce(levels.available, 0) AS available,
    coalesce(coming.on_order, 0) AS on_order
FROM planning_results AS planned
LEFT JOIN ({levels}) AS levels ON levels.sku = planned.sku AND levels.site = planned.site
LEFT JOIN ({coming}) AS coming ON coming.sku = planned.sku AND coming.site = planned.site
WHERE planned.run_id = :run_id AND planned.policy <> 'none' AND {planned_sku}
    AND coalesce(levels.available, 0) < planned.order_at
    AND (levels.scale IS NULL OR levels.scale = planned.scale)
    AND (planned.sku, planned.site) > (:after_sku, :after_site)
ORDER BY planned.sku, planned.site LIMIT :rows
"""


class Below(NamedTuple):
    """A series below its reorder point. Quantities are integers of `scale` decimals.

    `site` is the empty text for all sites together.
    """

    sku: str
    site: str
    scale: int
    available: int
    inventory_position: int
    reorder_point: int
    abc: str
    xyz: str
    supplier: str | None
    run_id: str


class BelowPage(NamedTuple):
    """Some of them, by SKU and site, and what they were compared with; no run: nothing is known.

    `positions` are the next offsets of the views by partition.
    """

    run_id: str | None
    as_of_day: int | None
    positions: Mapping[int, int]
    items: Sequence[Below]


async def below_reorder_point(
    reader: ReadConnection,
    ledger_id: str,
    *,
    limit: int,
    after: tuple[str, str] | None = None,
    sku: str | None = None,
) -> BelowPage:
    """At most `limit` series behind the key `after`; of one SKU where it is named.

    Raises DatabaseUnavailable.
    """
    positions = await read_positions(reader)
    run = await _first(reader, _RUN, {"ledger_id": ledger_id})
    if run is None or not storable(sku, *(after or ())):
        return BelowPage(None, None, positions, [])
    # What lies before the page is not summed up for it.
    of_sku = "sku >= :after_sku" if sku is None else "sku = :sku"
    site = _SITE_SQLITE if reader.is_sqlite else _SITE_POSTGRES
    statement = _BELOW.format(
        levels=_LEVELS.format(sku=of_sku, site=site),
        coming=_COMING.format(sku=of_sku, site=site, lines=_LINES),
        planned_sku=f"planned.{of_sku}",
    )
    values: dict[str, Any] = {
        "run_id": run["run_id"],
        "after_sku": "" if after is None else after[0],
        "after_site": "" if after is None else after[1],
        "rows": limit,
    }
    if sku is not None:
        values["sku"] = sku
    rows = await reader.all(text(statement).bindparams(**values))
    items = [_below(row, run["run_id"]) for row in rows]
    return BelowPage(run["run_id"], run["as_of_day"], positions, items)


async def _first(
    reader: ReadConnection, statement: str, values: Mapping[str, Any]
) -> RowMapping | None:
    return await reader.first(text(statement).bindparams(**values))


def _below(row: RowMapping, run_id: str) -> Below:
    return Below(
        sku=row["sku"],
        site=row["site"],
        scale=row["scale"],
        available=row["available"],
        inventory_position=row["available"] + row["on_order"],
        reorder_point=row["order_at"],
        abc=row["abc"],
        xyz=row["xyz"],
        supplier=row["supplier"],
        run_id=run_id,
    )


def document(one: Below) -> dict[str, Any]:
    """One of them as callers see it."""
    return {
        "sku": one.sku,
        "site": one.site or None,
        "abc": one.abc,
        "xyz": one.xyz,
        "supplier": one.supplier,
        "available": quantity_text(one.available, one.scale),
        "inventory_position": quantity_text(one.inventory_position, one.scale),
        "reorder_point": quantity_text(one.reorder_point, one.scale),
    }
