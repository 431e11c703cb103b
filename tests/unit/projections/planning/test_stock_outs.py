"""Stock-outs and demand, beside the same counted day by day."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from projections.planning.calendar import Calendar
from projections.planning.days import Days
from projections.planning.stock_outs import demand_days, stock_outs

# Day, issued, unmet, change of what is available.
Row = tuple[int, int, int, int]
rows_of_series = st.lists(
    st.tuples(st.integers(0, 30), st.integers(-1, 4), st.integers(0, 1), st.integers(-4, 6)),
    max_size=12,
    unique_by=lambda row: row[0],
).map(sorted)


def days_of(several: list[list[Row]]) -> Days:
    """Series of these rows."""
    rows = [row for series in several for row in series]
    table = np.array(rows, np.int64).reshape(len(rows), 4)
    return Days(
        [f"S{index:03d}" for index in range(len(several))],
        ["MAIN"] * len(several),
        np.zeros(len(several), np.int8),
        np.cumsum([0, *map(len, several)]).astype(np.int64),
        table[:, 0].astype(np.int32),
        {"issued": table[:, 1], "unmet": table[:, 2], "available_net": table[:, 3]},
    )


def counted(rows: list[Row], calendar: Calendar, first: int, until: int) -> tuple[Any, ...]:
    """Selling days, stock-out days, demand and the stock-outs of one series, day by day."""
    by_day = {row[0]: row for row in rows}
    selling = out = demand = balance = 0
    without = []
    on_shelf = lost = False
    for day in range(min(by_day, default=until), until):
        _, issued, unmet, change = by_day.get(day, (day, 0, 0, 0))
        if balance + change > 0:
            on_shelf, lost = on_shelf or issued > 0, False
        elif balance > 0 or issued > 0:
            on_shelf, lost = False, on_shelf
        balance += change
        if day < first:
            continue
        if lost or unmet:
            without.append(day)
        if calendar.is_open([day])[0] or issued > 0:
            selling += 1
            out += day in without
            demand += 0 if day in without else issued
    return selling, out, demand, without


@given(
    several=st.lists(rows_of_series, max_size=4),
    first=st.integers(-3, 33),
    length=st.integers(0, 40),
    closed=st.sampled_from([(), (6,), (0, 1, 2, 3, 4)]),
)
def test_day_by_day(
    several: list[list[Row]], first: int, length: int, closed: tuple[int, ...]
) -> None:
    """Every window, with and without closed days."""
    calendar, days, until = Calendar(closed, (5, 6)), days_of(several), first + length
    expected = [counted(rows, calendar, first, until) for rows in several]
    found = demand_days(days, calendar, first, until)
    outs = stock_outs(days, first, until)
    for index, (selling, out, demand, without) in enumerate(expected):
        assert found.selling_days[index] == selling
        assert found.stock_out_days[index] == out
        assert found.demand[index] == demand
        stretches = slice(*outs.series_starts[index : index + 2])
        pairs = zip(outs.first_day[stretches], outs.until_day[stretches], strict=True)
        assert [day for pair in pairs for day in range(*pair)] == without
    assert found.counted.sum() <= len(days.day)
    own = demand_days(days, calendar, first, until, days.columns["issued"] * 2)
    assert own.demand.tolist() == [2 * one for one in found.demand.tolist()]


def lost_days(rows: list[Row], until: int) -> list[int]:
    """The days that are stock-outs of one series."""
    found = stock_outs(days_of([rows]), 0, until)
    pairs = zip(found.first_day.tolist(), found.until_day.tolist(), strict=True)
    return [day for pair in pairs for day in range(*pair)]


def test_a_stock_out_is_not_a_day_without_demand() -> None:
    """Twelve came, ten went in two days; nothing came for a week; five a day were wanted then."""
    days = days_of([[(0, 6, 0, 4), (1, 4, 0, -4), (3, 0, 5, 0), (8, 2, 0, 8), (9, 8, 1, -8)]])
    found = demand_days(days, Calendar(), 0, 12)
    outs = stock_outs(days, 0, 12)
    pairs = list(zip(outs.first_day.tolist(), outs.until_day.tolist(), strict=True))
    assert pairs == [(1, 3), (3, 8), (9, 12)]
    assert (found.selling_days[0], found.stock_out_days[0], found.demand[0]) == (12, 10, 8)
    assert found.counted.tolist() == [True, False, False, True, False]


def test_what_sells_out_before_each_delivery_is_out_until_the_next() -> None:
    """Fifty come on Mondays, and are gone on Tuesdays."""
    weeks = range(0, 28, 7)
    rows = [row for day in weeks for row in ((day, 30, 0, 20), (day + 1, 20, 0, -20))]
    assert lost_days(rows, 28) == [day for day in range(28) if day % 7 > 0]


def test_a_month_without_stock_is_a_month_out() -> None:
    """It sold one a day, and nobody bothered to ask for what was not there."""
    rows = [(0, 0, 0, 20), *((day, 1, 0, -1) for day in range(1, 21)), (50, 0, 0, 20)]
    assert lost_days(rows, 60) == list(range(20, 50))


def test_goods_bought_to_order_are_never_out() -> None:
    """Ten a month that came for their buyer: ten in thirty days, and not ten a day."""
    days = range(0, 330, 30)
    same_day = [(day, 10, 0, 0) for day in days]
    next_day = [row for day in days for row in ((day, 0, 0, 10), (day + 1, 10, 0, -10))]
    for rows in (same_day, next_day):
        assert lost_days(rows, 330) == []
        found = demand_days(days_of([rows]), Calendar(), 0, 330)
        assert (found.selling_days[0], found.demand[0]) == (330, 110)


def test_one_order_that_left_in_two_parts_is_one_stock_out() -> None:
    """Six on one day and four on the next: some lay there to be bought, that once."""
    rows = [(0, 10, 0, 0), (30, 6, 0, 4), (31, 4, 0, -4), (60, 10, 0, 0)]
    assert lost_days(rows, 90) == list(range(31, 60))


def test_a_refusal_is_a_stock_out_of_its_day() -> None:
    """Also of what is bought to order: somebody did want it at once."""
    assert lost_days([(0, 10, 0, 0), (10, 0, 3, 0), (30, 10, 0, 0)], 40) == [10]
