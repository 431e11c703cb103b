"""Demand of a run: which days of which series count, ready for the statistics."""

from dataclasses import dataclass

import numpy as np

from projections.planning.bucket_rows import DailyDemand
from projections.planning.calendar import Calendar
from projections.planning.days import Days, Integers
from projections.planning.parameters import WEEKDAYS, Demand, day_number
from projections.planning.stock_outs import demand_days, stock_outs
from projections.planning.velocity import NEVER


@dataclass(frozen=True, slots=True)
class WindowDemand:
    """What each series demanded in a window of days, both ends included.

    `demand` and `issued` are scaled by the series' scale, `issued_value` is in millionths. `lines`
    counts issues. Refusals are in `demand` and `lines` where they are demand.
    """

    first_day: int
    last_day: int
    demand: Integers
    issued: Integers
    issued_value: Integers
    lines: Integers


@dataclass(frozen=True, slots=True)
class KnownDemand:
    """The demand by day that statistics are taken of, and on how many days there could be any."""

    daily: DailyDemand
    last_demand_day: Integers
    selling_days: Integers
    stock_out_days: Integers


def calendar_of(demand: Demand) -> Calendar:
    """The days without sales."""
    return Calendar(
        closed_weekdays=tuple(sorted(WEEKDAYS.index(one) for one in demand.closed_weekdays)),
        closed_days=tuple(sorted(day_number(one) for one in demand.closed_dates)),
    )


def quantities(days: Days, demand: Demand) -> Integers:
    """What was asked for on each row's day, scaled by the series' scale."""
    issued = days.columns["issued"]
    return issued + days.columns["unmet"] if demand.count_unmet else issued


def window_demand(days: Days, demand: Demand, last_day: int) -> WindowDemand:
    """The sums over the window that ends with `last_day`."""
    first_day = last_day - demand.window_days + 1
    window = days.window(first_day, last_day + 1)
    issued, lines = window.sums("issued"), window.sums("issue_lines")
    total = issued
    if demand.count_unmet:
        total, lines = total + window.sums("unmet"), lines + window.sums("unmet_lines")
    value = window.sums("issued_value")
    return WindowDemand(first_day, last_day, total, issued, value, lines)


def known_demand(days: Days, demand: Demand, last_day: int) -> KnownDemand:
    """Demand by day in the window. A series begins with its first row, not before."""
    first_day = last_day - demand.window_days + 1
    calendar = calendar_of(demand)
    quantity = quantities(days, demand)
    counted = demand_days(days, calendar, first_day, last_day + 1, quantity)
    out = stock_outs(days, first_day, last_day + 1)
    daily = DailyDemand(
        starts=days.starts,
        day=days.day,
        quantity=quantity,
        first_day=np.maximum(first_rows(days, last_day), first_day),
        last_day=last_day,
        open_days=calendar.is_open(np.arange(first_day, last_day + 1)),
        open_from=first_day,
        out_starts=out.series_starts,
        out_first=out.first_day,
        out_until=out.until_day,
    )
    return KnownDemand(
        daily, _last_demand(days, quantity), counted.selling_days, counted.stock_out_days
    )


def first_rows(days: Days, last_day: int) -> Integers:
    """The day of each series' first row; the day after the window where there is none."""
    some = days.starts[1:] > days.starts[:-1]
    first = np.full(len(days), last_day + 1, dtype=np.int64)
    first[some] = days.day[days.starts[:-1][some]]
    return np.minimum(first, last_day + 1)


def _last_demand(days: Days, quantity: Integers) -> Integers:
    """The last day on which a series was asked for; `NEVER` where it never was."""
    asked = np.where(quantity > 0, days.day.astype(np.int64), NEVER)
    last = np.full(len(days), NEVER, dtype=np.int64)
    some = days.starts[1:] > days.starts[:-1]
    if len(asked):
        last[some] = np.maximum.reduceat(asked, days.starts[:-1][some])
    return last
