"""The columns of a run's results: what each is, how it is stored, and how it is shown.

Whatever is computed is stored once, in a form without any rounding left to do: integers with a
stated number of decimals, or texts. Null means that a number is not defined.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Column, Index, Table

from ledger.domain.quantities import text as quantity_text
from projections.planning.run_tables import number_column, scale_column, text_column
from projections.tables import metadata

# count: a whole number. quantity: of goods, in the SKU's smallest unit. value: millionths of the
# currency. number: millionths of one. statistic: of goods, in smallest units, with six decimals; a
# text, because it may pass 64 bits.
Kind = Literal["text", "count", "quantity", "value", "number", "statistic"]
MICRO: Final = 1_000_000
MICRO_DECIMALS: Final = 6


class Field(NamedTuple):
    """One number or word of a result row. `subjects` are the lists that show it."""

    name: str
    kind: Kind
    subjects: tuple[str, ...]
    meaning: str


_ABC, _XYZ = ("abc",), ("xyz",)
_VELOCITY, _HEALTH = ("velocity",), ("slow-movers",)
_EVERY = ("abc", "xyz", "velocity", "slow-movers")

FIELDS: Final[tuple[Field, ...]] = (
    Field("abc", "text", _EVERY, "Class by share of the total: A, B, C, …"),
    Field("xyz", "text", _EVERY, "Class by variation: X steady, Y varying, Z erratic or rare."),
    Field("abc_unkept", "text", _ABC, "The class that it would have without hysteresis."),
    Field("rank", "count", _ABC, "Place by the basis, 1 the highest; equals share it."),
    Field("share_percent", "number", _ABC, "Its share of the total of its site."),
    Field("cumulative_share_percent", "number", _ABC, "The share of all that rank before it."),
    Field("issued_value", "value", _ABC, "What left for customers in the window, at its cost."),
    Field("lines", "count", (*_ABC, *_VELOCITY), "How often it was asked for in the window."),
    Field("demand", "quantity", _EVERY, "What was asked for in the window."),
    Field("xyz_reason", "text", _XYZ, "measured, or why nothing could be: then Z."),
    Field("pattern", "text", _XYZ, "smooth, erratic, intermittent, lumpy or no_demand."),
    Field("buckets", "count", _XYZ, "Whole buckets of the window whose demand is known."),
    Field("demand_buckets", "count", _XYZ, "Those of them with demand."),
    Field("mean", "statistic", _XYZ, "Mean demand of a bucket."),
    Field("deviation", "statistic", _XYZ, "Standard deviation of it, of a sample."),
    Field("cv", "number", _XYZ, "Coefficient of variation: deviation by mean."),
    Field("interval", "number", _XYZ, "Buckets from one with demand to the next, on average."),
    Field("size_cv_squared", "number", _XYZ, "Squared CV of the sizes of demand."),
    Field("velocity", "text", _VELOCITY, "fast, medium, slow, dead or new."),
    Field("lines_per_month", "number", _VELOCITY, "How often in 30 days."),
    Field("days_since_demand", "count", _VELOCITY, "Days since it was asked for; null: never."),
    Field("selling_days", "count", _XYZ, "Open days of the window since its first movement."),
    Field("stock_out_days", "count", _XYZ, "Those of them on which it was out of stock."),
    Field("on_hand", "quantity", _HEALTH, "On hand at the end of `as_of`."),
    Field("on_hand_value", "value", _HEALTH, "What that is worth, at cost."),
    Field("turnover_per_year", "number", _HEALTH, "How often stock is turned over in a year."),
    Field("days_of_cover", "number", _HEALTH, "Days that it lasts at the recent demand."),
    Field("fill_rate_units", "number", _HEALTH, "Share of units asked for that were served."),
    Field("excess", "quantity", _HEALTH, "What covers more than `excess_cover_days`."),
    Field("excess_value", "value", _HEALTH, "What that is worth."),
    Field("slow", "count", _HEALTH, "1 if it covers more than `slow_cover_days`, else 0."),
    Field("carrying_cost", "value", _HEALTH, "What holding it cost over the window."),
)
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
