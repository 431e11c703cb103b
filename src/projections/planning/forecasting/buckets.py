"""From days to buckets of a day, a week or a month, each series a dense row.

Weeks begin on Monday. A bucket that a series' first row or the end cuts is left out, since it would
look like little demand.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from projections.planning.calendar import Calendar
from projections.planning.days import Days
from projections.planning.forecasting.history import Bucket, Flags, History, Integers
from projections.planning.stock_outs import StockOuts

WEEK_DAYS = 7
MONDAY = 3  # 1970-01-01 was a Thursday: three days after a Monday
ALWAYS_OPEN = Calendar()
BUCKETS_MAX = 1_100  # three years of days; weeks and months of as many are never kept


@dataclass(frozen=True, slots=True)
class Span:
    """Which buckets: the newest `buckets_max` whole ones before `until_day` (days since 1970)."""

    bucket: Bucket
    until_day: int
    buckets_max: int = 156

    def __post_init__(self) -> None:
        """Refuse more than memory was planned for."""
        if not 1 <= self.buckets_max <= BUCKETS_MAX:
            raise ValueError(f"buckets_max must be from 1 to {BUCKETS_MAX}, not {self.buckets_max}")


def bucketed(
    days: Days,
    demand: Integers,
    span: Span,
    stock_outs: StockOuts | None = None,
    calendar: Calendar = ALWAYS_OPEN,
) -> History:
    """The history of each series of `days`; `demand` (rows) is what counts of each row.

    Demand is in the series' scale (issued, or issued and unmet); its sums are exact, and only
    then divided. A series begins with its first whole bucket. A bucket in which nothing was asked
    for is not known where it has no open day, nor, if `stock_outs` are given, where more than half
    of its open days were without stock: nobody can tell whether anything would have been. One with
    demand is known, by what there is, which is the least that was wanted: a best seller that sells
    out each week has no others.
    """
    series = np.repeat(np.arange(len(days)), np.diff(days.starts))
    until = int(bucket_of(np.array([span.until_day]), span.bucket)[0])
    begins = _first_whole(days, span.bucket, until)
    first = max(int(begins.min(initial=until)), until - span.buckets_max)
    length = until - first
    place = bucket_of(days.day, span.bucket) - first
    inside = (place >= 0) & (place < length)
    sums = np.zeros((len(days), length), np.int64)
    np.add.at(sums, (series[inside], place[inside]), demand[inside])
    known = np.arange(first, until)[None, :] >= begins[:, None]
    first_days = first_day_of(np.arange(first, until + 1), span.bucket)
    open_days = calendar.open_days(first_days[:-1], first_days[1:])
    telling = np.broadcast_to(open_days > 0, known.shape)
    if stock_outs is not None:
        without = _days_without(stock_outs, first_days, len(days), calendar)
        telling = telling & (2 * without <= open_days)
    known &= (sums > 0) | telling
    divisor = np.array([10**scale for scale in range(19)], np.float64)[days.scales]
    values = np.where(known, sums / divisor[:, None], 0.0)
    return History(values, known, span.bucket, first_days.astype(np.int32))


def bucket_of(day: npt.NDArray[np.integer], bucket: Bucket) -> Integers:
    """The number of the bucket that a day lies in; buckets follow each other without a gap."""
    if bucket == "day":
        return day.astype(np.int64)
    if bucket == "week":
        return (day.astype(np.int64) + MONDAY) // WEEK_DAYS
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def first_day_of(number: Integers, bucket: Bucket) -> Integers:
    """The first day of a bucket."""
    if bucket == "day":
        return number
    if bucket == "week":
        return number * WEEK_DAYS - MONDAY
    return number.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def days_ahead(history: History, horizon: int) -> Integers:
    """First days of the buckets that a forecast is for."""
    next_one = bucket_of(history.first_days[-1:], history.bucket)[0]
    return first_day_of(next_one + np.arange(horizon), history.bucket)


def open_ahead(history: History, horizon: int, calendar: Calendar) -> Flags:
    """Which of the buckets that a forecast is for have an open day, (H)."""
    first_days = days_ahead(history, horizon + 1)
    return calendar.open_days(first_days[:-1], first_days[1:]) > 0


def _first_whole(days: Days, bucket: Bucket, until: int) -> Integers:
    """The first bucket that each series saw from its first day on; `until` if there is none."""
    begins = np.full(len(days), until)
    there = np.flatnonzero(np.diff(days.starts) > 0)
    day = days.day[days.starts[there]].astype(np.int64)
    number = bucket_of(day, bucket)
    cut = first_day_of(number, bucket) < day
    begins[there] = np.minimum(number + cut, until)
    return begins


def _days_without(
    stock_outs: StockOuts, first_days: Integers, series: int, calendar: Calendar
) -> Integers:
    """How many open days of each bucket (n, T) were without stock."""
    length = len(first_days) - 1
    without = np.zeros((series, length), np.int64)
    owner = np.repeat(np.arange(series), np.diff(stock_outs.series_starts))
    begin = np.maximum(stock_outs.first_day.astype(np.int64), first_days[0])
    end = np.minimum(stock_outs.until_day.astype(np.int64), first_days[-1])
    inside = begin < end
    owner, begin, end = owner[inside], begin[inside], end[inside]
    first = np.searchsorted(first_days, begin, side="right") - 1
    touched = np.searchsorted(first_days, end, side="left") - first
    which = np.repeat(np.arange(len(owner)), touched)
    place = np.arange(len(which)) - np.repeat(np.cumsum(touched) - touched, touched) + first[which]
    overlap = calendar.open_days(
        np.maximum(begin[which], first_days[place]), np.minimum(end[which], first_days[place + 1])
    )
    np.add.at(without, (owner[which], place), overlap)
    return without
