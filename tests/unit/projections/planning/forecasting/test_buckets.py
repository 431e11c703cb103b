"""From days to buckets, against the calendar of the standard library."""

import datetime
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning.calendar import Calendar
from projections.planning.days import Days
from projections.planning.forecasting.buckets import (
    Span,
    bucket_of,
    bucketed,
    days_ahead,
    first_day_of,
    open_ahead,
)
from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.history import Bucket
from projections.planning.forecasting.options import Options
from projections.planning.stock_outs import StockOuts, stock_outs

EPOCH = datetime.date(1970, 1, 1)
BUCKETS: list[Bucket] = ["day", "week", "month"]
_SOLD_OUT = ((50, 50), (30, -30), (20, -20))  # issued, and the change of what is available


def _days(*series: dict[int, int], scale: int = 0) -> Days:
    """A series a dict from day to quantity."""
    starts = np.cumsum([0, *(len(one) for one in series)])
    day = np.array([d for one in series for d in sorted(one)], np.int32)
    quantity = np.array([one[d] for one in series for d in sorted(one)], np.int64)
    names = [f"S{i}" for i in range(len(series))]
    scales = np.full(len(series), scale, np.int8)
    return Days(names, [""] * len(series), scales, starts, day, {"issued": quantity})


def _first_of(day: int, bucket: Bucket) -> datetime.date:
    date = EPOCH + datetime.timedelta(day)
    if bucket == "day":
        return date
    if bucket == "week":
        return date - datetime.timedelta(date.weekday())
    return date.replace(day=1)


@given(st.integers(-20_000, 40_000), st.sampled_from(BUCKETS))
def test_buckets_are_the_calendars(day: int, bucket: Bucket) -> None:
    number = bucket_of(np.array([day]), bucket)
    assert EPOCH + datetime.timedelta(int(first_day_of(number, bucket)[0])) == _first_of(
        day, bucket
    )
    assert bucket_of(first_day_of(number + 1, bucket) - 1, bucket) == number


def _plain(one: dict[int, int], bucket: Bucket, until: int) -> dict[datetime.date, int]:
    """Whole buckets of one series, by the standard library."""
    began, end = min(one), _first_of(until, bucket)
    sums: Counter[datetime.date] = Counter()
    for day in range(began, until):
        first = _first_of(day, bucket)
        if (first - EPOCH).days >= began and first < end:
            sums[first] += one.get(day, 0)
    return dict(sums)


@given(
    st.lists(
        st.dictionaries(st.integers(18_000, 18_120), st.integers(-5, 50), min_size=1),
        min_size=1,
        max_size=4,
    ),
    st.integers(18_121, 18_200),
    st.sampled_from(BUCKETS),
)
def test_sums_are_those_of_a_plain_loop(
    series: list[dict[int, int]], until: int, bucket: Bucket
) -> None:
    days = _days(*series, scale=1)
    history = bucketed(days, days.columns["issued"], Span(bucket, until, 400))
    for row, one in enumerate(series):
        found = {
            EPOCH + datetime.timedelta(int(first)): value
            for first, value, known in zip(
                history.first_days, history.values[row], history.known[row], strict=False
            )
            if known
        }
        assert found == {first: total / 10 for first, total in _plain(one, bucket, until).items()}


def test_a_week_that_begin_or_end_cut_is_left_out() -> None:
    monday = 18_267
    days = _days({monday + 1: 1, monday + 7: 2, monday + 14: 4, monday + 20: 8})
    history = bucketed(days, days.columns["issued"], Span("week", monday + 20))
    assert history.values.tolist() == [[2.0]]
    assert history.first_days.tolist() == [monday + 7, monday + 14]
    history = bucketed(days, days.columns["issued"], Span("week", monday + 21))
    assert history.values.tolist() == [[2.0, 12.0]]


def test_only_the_newest_buckets_are_kept() -> None:
    days = _days(dict.fromkeys(range(18_000, 18_100), 1))
    history = bucketed(days, days.columns["issued"], Span("day", 18_100, 10))
    assert history.values.tolist() == [[1.0] * 10]


def test_nothing_and_what_is_too_new_has_no_known_bucket() -> None:
    days = _days({}, {18_099: 5})
    history = bucketed(days, days.columns["issued"], Span("week", 18_100))
    assert history.values.shape == (2, 0)
    days = _days({}, {18_099: 5}, {18_000: 1})
    history = bucketed(days, days.columns["issued"], Span("week", 18_100))
    assert history.known.any(axis=1).tolist() == [False, False, True]


def test_forecasts_are_for_the_buckets_that_follow() -> None:
    day = (datetime.date(2024, 11, 1) - EPOCH).days
    days = _days({day: 5})
    until = (datetime.date(2024, 12, 15) - EPOCH).days
    history = bucketed(days, days.columns["issued"], Span("month", until))
    ahead = [EPOCH + datetime.timedelta(d) for d in days_ahead(history, 3).tolist()]
    assert ahead == [
        datetime.date(2024, 12, 1),
        datetime.date(2025, 1, 1),
        datetime.date(2025, 2, 1),
    ]


def test_a_bucket_mostly_without_stock_is_not_known() -> None:
    monday = 18_267
    days = _days({monday: 0, monday + 27: 1}, {monday: 1})
    span = Span("week", monday + 28)
    # 3 days of the first week, 2 of the second, 7 of the third, 2 of the fourth; then one more.
    for until, known in ((monday + 3, True), (monday + 4, False)):
        outs = StockOuts(
            np.array([0, 3, 3]),
            np.array([monday - 9, monday + 9, monday + 14], np.int32),
            np.array([until, monday + 11, monday + 23], np.int32),
        )
        history = bucketed(days, days.columns["issued"], span, outs)
        assert history.known.tolist() == [[known, True, False, True], [True] * 4]
        assert history.values[0, 2] == 0


def test_stock_outs_are_those_of_the_days() -> None:
    """10 received on a Monday, 4 sold after a week and the rest a week later; that week tells of
    them, the next one of nothing."""
    monday = 18_267
    days = Days(
        ["A"], [""], np.zeros(1, np.int8), np.array([0, 3]),
        np.array([monday, monday + 7, monday + 14], np.int32),
        {
            "issued": np.array([0, 4, 6]),
            "available_net": np.array([10, -4, -6]),
            "unmet": np.array([0, 0, 0]),
        },
    )  # fmt: skip
    outs = stock_outs(days, monday, monday + 28)
    history = bucketed(days, days.columns["issued"], Span("week", monday + 28), outs)
    assert history.known.tolist() == [[True, True, True, False]]


@pytest.mark.parametrize("bucket", ["day", "week"])
def test_what_sells_out_before_the_next_delivery_is_known_by_what_was_sold(bucket: Bucket) -> None:
    """100 come each Monday and are gone on Wednesday: most days are stock-outs, no week is zero."""
    monday, weeks = 18_267, 60
    trade = [(7 * week + day, *one) for week in range(weeks) for day, one in enumerate(_SOLD_OUT)]
    days = Days(
        ["A"], [""], np.zeros(1, np.int8), np.array([0, len(trade)]),
        np.array([monday + day for day, _, _ in trade], np.int32),
        {
            "issued": np.array([issued for _, issued, _ in trade]),
            "available_net": np.array([net for _, _, net in trade]),
            "unmet": np.zeros(len(trade), np.int64),
        },
    )  # fmt: skip
    until = monday + 7 * weeks
    history = bucketed(
        days, days.columns["issued"], Span(bucket, until, 1_100), stock_outs(days, monday, until)
    )
    of_a_week = [50.0, 30.0, 20.0] if bucket == "day" else [100.0]
    assert history.values[history.known].tolist() == of_a_week * weeks
    choice = choose(history, Options(models=("naive", "ses")))
    assert (choice.forecasts > 0).all()


def test_what_was_refused_makes_a_bucket_known_where_it_is_demand() -> None:
    """A week without stock in which 7 were asked for, counted and not."""
    monday = 18_267
    days = _days({monday: 0})
    out = StockOuts(
        np.array([0, 1]), np.array([monday], np.int32), np.array([monday + 7], np.int32)
    )
    for demand, known in ((7, True), (0, False)):
        history = bucketed(days, np.array([demand]), Span("week", monday + 7), out)
        assert history.known.tolist() == [[known]]
        assert history.values.tolist() == [[demand]]


@pytest.mark.parametrize("buckets_max", [0, 1_101])
def test_a_span_has_a_limit(buckets_max: int) -> None:
    with pytest.raises(ValueError, match="buckets_max must be from 1 to 1100"):
        Span("day", 18_000, buckets_max)


def test_exactly_half_of_a_month_without_stock_is_still_known() -> None:
    """A month can have an even number of days: 15 of 30 are not more than half."""
    april = (datetime.date(2024, 4, 1) - EPOCH).days
    days = _days({april: 0})
    for length, known in ((15, True), (16, False)):
        outs = StockOuts(
            np.array([0, 1]),
            np.array([april + 3], np.int32),
            np.array([april + 3 + length], np.int32),
        )
        history = bucketed(days, days.columns["issued"], Span("month", april + 30), outs)
        assert history.known.tolist() == [[known]]


def test_without_stock_is_a_share_of_the_open_days() -> None:
    """Of a week with three open days, two without stock are most; so are none of no open day."""
    monday = 18_267
    days = _days({monday: 0}, {monday: 0, monday + 10: 3})
    calendar = Calendar((3, 4, 5, 6), tuple(range(monday + 7, monday + 14)))
    for length, known in ((1, True), (2, False)):
        outs = StockOuts(
            np.array([0, 1, 1]),
            np.array([monday + 1], np.int32),
            np.array([monday + 1 + length], np.int32),
        )
        span = Span("week", monday + 14)
        history = bucketed(days, days.columns["issued"], span, outs, calendar)
        # The second week is closed; the other series sold something in it all the same.
        assert history.known.tolist() == [[known, False], [True, True]]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_buckets_ahead_are_open_if_any_day_is(bucket: Bucket) -> None:
    """Closed for the first 40 days of 2025, but for Sunday the 12th of January."""
    new_year = (datetime.date(2025, 1, 1) - EPOCH).days
    days = _days({new_year - 400: 1})
    history = bucketed(days, days.columns["issued"], Span(bucket, new_year))
    closed = tuple(day for day in range(new_year - 7, new_year + 40) if day != new_year + 11)
    found = open_ahead(history, 7, Calendar((), closed)).tolist()
    assert (
        found
        == {
            "day": [False] * 7,
            "week": [False, True, False, False, False, False, True],
            "month": [True] * 7,
        }[bucket]
    )
    assert open_ahead(history, 7, Calendar()).all()
