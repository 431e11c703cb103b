"""The tables of a run's results: how each column is stored, and how it is shown.

Whatever is computed is stored once, in a form without any rounding left to do: integers with a
stated number of decimals, or texts. Null means that a number is not defined.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Column, Index, Integer, Table

from ledger.domain.quantities import text as quantity_text
from projections.planning.run_columns import FIELDS, Field, Kind
from projections.planning.run_tables import number_column, scale_column, text_column
from projections.tables import metadata

MICRO: Final = 1_000_000
MICRO_DECIMALS: Final = 6


BY_NAME: Final = {field.name: field for field in FIELDS}


def fields_of(subject: str) -> tuple[Field, ...]:
    """The columns that a list shows, in their order."""
    return tuple(field for field in FIELDS if subject in field.subjects)


def _column(field: Field) -> Column[Any]:
    if field.kind in ("text", "statistic"):
        return text_column(field.name, null=True)
    return number_column(field.name, null=True)


# One row a series that was forecast; `document` holds points, intervals and scores.
planning_forecasts = Table(
    "planning_forecasts",
    metadata,
    text_column("run_id", key=True),
    text_column("sku", key=True),
    text_column("site", key=True),
    text_column("model"),
    text_column("reason"),
    text_column("document"),
)
# One row a series: a SKU at a site, or at all together (the site is then the empty text).
planning_results = Table(
    "planning_results",
    metadata,
    text_column("run_id", key=True),
    text_column("sku", key=True),
    text_column("site", key=True),
    scale_column(),
    *map(_column, FIELDS),
)
# One row a group and a bucket of days: stock health of everything, of a class, or of a site.
planning_health = Table(
    "planning_health",
    metadata,
    text_column("run_id", key=True),
    text_column("grouping", key=True),
    text_column("name", key=True),
    Column("first_day", Integer, primary_key=True, autoincrement=False),
    text_column("document"),
)
Index("planning_results_by_class", *(planning_results.c[one] for one in ("run_id", "abc", "sku")))


def _signed_micro(value: int) -> str:
    return quantity_text(value, MICRO_DECIMALS)


def _unscaled(value: str, scale: int) -> str:
    """A statistic of smallest units in whole units; exact, since only the point moves."""
    text = f"{Decimal(value).scaleb(-scale):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(kind: Kind, value: Any, scale: int) -> Any:
    """A stored value as callers see it: exact decimal strings, whole numbers, words or null."""
    if value is None:
        return None
    show = _SHOWN.get(kind)
    return value if show is None else show(value, scale)


_SHOWN: Final[dict[str, Callable[[Any, int], str]]] = {
    "quantity": quantity_text,
    "value": lambda value, _: _signed_micro(value),
    "number": lambda value, _: _signed_micro(value),
    "statistic": _unscaled,
}


def document(row: Any, fields: Sequence[Field]) -> dict[str, Any]:
    """A row as callers see it, with these of its columns."""
    scale = row["scale"]
    numbers = {field.name: shown(field.kind, row[field.name], scale) for field in fields}
    return {"sku": row["sku"], "site": row["site"] or None, **numbers}
