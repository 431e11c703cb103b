"""The axis of time: which day falls into which bucket, and which buckets are whole and open."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from projections.planning.errors import PlanningError
from projections.planning.numbers import Flags, Integers

Bucket = Literal["day", "week", "month"]
BUCKETS: tuple[str, ...] = get_args(Bucket)
WEEK_DAYS = 7
OUTSIDE = -1  # the bucket of a day that belongs to no whole bucket


@dataclass(frozen=True, slots=True)
class Axis:
    """Buckets from the earliest first day of all series to the last day, in order.

    `days_each` is the length of every bucket, None for months.
    `bucket_of_day[d - origin]` is the bucket of day `d`, or `OUTSIDE`. `open_before[b]` counts the
    open buckets before bucket `b`: the **ordinal** of an open bucket. `first_open` and `last_open`
    are the first and last open day of each open bucket, by ordinal. `first_bucket` is the first
    bucket of each series; the number of buckets if it has none. `open_days_before[d - origin]`
    counts the open days before day `d`.
    """

    days_each: int | None
    origin: int
    bucket_of_day: npt.NDArray[np.int32]
    open_before: Integers
    first_open: Integers
    last_open: Integers
    first_bucket: Integers
    open_days_before: Integers

    def open_until(self, day: npt.NDArray[np.int32]) -> Integers:
        """How many open days of the axis lie before each day."""
        offset = np.clip(day - self.origin, 0, len(self.bucket_of_day))
        return np.asarray(self.open_days_before[offset])

    @property
    def all_open(self) -> bool:
        """Whether something can be sold in every bucket."""
        return len(self.first_open) + 1 == len(self.open_before)

    def is_open(self, bucket: npt.NDArray[np.int32]) -> Flags:
        """Whether something can be sold on any day of each bucket."""
        return np.asarray(self.open_before[bucket + 1] > self.open_before[bucket])

    def first_ordinal(self, chosen: slice) -> Integers:
        """The ordinal of the first open bucket of each chosen series."""
        return np.asarray(self.open_before[self.first_bucket[chosen]])


def make_axis(
    first_day: Integers, last_day: int, bucket: Bucket, open_days: Flags | None, open_from: int
) -> Axis:
    """The axis of series that begin on `first_day` and all end on `last_day`, inclusive."""
    if bucket not in BUCKETS:
        raise PlanningError("bucket", f"{bucket!r} is none of {', '.join(BUCKETS)}")
    origin = int(min(first_day.min(initial=last_day), last_day))
    days = np.arange(origin, last_day + 1)
    buckets = _buckets(days, bucket)
    inside = buckets >= 0
    count = int(buckets.max(initial=-1)) + 1
    begins = days[inside][np.searchsorted(buckets[inside], np.arange(count))]
    day_open = _open(days, open_days, open_from)
    usable = inside & day_open
    opened, first = np.unique(buckets[usable], return_index=True)
    last = np.searchsorted(buckets[usable], opened, side="right") - 1
    return Axis(
        days_each={"day": 1, "week": WEEK_DAYS}.get(bucket),
        origin=origin,
        bucket_of_day=buckets.astype(np.int32),
        open_before=np.searchsorted(opened, np.arange(count + 1)),
        first_open=days[usable][first],
        last_open=days[usable][last],
        first_bucket=np.searchsorted(begins, first_day),
        open_days_before=np.concatenate(([0], np.cumsum(day_open))),
    )


def _buckets(days: Integers, bucket: Bucket) -> Integers:
    """The bucket of each day, counted from 0; `OUTSIDE` where the bucket is cut."""
    if bucket == "day":
        return np.asarray(days - days[0])
    if bucket == "week":
        back = (days[-1] - days) // WEEK_DAYS
        weeks = len(days) // WEEK_DAYS
        return np.where(back < weeks, weeks - 1 - back, OUTSIDE)
    months = _month(days)
    # A month is whole if the days before and after it belong to other months.
    first = months[0] + (_month(days[:1] - 1)[0] == months[0])
    last = months[-1] - (_month(days[-1:] + 1)[0] == months[-1])
    whole = (months >= first) & (months <= last)
    return np.where(whole, months - first, OUTSIDE)


def _month(days: Integers) -> Integers:
    """Months since 1970-01."""
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    return np.asarray(months.astype(np.int64))


def _open(days: Integers, open_days: Flags | None, open_from: int) -> Flags:
    """Whether something can be sold on each day; days that the calendar does not name are open."""
    result = np.ones(len(days), dtype=np.bool_)
    if open_days is not None:
        index = days - open_from
        named = (index >= 0) & (index < len(open_days))
        result[named] = open_days[index[named]]
    return result
