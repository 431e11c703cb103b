"""On which days something can be sold: weekdays and single days on which nothing can."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from projections.planning.days import Integers

DAYS_A_WEEK: Final = 7
# 1970-01-01 was a Thursday, and Monday is 0.
_EPOCH_WEEKDAY: Final = 3
CLOSED_DAYS_MAX: Final = 100_000

Flags = npt.NDArray[np.bool_]


class InvalidCalendar(ValueError):
    """A calendar closes weekdays 0 (Monday) to 6, not all of them, and single days."""


@dataclass(frozen=True)
class Calendar:
    """`closed_weekdays` counts from Monday, 0. `closed_days` counts days since 1970-01-01.

    Counting takes the same time however far two days are apart. Raises InvalidCalendar.
    """

    closed_weekdays: tuple[int, ...] = ()
    closed_days: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Order does not matter, nor repetition."""
        weekdays, days = sorted(set(self.closed_weekdays)), sorted(set(self.closed_days))
        if not set(weekdays) < set(range(DAYS_A_WEEK)) or len(days) > CLOSED_DAYS_MAX:
            raise InvalidCalendar
        object.__setattr__(self, "closed_weekdays", tuple(weekdays))
        object.__setattr__(self, "closed_days", tuple(days))

    def is_open(self, day: npt.ArrayLike) -> Flags:
        """Whether something can be sold on each of these days."""
        days = np.asarray(day, np.int64)
        open_weekday = self._open_weekdays[(days + _EPOCH_WEEKDAY) % DAYS_A_WEEK]
        return open_weekday & ~np.isin(days, self._closed)

    def open_days(self, first_day: npt.ArrayLike, until_day: npt.ArrayLike) -> Integers:
        """How many of the days with first_day <= day < until_day are open; 0 if there are none."""
        first, until = np.asarray(first_day, np.int64), np.asarray(until_day, np.int64)
        return np.where(until > first, self._before(until) - self._before(first), 0)

    def _before(self, day: Integers) -> Integers:
        """Open days from a fixed Monday on to the day before; negative where the day is earlier."""
        weeks, weekday = np.divmod(day + _EPOCH_WEEKDAY, DAYS_A_WEEK)
        whole = weeks * int(self._open_weekdays.sum()) + self._open_in_week[weekday]
        return whole - np.searchsorted(self._closed, day)

    @cached_property
    def _open_weekdays(self) -> Flags:
        return ~np.isin(np.arange(DAYS_A_WEEK), np.array(self.closed_weekdays, np.int64))

    @cached_property
    def _open_in_week(self) -> Integers:
        """How many open days a week has before each of its days."""
        return np.cumsum(self._open_weekdays) - self._open_weekdays

    @cached_property
    def _closed(self) -> Integers:
        """The closed days that would be open by their weekday, in order."""
        days = np.array(self.closed_days, np.int64)
        return days[self._open_weekdays[(days + _EPOCH_WEEKDAY) % DAYS_A_WEEK]]
