"""The ABC class of one series, from the sums that the run's rows add up to, in plain integers.

It is computed another way than for all series at once, so that the two check each other.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import numpy as np
from sqlalchemy import ColumnElement, RowMapping, case, func, select

from projections.database import ReadConnection
from projections.planning import abc
from projections.planning.numbers import INT64_MAX, rounded
from projections.planning.parameters import Parameters
from projections.planning.run_fields import planning_results

_s = planning_results.c
_COLUMNS: Final = {
    "value": "issued_value", "units": "demand", "picks": "lines", "margin": "margin",
}  # fmt: skip
COMMON_SCALE: Final = 6
WHOLE: Final = 100
# A sum of 64-bit numbers may pass 64 bits; those of their parts do not.
_PART: Final = 10**9


async def rank_of(reader: ReadConnection, row: RowMapping, parameters: Parameters) -> abc.Abc:
    """What `abc.classify` says of the series of a stored row, among all of its site."""
    basis = parameters.abc.basis
    column = _s[_COLUMNS[basis]]
    # Only a margin can be unknown; it counts as none.
    own = _common(row[_COLUMNS[basis]] or 0, row["scale"], basis)
    total = before = 0
    higher = 0
    for scale in await _scales(reader, row):
        factor = 10 ** (COMMON_SCALE - scale) if basis == "units" else 1
        # At a coarser scale the value may pass 64 bits, and then nothing stored is above it.
        sums = await _sums(reader, row, column, (scale, min(max(own, 0) // factor, INT64_MAX)))
        total += (sums["whole"] * _PART + sums["whole_rest"]) * factor
        before += (sums["above"] * _PART + sums["above_rest"]) * factor
        higher += sums["higher"]
    return _classified(row, parameters, (own, before, total, higher))


def _common(value: int, scale: int, basis: str) -> int:
    factor: int = 10 ** (COMMON_SCALE - scale) if basis == "units" else 1
    return value * factor


async def _scales(reader: ReadConnection, row: RowMapping) -> list[int]:
    """The decimals that the series of the run have."""
    query = select(_s.scale).where(*_site(row)).distinct().order_by(_s.scale)
    return [one["scale"] for one in await reader.all(query)]


async def _sums(
    reader: ReadConnection, row: RowMapping, column: ColumnElement[int], of: tuple[int, int]
) -> Mapping[str, int]:
    """Sums over the series with so many decimals: of all, and of those above a value."""
    scale, own = of
    above = column > own

    def total(condition: ColumnElement[bool], value: ColumnElement[int]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(case((condition, value), else_=0)), 0)

    query = select(
        total(column > 0, column // _PART).label("whole"),
        total(column > 0, column % _PART).label("whole_rest"),
        total(above, column // _PART).label("above"),
        total(above, column % _PART).label("above_rest"),
        total(above, column * 0 + 1).label("higher"),
    ).where(*_site(row), _s.scale == scale)
    found = await reader.first(query)
    assert found is not None
    return {name: int(found[name]) for name in found}


def _site(row: RowMapping) -> list[ColumnElement[bool]]:
    return [_s.run_id == row["run_id"], _s.site == row["site"]]


def _classified(
    row: RowMapping, parameters: Parameters, sums: tuple[int, int, int, int]
) -> abc.Abc:
    own, before, total, higher = sums
    moved = Decimal(parameters.abc.hysteresis)
    raw = _class_at(parameters, sums, Decimal(0))
    kept = raw
    if row["abc_before"] is not None:
        previous = abc.CLASSES.index(row["abc_before"])
        highest, lowest = (_class_at(parameters, sums, one) for one in (moved, -moved))
        kept = min(max(previous, highest), lowest)
    return abc.Abc(
        values=np.array([own]),
        rank=np.array([higher + 1]),
        share=_percent(max(own, 0), total),
        cumulative_share=_percent(before, total),
        raw_classes=np.array([raw], dtype=np.int8),
        classes=np.array([kept], dtype=np.int8),
        total=total,
    )


def _class_at(parameters: Parameters, sums: tuple[int, int, int, int], moved: Decimal) -> int:
    """The first class whose share is not reached before the series, every cut-off so much later."""
    own, before, total, _ = sums
    last = len(parameters.abc.shares) - 1
    if own <= 0:
        return last
    reached = moved
    for number, share in enumerate(parameters.abc.shares[:-1]):
        reached += Decimal(share)
        if before < Fraction(reached) * total / WHOLE:
            return number
    return last


def _percent(value: int, total: int) -> Any:
    if total == 0:
        return np.zeros(1)
    return rounded(np.array([WHOLE * float(value) / float(total)]))
