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
    order and may touch, but not overlap.
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
    series: Days32
    bucket: Days32
    quantity: Exact


def bucket_rows(demand: DailyDemand, axis: Axis, chosen: slice, quantity: Exact) -> BucketRows:
    """The rows of neighbouring series by bucket; `quantity` are those of their days.

    Its dtype must have room for the sum over a bucket.
    """
    bounds = demand.starts[chosen.start : chosen.stop + 1]
    offset = demand.day[bounds[0] : bounds[-1]] - np.int32(axis.origin)
    series = np.repeat(np.arange(len(bounds) - 1, dtype=np.int32), np.diff(bounds))
    kept = quantity != 0
    inside = (offset >= 0) & (offset < len(axis.bucket_of_day))
    if not inside.all():
        kept &= inside
        offset = np.where(inside, offset, 0)
    bucket = axis.bucket_of_day[offset]
    # What belongs to no whole bucket has a negative one, so it is before the first.
    kept &= bucket >= axis.first_bucket[chosen].astype(np.int32)[series]
    rows = BucketRows(len(bounds) - 1, series, bucket, quantity)
    rows = _selected(rows, kept)
    return rows if axis.days_each == 1 else _added(rows)


def _selected(rows: BucketRows, kept: Flags) -> BucketRows:
    if kept.all():
        return rows
    index = np.flatnonzero(kept)
    return BucketRows(rows.count, rows.series[index], rows.bucket[index], rows.quantity[index])


def _added(rows: BucketRows) -> BucketRows:
    """Days of the same series and bucket in one row; returns may have made it zero."""
    if not len(rows.series):
        return rows
    new = np.ones(len(rows.series), dtype=np.bool_)
    new[1:] = (rows.bucket[1:] != rows.bucket[:-1]) | (rows.series[1:] != rows.series[:-1])
    first = np.flatnonzero(new)
    quantity = np.add.reduceat(rows.quantity, first)
    added = BucketRows(rows.count, rows.series[first], rows.bucket[first], quantity)
    return _selected(added, quantity != 0)


def buckets_counted(demand: DailyDemand, axis: Axis, chosen: slice, rows: BucketRows) -> Integers:
    """How many buckets of each series count: open ones, and closed ones that saw demand.

    Those are left out all of whose open days were without stock, unless they saw demand.
    """
    counted = len(axis.first_open) - axis.first_ordinal(chosen)
    if not axis.all_open:
        is_open = axis.is_open(rows.bucket)
        counted = counted + np.bincount(rows.series[~is_open], minlength=rows.count)
        rows = _selected(rows, is_open)
    if demand.out_starts is None:
        return counted
    series, first, until = _spells(demand, axis, chosen)
    # The ordinals of the buckets that lie in each spell: from `low` until before `high`.
    low = np.searchsorted(axis.first_open, first)
    high = np.searchsorted(axis.last_open, until)
    low = np.maximum(low, axis.first_ordinal(chosen)[series])
    high = np.maximum(low, high)
    # One number for a series and an ordinal, in the order of both, as the rows are.
    width = len(axis.first_open) + 1
    keys = rows.series * np.int64(width) + axis.open_before[rows.bucket]
    saw = np.searchsorted(keys, series * width + high) - np.searchsorted(keys, series * width + low)
    bounds = np.searchsorted(series, np.arange(rows.count + 1))
    return counted - segment_sums(high - low - saw, bounds)


def _spells(demand: DailyDemand, axis: Axis, chosen: slice) -> tuple[Integers, Days32, Days32]:
    """Series, first day and end of each spell without stock; without an open day between, one."""
    assert demand.out_starts is not None
    assert demand.out_first is not None
    assert demand.out_until is not None
    bounds = demand.out_starts[chosen.start : chosen.stop + 1]
    series = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    first = demand.out_first[bounds[0] : bounds[-1]]
    until = demand.out_until[bounds[0] : bounds[-1]]
    begins = np.ones(len(series), dtype=np.bool_)
    apart = axis.open_until(first[1:]) > axis.open_until(until[:-1])
    begins[1:] = apart | (series[1:] != series[:-1])
    ends = np.roll(begins, -1)
    return series[begins], first[begins], until[ends]
