"""The statements that take a slice of the log into the demand view, the same on both databases."""

from collections.abc import Sequence
from typing import Final

from projections.checkpoints import VIEW_GROUP
from projections.planning.columns import COLUMNS, REASON_COLUMNS
from projections.planning.demand_rules import Dialect, Slice, by_day, by_reason

DEMAND_GROUP: Final = "demand"

# Below so many legs on a day, each less than `LARGE`, no sum leaves 64 bits.
ENTRIES_MAX: Final = 9_000_000

POSITIONS: Final = f"""
SELECT core.partition, core.position AS target, demand.position AS position,
    demand.ledger_id IS NULL OR demand.ledger_id = core.ledger_id AS same_ledger
FROM view_positions AS core LEFT JOIN view_positions AS demand
    ON demand.partition = core.partition AND demand.view_group = '{DEMAND_GROUP}'
WHERE core.view_group = '{VIEW_GROUP}' ORDER BY core.partition
"""  # noqa: S608 - names of this package alone

# What is summed of a slice lies in tables of this connection alone, so that the views are locked
# only while sums are added to sums.
DROP: Final = ("DROP TABLE IF EXISTS day_sums", "DROP TABLE IF EXISTS reason_sums")


def sum_up(dialect: Dialect, part: Slice) -> tuple[str, ...]:
    """Make the tables of sums. Changes nothing that others see."""
    return (
        *DROP,
        f"CREATE TEMPORARY TABLE day_sums AS {by_day(dialect, part, COLUMNS)}",
        f"CREATE TEMPORARY TABLE reason_sums AS {by_reason(dialect, part)}",
    )


def begin(partition: int) -> str:
    """Make the partition's position, unless it is there."""
    return f"""
INSERT INTO view_positions (view_group, partition, ledger_id, position, head, head_offset)
SELECT '{DEMAND_GROUP}', partition, ledger_id, 0, '', -1 FROM view_positions
WHERE view_group = '{VIEW_GROUP}' AND partition = {partition:d} ON CONFLICT DO NOTHING
"""  # noqa: S608 - a number alone


def advance(part: Slice) -> str:
    """Move the position, and lock it; changes one row, or none where somebody else was first."""
    return (
        f"UPDATE view_positions SET position = {part.until:d}"  # noqa: S608 - numbers alone
        f" WHERE view_group = '{DEMAND_GROUP}' AND partition = {part.partition:d}"
        f" AND position = {part.first:d} AND EXISTS (SELECT 1 FROM view_positions AS core"
        f" WHERE core.view_group = '{VIEW_GROUP}' AND core.partition = {part.partition:d}"
        f" AND core.position >= {part.until:d} AND core.ledger_id = view_positions.ledger_id)"
    )


def add(part: Slice) -> tuple[str, ...]:
    """Add the sums to the view; in the transaction of `advance`."""
    new_series = f"""
INSERT INTO sku_sites (sku, site, partition)
SELECT DISTINCT sku, site, {part.partition:d} FROM day_sums AS new
WHERE NOT EXISTS (
    SELECT 1 FROM sku_sites AS known WHERE known.sku = new.sku AND known.site = new.site
) ON CONFLICT DO NOTHING
"""  # noqa: S608 - a number alone
    return (
        new_series,
        _upsert("sku_days", "day_sums", ("day", "scale", "power"), COLUMNS),
        _upsert(
            "reason_days",
            "reason_sums",
            ("day", "scale", "power", "type", "reason"),
            REASON_COLUMNS,
        ),
    )


def _upsert(table: str, sums: str, key: Sequence[str], columns: Sequence[str]) -> str:
    """Add sums to sums. Too many entries break the rule that `entries` is not NULL."""
    names = ", ".join((*key, "entries", *columns))
    values = ", ".join(f"new.{name}" for name in (*key, "entries", *columns))
    entries = f"{table}.entries + excluded.entries"
    sets = [f"entries = CASE WHEN {entries} < {ENTRIES_MAX} THEN {entries} END"]
    sets += [
        f"{one} = COALESCE({table}.{one} + excluded.{one}, {table}.{one}, excluded.{one})"
        for one in columns
    ]
    return (
        f"INSERT INTO {table} (series, {names})"  # noqa: S608 - names of this file alone
        f" SELECT known.series, {values} FROM {sums} AS new JOIN sku_sites AS known"
        " ON known.sku = new.sku AND known.site = new.site WHERE TRUE"
        f" ORDER BY known.series, {', '.join(f'new.{one}' for one in key)}"
        f" ON CONFLICT (series, {', '.join(key)}) DO UPDATE SET {', '.join(sets)}"
    )
