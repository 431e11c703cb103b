"""The view of demand of one partition, held against what its rules make of the other views.

Those are held against the log row by row; what is summed up from them is summed up again here, by
the database, from the rows before the position of the demand view.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from ops.findings import Finding
from ops.verify.rows import Row, Rows, Shape, compare
from projections.planning.columns import COLUMNS, REASON_COLUMNS
from projections.planning.demand_rules import (
    KEY,
    POSTGRES,
    REASON_KEY,
    SQLITE,
    Slice,
    by_day,
    by_reason,
)

DAYS: Final = Shape("sku_days", (*KEY, "entries", *COLUMNS), len(KEY))
REASONS: Final = Shape("reason_days", (*REASON_KEY, "entries", *REASON_COLUMNS), len(REASON_KEY))
# Rows of no series, and series of no row: both belong to no partition, or to nobody.
ORPHANS: Final = (
    ("sku_days", "SELECT series, day FROM sku_days WHERE series NOT IN"
     " (SELECT series FROM sku_sites) ORDER BY series, day"),
    ("reason_days", "SELECT series, day FROM reason_days WHERE series NOT IN"
     " (SELECT series FROM sku_sites) ORDER BY series, day"),
    ("sku_sites", "SELECT sku, site FROM sku_sites WHERE series NOT IN"
     " (SELECT series FROM sku_days) ORDER BY sku, site"),
    ("history_blocks", "SELECT sku, number FROM history_blocks WHERE sku NOT IN"
     " (SELECT sku FROM history_skus) ORDER BY sku, number"),
    ("history_slices", "SELECT sku, level, number, slice FROM history_slices WHERE sku NOT IN"
     " (SELECT sku FROM history_skus) ORDER BY sku, level, number, slice"),
)  # fmt: skip


async def check_demand(rows: Rows, partition: int, until: int) -> Sequence[Finding]:
    """Every row of the demand view of a partition, which has read up to `until`."""
    dialect = SQLITE if rows.reader.is_sqlite else POSTGRES
    part = Slice(partition, 0, until)
    found: list[Finding] = []
    for shape, query in (
        (DAYS, by_day(dialect, part, COLUMNS)),
        (REASONS, by_reason(dialect, part)),
    ):
        rows.where = shape.table
        found += [one async for one in _differing(rows, shape, query, partition)]
    return found


async def _differing(
    rows: Rows, shape: Shape, query: str, partition: int
) -> AsyncIterator[Finding]:
    """The rows that are there and not to be, and the other way round."""
    columns = ", ".join(shape.columns)
    there = (
        f"SELECT {columns} FROM {shape.table} JOIN sku_sites USING (series)"  # noqa: S608
        f" WHERE sku_sites.partition = {partition:d}"
    )
    made = f"SELECT {columns} FROM ({query}) AS made"  # noqa: S608
    wrong: dict[Row, list[Row | None]] = {}
    for side, sql in enumerate((f"{there} EXCEPT {made}", f"{made} EXCEPT {there}")):
        async for part in rows.parts(sql):
            for row in part:
                wrong.setdefault(row[: shape.key], [None, None])[side] = row
    for _, (one, other) in sorted(wrong.items()):
        for finding in compare(shape, one, other):
            yield finding


async def check_orphans(rows: Rows) -> Sequence[Finding]:
    """Rows of the demand view that belong to no series, and series that have none."""
    found: list[Finding] = []
    for table, sql in ORPHANS:
        rows.where = table
        async for part in rows.parts(sql):
            found += [_orphan(table, row) for row in part]
    return found


def _orphan(table: str, row: Row) -> Finding:
    where = f"{table} {', '.join(map(repr, row))}"
    return Finding("view_differs", where, "it belongs to nothing that the log made")
