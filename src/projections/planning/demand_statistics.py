"""Demand in buckets of time: how much, how often, and how it varies.

Days without a row are days without demand and count as zeros, with two exceptions: days on which
nothing is sold by the calendar, and days on which the stock was out and nothing was asked for,
so that nobody knows what the demand was. A bucket is left out if all its open days were without
stock, or if the calendar closes all its days; unless it saw demand.

Only whole buckets between the first day of a series and the last day count. A **week** is seven
days, counted backwards from the last day, so that no week is cut; a **month** is a whole month of
the calendar.

Sums are exact integers of whatever size. Variances are those of a sample (divided by n - 1).
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from projections.planning.bucket_axis import Axis, Bucket, make_axis
from projections.planning.bucket_rows import BucketRows, DailyDemand, bucket_rows, buckets_counted
from projections.planning.formulas import Formula
from projections.planning.numbers import (
    INT64_MAX,
    Exact,
    Flags,
    Floats,
    Integers,
    compact,
    fits,
    floats,
    quotients,
    rounded,
    segment_sums,
)

SYNTETOS = (
    "Syntetos, Boylan and Croston (2005), On the categorization of demand patterns, Journal of the "
    "Operational Research Society 56(5)"
)
FORMULAS = (
    Formula("buckets", "n", "buckets that count", "buckets"),
    Formula("total", "s", "demand in them", "smallest unit", "s = Σx"),
    Formula("squares", "Σx²", "sum of the squared demands", "smallest unit, squared"),
    Formula("demand_buckets", "m", "buckets with positive demand", "buckets"),
    Formula("demand_total", "s+", "demand in those", "smallest unit", "s+ = Σx over x > 0"),
    Formula("demand_squares", "Σx+²", "their squares, in sum", "smallest unit, squared"),
    Formula("mean", "d", "mean demand", "smallest unit per bucket", "d = s / n"),
    Formula(
        "deviation",
        "σd",
        "standard deviation of demand, of a sample",
        "smallest unit per bucket",
        "σd = √((n Σx² - s²) / (n (n - 1)))",
    ),
    Formula(
        "cv", "cv", "coefficient of variation, σd / d", "", "cv = √((n Σx² - s²) n / (n - 1)) / s"
    ),
    Formula(
        "interval",
        "ADI",
        "average interval between buckets with demand",
        "buckets",
        "ADI = n / m",
        SYNTETOS,
    ),
    Formula(
        "size_cv_squared",
        "CV²",
        "squared coefficient of variation of demand where there is some",
        "",
        "CV² = m (m Σx+² - s+²) / ((m - 1) s+²); 0 if m = 1",
        SYNTETOS,
    ),
)
# Chunks bound the memory and stay in the processor's cache; they change no number.
CHUNK_SERIES = 1 << 15


@dataclass(frozen=True, slots=True)
class DemandStatistics:
    """Statistics of each series over its buckets; see `FORMULAS`. NaN where not defined."""

    buckets: Integers
    total: Exact
    squares: Exact
    demand_buckets: Integers
    demand_total: Exact
    demand_squares: Exact
    mean: Floats
    deviation: Floats
    cv: Floats
    interval: Floats
    size_cv_squared: Floats

    def __len__(self) -> int:
        """How many series there are."""
        return len(self.buckets)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Exact sums of some series, with `spread` = n Σx² - s² over all buckets, or those above 0."""

    total: Exact
    squares: Exact
    spread: Exact
    demand_buckets: Integers
    demand_total: Exact
    demand_squares: Exact
    demand_spread: Exact


def statistics(demand: DailyDemand, bucket: Bucket) -> DemandStatistics:
    """Statistics of demand by bucket. One series more or less changes no other's numbers."""
    axis = make_axis(demand.first_day, demand.last_day, bucket, demand.open_days, demand.open_from)
    chunks = [
        _chunk(demand, axis, slice(first, min(first + CHUNK_SERIES, len(demand))))
        for first in range(0, max(len(demand), 1), CHUNK_SERIES)
    ]
    return DemandStatistics(*(_joined(chunks, field.name) for field in fields(DemandStatistics)))


def _joined(parts: list[DemandStatistics], name: str) -> Exact:
    return np.concatenate([getattr(part, name) for part in parts])


def _chunk(demand: DailyDemand, axis: Axis, chosen: slice) -> DemandStatistics:
    """Statistics of some neighbouring series."""
    quantity = demand.quantity[demand.starts[chosen.start] : demand.starts[chosen.stop]]
    if _largest(quantity) * len(axis.bucket_of_day) > INT64_MAX:
        quantity = quantity.astype(object)
    rows = bucket_rows(demand, axis, chosen, quantity)
    buckets = buckets_counted(demand, axis, chosen, rows)
    wide = _wide(rows, buckets)
    narrow = _sums(_only(rows, ~wide, np.int64), buckets)
    if not wide.any():
        return _figures(narrow, buckets)
    # Python's integers are slow, so only the series that need them get them.
    large = _sums(_only(rows, wide, object), buckets)
    names = [field.name for field in fields(_Sums)]
    merged = [np.where(wide, getattr(large, name), getattr(narrow, name)) for name in names]
    return _figures(_Sums(*merged), buckets)


def _largest(quantity: Exact) -> int:
    if not len(quantity):
        return 1
    return max(int(quantity.max()), -int(quantity.min()), 1)


def _wide(rows: BucketRows, buckets: Integers) -> Flags:
    """For which series n Σx² does not fit 64 bits, by the largest x and the number of rows."""
    count = np.bincount(rows.series, minlength=rows.count)
    largest = np.full(rows.count, float(_largest(rows.quantity)))
    wide = ~fits(largest, largest, count, buckets)
    if not wide.any():
        return wide
    some = np.flatnonzero(count)
    first = np.concatenate(([0], np.cumsum(count)[:-1]))[some]
    largest[some] = floats(np.maximum.reduceat(np.abs(rows.quantity), first))
    return ~fits(largest, largest, count, buckets)


def _only(rows: BucketRows, wanted: Flags, dtype: type) -> BucketRows:
    """The rows of the wanted series, their quantities as `dtype`."""
    if wanted.all():
        return replace(rows, quantity=rows.quantity.astype(dtype, copy=False))
    kept = wanted[rows.series]
    quantity: Exact = rows.quantity[kept].astype(dtype)
    return BucketRows(rows.count, rows.series[kept], rows.bucket[kept], quantity)


def _sums(rows: BucketRows, buckets: Integers) -> _Sums:
    total, squares, count = _moments(rows)
    positive = rows.quantity > 0
    if positive.all():
        positive_total, positive_squares, positive_count = total, squares, count
    else:
        some = replace(
            rows,
            series=rows.series[positive],
            bucket=rows.bucket[positive],
            quantity=rows.quantity[positive],
        )
        positive_total, positive_squares, positive_count = _moments(some)
    return _Sums(
        total=total,
        squares=squares,
        spread=buckets * squares - total * total,
        demand_buckets=positive_count,
        demand_total=positive_total,
        demand_squares=positive_squares,
        demand_spread=positive_count * positive_squares - positive_total * positive_total,
    )


def _moments(rows: BucketRows) -> tuple[Exact, Exact, Integers]:
    """Σx, Σx² and the number of rows of each series."""
    count = np.bincount(rows.series, minlength=rows.count)
    starts = np.concatenate(([0], np.cumsum(count)))
    squares = segment_sums(rows.quantity * rows.quantity, starts)
    return segment_sums(rows.quantity, starts), squares, count


def _figures(sums: _Sums, buckets: Integers) -> DemandStatistics:
    """The statistics from the exact sums, each rounded once."""
    n, m, total = floats(buckets), floats(sums.demand_buckets), floats(sums.total)
    several, spread = buckets > 1, floats(sums.spread)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.where(several, np.sqrt(spread / (n * (n - 1))), np.nan)
        variation = np.sqrt(spread * (n / (n - 1))) / total
        size_spread = m * floats(sums.demand_spread)
        size_variation = size_spread / ((m - 1) * floats(sums.demand_total) ** 2)
    return DemandStatistics(
        buckets=buckets,
        total=compact(sums.total),
        squares=compact(sums.squares),
        demand_buckets=sums.demand_buckets,
        demand_total=compact(sums.demand_total),
        demand_squares=compact(sums.demand_squares),
        mean=quotients(total, n),
        deviation=rounded(deviation),
        cv=rounded(np.where(several & (total > 0), variation, np.nan)),
        interval=quotients(n, m),
        size_cv_squared=rounded(
            np.select([m > 1, m == 1], [size_variation, np.zeros(len(n))], np.nan)
        ),
    )
