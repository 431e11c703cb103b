"""Open days are counted as one would count them on a calendar."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning.calendar import Calendar, InvalidCalendar

EPOCH = date(1970, 1, 1)
some_days = st.integers(-800, 800)
calendars = st.builds(
    Calendar,
    st.lists(st.integers(0, 6), max_size=6).map(tuple),
    st.lists(some_days, max_size=20).map(tuple),
)


def is_open(calendar: Calendar, day: int) -> bool:
    """By the calendar of the standard library."""
    weekday = (EPOCH + timedelta(days=day)).weekday()
    return weekday not in calendar.closed_weekdays and day not in calendar.closed_days


@given(calendar=calendars, days=st.lists(st.tuples(some_days, some_days), max_size=20))
def test_open_days_are_counted(calendar: Calendar, days: list[tuple[int, int]]) -> None:
    """Between any two days, also before 1970 and backwards."""
    first, until = ([pair[side] for pair in days] for side in (0, 1))
    expected = [sum(is_open(calendar, day) for day in range(*pair)) for pair in days]
    assert calendar.open_days(first, until).tolist() == expected
    assert calendar.is_open(np.array(first, np.int64)).tolist() == [
        is_open(calendar, day) for day in first
    ]


def test_sundays_of_a_year() -> None:
    """2026 has 52 of them, and New Year's Day is closed besides."""
    first = (date(2026, 1, 1) - EPOCH).days
    calendar = Calendar(closed_weekdays=(6,), closed_days=(first,))
    assert calendar.open_days(first, first + 365) == 365 - 52 - 1


@pytest.mark.parametrize("weekdays", [(7,), (-1,), tuple(range(7))])
def test_what_is_no_calendar(weekdays: tuple[int, ...]) -> None:
    """A week has seven days, and one of them is open."""
    with pytest.raises(InvalidCalendar):
        Calendar(closed_weekdays=weekdays)


def test_two_calendars_that_mean_the_same_are_equal() -> None:
    """Whatever the order."""
    assert Calendar((6, 5, 6), (9, 3)) == Calendar((5, 6), (3, 9, 9))
