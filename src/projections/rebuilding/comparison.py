"""Live views and built ones, compared: counts, sums, a digest of all rows, and which rows differ.

The numbers of series are of no meaning outside their tables, so rows of days are compared by SKU
and site. Balances of virtual accounts beyond 64 bits have more than one form, and are brought into
one (`stock`).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Table

from projections.rebuilding.sites import Comparing
from projections.statements import column_names
from projections.tables import OVERFLOW_UNIT, reason_days, sku_days, sku_sites, stock

# What no sum says anything about.
_NO_AMOUNT: Final = ("_ms", "_us", "_offset", "reversed_by")
# A sum may pass 64 bits, which SQLite cannot hold: units of it are summed apart from the rest.
_SUM_UNIT: Final = 10**9
SHOWN_DEFAULT: Final = 20

Differing = dict[str, dict[str, object]]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row that differs: `kind` is `differs`, `missing` from the live views, or `extra` in them.

    `columns` has what is live and what was built, of the columns in which they differ.
    """

    kind: str
    key: dict[str, object]
    columns: Differing


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of a table on one side."""

    rows: int
    sums: dict[str, int]
    digest: str


class TableResult(msgspec.Struct, frozen=True, kw_only=True):
    """A table on both sides. `shown` are the first rows that differ."""

    table: str
    live: Summary
    built: Summary
    differs: int = 0
    missing: int = 0
    extra: int = 0
    shown: list[Row] = []

    @property
    def equal(self) -> bool:
        """Whether the rows are the same."""
        return self.live == self.built


class _Shape(NamedTuple):
    """How the rows of a table are compared."""

    table: Table
    key: Sequence[str]
    columns: Sequence[str]
    amounts: Sequence[str]
    # With {0} for the table, and {1} for `sku_sites` of the same side.
    rows: str


async def compare(comparing: Comparing, table: Table, *, shown: int = SHOWN_DEFAULT) -> TableResult:
    """Compare a table; where anything differs, find at most `shown` rows of each kind.

    Raises DatabaseUnavailable.
    """
    shape = _shape(table)
    live, built = _sources(comparing, shape)
    of_live, of_built = await comparing.both(
        _summary_query(shape, live, sqlite=comparing.is_sqlite),
        _summary_query(shape, built, sqlite=comparing.is_sqlite),
    )
    result = TableResult(
        table=str(table.name), live=_summary(shape, of_live[0]), built=_summary(shape, of_built[0])
    )
    if result.equal:
        return result
    return await _with_rows(comparing, shape, result, shown)


def _shape(table: Table) -> _Shape:
    # Plain texts, for they are put into documents.
    columns = [str(name) for name in column_names(table)]
    key = [str(column.name) for column in table.primary_key]
    amounts = [
        str(column.name)
        for column in table.columns
        if isinstance(column.type, BigInteger)
        and column.name not in key
        and not column.name.endswith(_NO_AMOUNT)
    ]
    rows = f"SELECT {', '.join(columns)} FROM {{0}}"  # noqa: S608
    if table is sku_sites:
        columns = key = ["sku", "site", "partition"]
        rows = "SELECT sku, site, partition FROM {0}"
    elif table in (sku_days, reason_days):
        columns = ["sku", "site", *columns[1:]]
        key = ["sku", "site", *key[1:]]
        names = ", ".join(f"days.{one}" for one in columns[2:])
        rows = (
            f"SELECT of.sku, of.site, {names} FROM {{0}} AS days"  # noqa: S608
            " LEFT JOIN {1} AS of ON of.series = days.series"
        )
    elif table is stock:
        rows = _one_form_of_stock(columns)
    return _Shape(table, key, columns, amounts, rows)


def _one_form_of_stock(columns: Sequence[str]) -> str:
    """The rest and the units with the same sign."""
    below, above = "on_hand < 0 AND overflows > 0", "on_hand > 0 AND overflows < 0"
    forms = {
        name: (
            f"CASE WHEN {below} THEN {name} {more} WHEN {above} THEN {name} {less} ELSE {name} END"
        )
        for name, more, less in (
            ("on_hand", f"+ {OVERFLOW_UNIT}", f"- {OVERFLOW_UNIT}"),
            ("overflows", "- 1", "+ 1"),
        )
    }
    names = ", ".join(f"{forms[one]} AS {one}" if one in forms else one for one in columns)
    return f"SELECT {names} FROM {{0}}"  # noqa: S608


def _sources(comparing: Comparing, shape: _Shape) -> tuple[str, str]:
    """The rows of both sides, as tables of a query."""
    names, series = comparing.names(shape.table.name), comparing.names(sku_sites.name)
    live, built = (shape.rows.format(*one) for one in zip(names, series, strict=True))
    return f"({live})", f"({built})"


def _summary_query(shape: _Shape, source: str, *, sqlite: bool) -> str:
    columns = ", ".join(shape.columns)
    digest = f"row_digest({columns})"
    if not sqlite:
        # The hash of a row is a sum over its columns, so that a value exchanged between two rows
        # would leave the sum of all as it was: hence the hash of the hash.
        row = f"hashint8extended(hash_record_extended(ROW({columns}), 0), 0)"
        digest = f"COALESCE(sum({row}), 0)::text"
    sums = [
        f"COALESCE(sum({part}), 0)"
        for name in shape.amounts
        for part in (f"{name} / {_SUM_UNIT}", f"{name} % {_SUM_UNIT}")
    ]
    return f"SELECT {', '.join(['count(*)', digest, *sums])} FROM {source} AS compared"  # noqa: S608


def _summary(shape: _Shape, row: Sequence[Any]) -> Summary:
    rows, digest, *parts = row
    sums = {
        name: int(units) * _SUM_UNIT + int(rest)
        for name, units, rest in zip(shape.amounts, parts[::2], parts[1::2], strict=True)
    }
    return Summary(rows=int(rows), sums=sums, digest=str(digest or 0))


async def _with_rows(
    comparing: Comparing, shape: _Shape, result: TableResult, shown: int
) -> TableResult:
    live, built = _sources(comparing, shape)
    differs = "IS NOT" if comparing.is_sqlite else "IS DISTINCT FROM"
    # No part of these keys is ever null.
    key = " AND ".join(f"l.{one} = b.{one}" for one in shape.key)
    others = [one for one in shape.columns if one not in shape.key]
    unequal = " OR ".join(f"l.{one} {differs} b.{one}" for one in others) or "FALSE"
    wheres = {
        "differs": (f"{live} AS l JOIN {built} AS b ON {key} WHERE {unequal}", "l", "b"),
        "missing": (_alone(built, "b", live, "l", key), "b", "b"),
        "extra": (_alone(live, "l", built, "b", key), "l", "l"),
    }
    counts: dict[str, int] = {}
    found: list[Row] = []
    for kind, (source, left, right) in wheres.items():
        order = ", ".join(f"{left}.{one}" for one in shape.key)
        columns = [f"{left}.{one}" for one in shape.columns]
        columns += [f"{right}.{one}" for one in shape.columns]
        counted, rows = await comparing.both(
            f"SELECT count(*) FROM {source}",  # noqa: S608
            f"SELECT {', '.join(columns)} FROM {source} ORDER BY {order} LIMIT {shown:d}",  # noqa: S608
        )
        counts[kind] = int(str(counted[0][0]))
        found += _rows(shape, kind, rows)
    return msgspec.structs.replace(result, **counts, shown=found)


def _alone(source: str, name: str, other: str, other_name: str, key: str) -> str:
    return (
        f"{source} AS {name} WHERE NOT EXISTS (SELECT 1 FROM {other} AS {other_name} WHERE {key})"  # noqa: S608
    )


def _rows(shape: _Shape, kind: str, rows: Sequence[Sequence[object]]) -> Iterator[Row]:
    width = len(shape.columns)
    for row in rows:
        live, built = (
            dict(zip(shape.columns, map(_plain, part), strict=True))
            for part in (row[:width], row[width:])
        )
        differing: Differing = {}
        if kind == "differs":
            differing = {
                name: {"live": live[name], "built": built[name]}
                for name in shape.columns
                if live[name] != built[name]
            }
        yield Row(kind=kind, key={one: live[one] for one in shape.key}, columns=differing)


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
