"""Daily demand added up by bucket, and how many buckets of each series count."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from projections.planning.bucket_axis import Axis
from projections.planning.numbers import Exact, Flags, Integers, segment_sums

Days32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class DailyDemand:
    """What was demanded of each series on each day, as integers; days without a row have none.

    The rows of series `i` are `starts[i]:starts[i + 1]`, in the order of their days, one a day;
    rows outside `first_day[i]` to `last_day` are ignored. A quantity may be negative, where returns
    are taken off. `open_days[d - open_from]` tells whether anything can be sold on day `d`; days
    outside it are open. The stock of series `i` was out from `out_first[j]` until before
    `out_until[j]`, `j` from `out_starts[i]` until before `out_starts[i + 1]`; these spells are in
    order and do not touch each other.
    """

    starts: Integers
    day: Days32
    quantity: Integers
    first_day: Integers
    last_day: int
    open_days: Flags | None = None
    open_from: int = 0
    out_starts: Integers | None = None
    out_first: Days32 | None = None
    out_until: Days32 | None = None

    def __len__(self) -> int:
        """How many series there are."""
        return len(self.starts) - 1


def only(demand: DailyDemand, series: Integers) -> DailyDemand:
    """The demand of the series with these numbers, in their order."""
    starts, rows = _gathered(demand.starts, series)
    chosen = replace(
        demand,
        starts=starts,
        day=demand.day[rows],
        quantity=demand.quantity[rows],
        first_day=demand.first_day[series],
    )
    if demand.out_starts is None or demand.out_first is None or demand.out_until is None:
        return chosen
    out_starts, spells = _gathered(demand.out_starts, series)
    return replace(
        chosen,
        out_starts=out_starts,
        out_first=demand.out_first[spells],
        out_until=demand.out_until[spells],
    )


def _gathered(starts: Integers, series: Integers) -> tuple[Integers, Integers]:
    """The starts of only these series, and the numbers of their rows."""
    lengths = np.diff(starts)[series]
    ends = np.cumsum(lengths)
    rows = np.arange(int(lengths.sum())) + np.repeat(starts[series] - (ends - lengths), lengths)
    return np.concatenate(([0], ends)), rows


@dataclass(frozen=True, slots=True)
class BucketRows:
    """Demand of `count` series by bucket, ordered by series and bucket; none of them is zero."""

    count: int
    series: Integers
    bucket: Integers
    quantity: Exact


def bucket_rows(demand: DailyDemand, axis: Axis, chosen: slice, quantity: Exact) -> BucketRows:
    """The rows of neighbouring series by bucket; `quantity` are those of their days.

    Its dtype must have room for the sum over a bucket.
    """
    bounds = demand.starts[chosen.start : chosen.stop + 1]
    offset = demand.day[bounds[0] : bounds[-1]] - axis.origin
    series = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    inside = (offset >= 0) & (offset < len(axis.bucket_of_day))
    bucket = axis.bucket_of_day[np.where(inside, offset, 0)]
    # What belongs to no whole bucket has a negative one, so it is before the first.
    kept = inside & (bucket >= axis.first_bucket[chosen][series])
    rows = BucketRows(len(bounds) - 1, series[kept], bucket[kept].astype(np.int64), quantity[kept])
    return _nonzero(_added(rows))


def _added(rows: BucketRows) -> BucketRows:
    """Days of the same series and bucket in one row."""
    if not len(rows.series):
        return rows
    new = np.ones(len(rows.series), dtype=np.bool_)
    new[1:] = (rows.bucket[1:] != rows.bucket[:-1]) | (rows.series[1:] != rows.series[:-1])
    if new.all():
        return rows
    first = np.flatnonzero(new)
    quantity = np.add.reduceat(rows.quantity, first)
    return BucketRows(rows.count, rows.series[first], rows.bucket[first], quantity)


def _nonzero(rows: BucketRows) -> BucketRows:
    some = rows.quantity != 0
    if some.all():
        return rows
    return BucketRows(rows.count, rows.series[some], rows.bucket[some], rows.quantity[some])


def buckets_counted(demand: DailyDemand, axis: Axis, chosen: slice, rows: BucketRows) -> Integers:
    """How many buckets of each series count: open ones, and closed ones that saw demand.

    Those are left out that lie in a spell without stock, with all their open days, unless they saw
    demand.
    """
    is_open = axis.is_open(rows.bucket)
    counted = len(axis.first_open) - axis.first_ordinal(chosen)
    counted = counted + np.bincount(rows.series[~is_open], minlength=rows.count)
    if demand.out_starts is None or demand.out_first is None or demand.out_until is None:
        return counted
    bounds = demand.out_starts[chosen.start : chosen.stop + 1]
    spells = slice(bounds[0], bounds[-1])
    series = np.repeat(np.arange(rows.count), np.diff(bounds))
    # The ordinals of the buckets that lie in each spell: from `low` until before `high`.
    low = np.searchsorted(axis.first_open, demand.out_first[spells])
    high = np.searchsorted(axis.last_open, demand.out_until[spells])
    low = np.maximum(low, axis.first_ordinal(chosen)[series])
    high = np.maximum(low, high)
    # One number for a series and an ordinal, in the order of both, as the rows are.
    width = len(axis.first_open) + 1
    keys = rows.series[is_open] * width + axis.open_before[rows.bucket[is_open]]
    saw = np.searchsorted(keys, series * width + high) - np.searchsorted(keys, series * width + low)
    return counted - segment_sums(high - low - saw, bounds - bounds[0])
