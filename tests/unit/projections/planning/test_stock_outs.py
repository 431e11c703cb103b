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
    for day in range(min(by_day, default=until), until):
        _, issued, unmet, change = by_day.get(day, (day, 0, 0, 0))
        balance += change
        if day < first:
            continue
        if balance <= 0 or unmet:
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


def test_a_stock_out_is_not_a_day_without_demand() -> None:
    """Ten came and went on the first day; nothing came for a week; five a day were wanted then."""
    days = days_of([[(0, 10, 0, 0), (3, 0, 5, 0), (8, 2, 0, 8), (9, 8, 1, -8)]])
    found = demand_days(days, Calendar(), 0, 12)
    outs = stock_outs(days, 0, 12)
    pairs = list(zip(outs.first_day.tolist(), outs.until_day.tolist(), strict=True))
    assert pairs == [(0, 3), (3, 8), (9, 12)]
    assert (found.selling_days[0], found.stock_out_days[0], found.demand[0]) == (12, 11, 2)
    assert found.counted.tolist() == [False, False, True, False]
