"""What stock health is asked for: a window of days, its buckets, and the limits to judge by."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from projections.planning.days import Integers
from projections.planning.errors import PlanningError

Bucket = Literal["day", "week", "month", "whole"]

BUCKETS_MAX = 4_000
WINDOW_DAYS_MAX = 40_000
AGEING_LIMITS_MAX = 20
RATE_MAX = 10_000_000
EPOCH = date(1970, 1, 1)
# The next month begins, and can be written, for every day of a window.
DAY_MIN = (date.min - EPOCH).days
DAY_MAX = (date(9999, 1, 1) - EPOCH).days - 1


@dataclass(frozen=True, slots=True)
class HealthParameters:
    """The window, its buckets and the limits; days count from 1970-01-01 and are inclusive.

    `demand_days` is how many days before a bucket's end demand is taken from, for cover, excess
    and slow movers. `carrying_rate` is what holding stock for a year costs, in millionths of its
    value. `ageing_days` are the upper limits of the ageing buckets, each inclusive; what is older
    than the last makes one more bucket.
    """

    first_day: int
    last_day: int
    bucket: Bucket = "month"
    demand_days: int = 90
    excess_cover_days: int = 180
    slow_cover_days: int = 365
    carrying_rate: int = 250_000
    ageing_days: tuple[int, ...] = (30, 60, 90, 180, 365)

    def __post_init__(self) -> None:
        """Raise PlanningError for the first field that is out of bounds."""
        self._check_window()
        if self.bucket not in get_args(Bucket):
            raise PlanningError("bucket", "a bucket is day, week, month or whole")
        for field in ("demand_days", "excess_cover_days", "slow_cover_days"):
            if not 1 <= getattr(self, field) <= WINDOW_DAYS_MAX:
                raise PlanningError(field, f"{field} is 1 to {WINDOW_DAYS_MAX:,}")
        if not 0 <= self.carrying_rate <= RATE_MAX:
            raise PlanningError("carrying_rate", "a carrying rate is 0 to 10")
        self._check_ageing()

    def _check_window(self) -> None:
        for field in ("last_day", "first_day"):
            if not DAY_MIN <= getattr(self, field) <= DAY_MAX:
                raise PlanningError(field, "days lie in the years 1 to 9998")
        if self.last_day < self.first_day:
            raise PlanningError("last_day", "the window ends before it begins")
        if self.last_day - self.first_day >= WINDOW_DAYS_MAX:
            raise PlanningError("first_day", f"a window has at most {WINDOW_DAYS_MAX:,} days")

    def _check_ageing(self) -> None:
        limits = self.ageing_days
        if not 1 <= len(limits) <= AGEING_LIMITS_MAX:
            detail = f"1 to {AGEING_LIMITS_MAX} limits of age are given"
            raise PlanningError("ageing_days", detail)
        rising = all(before < after for before, after in pairwise(limits))
        if not rising or limits[0] < 0 or limits[-1] > WINDOW_DAYS_MAX:
            detail = f"limits of age rise, from 0 to {WINDOW_DAYS_MAX:,}"
            raise PlanningError("ageing_days", detail)


@dataclass(frozen=True, slots=True)
class Buckets:
    """First and last day of each bucket, inclusive; the outer ones are cut at the window."""

    first: Integers
    last: Integers

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self.first)

    @property
    def days(self) -> Integers:
        """How many days each bucket has."""
        return self.last - self.first + 1


def buckets(parameters: HealthParameters) -> Buckets:
    """Cut the window: days, weeks from Monday to Sunday, calendar months, or all of it as one.

    Raises PlanningError where there would be more than BUCKETS_MAX.
    """
    first = EPOCH + timedelta(parameters.first_day)
    last = EPOCH + timedelta(parameters.last_day)
    starts = [first]
    while (following := _next(starts[-1], last, parameters.bucket)) <= last:
        if len(starts) == BUCKETS_MAX:
            raise PlanningError("bucket", f"the window has more than {BUCKETS_MAX:,} buckets")
        starts.append(following)
    begins = np.array([(one - EPOCH).days for one in starts], np.int64)
    return Buckets(begins, np.append(begins[1:] - 1, parameters.last_day))


def _next(start: date, last: date, bucket: Bucket) -> date:
    if bucket == "day":
        return start + timedelta(1)
    if bucket == "week":
        return start + timedelta(7 - start.weekday())
    if bucket == "month":
        return (start.replace(day=1) + timedelta(32)).replace(day=1)
    return last + timedelta(1)


def whole(parameters: HealthParameters) -> HealthParameters:
    """The same with all of the window as one bucket."""
    return replace(parameters, bucket="whole")
