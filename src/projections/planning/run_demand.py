"""Demand of a run: which days of which series count, ready for the statistics."""

from dataclasses import dataclass

import numpy as np

from projections.planning.bucket_rows import DailyDemand
from projections.planning.days import Days, Integers
from projections.planning.parameters import Demand
from projections.planning.velocity import NEVER


@dataclass(frozen=True, slots=True)
class WindowDemand:
    """What each series demanded in a window of days, both ends included.

    `demand` is scaled by the series' scale, `issued_value` in millionths. `lines` counts issues,
    and refusals where these are demand.
    """

    first_day: int
    last_day: int
    demand: Integers
    issued_value: Integers
    lines: Integers


@dataclass(frozen=True, slots=True)
class KnownDemand:
    """The demand by day that statistics are taken of, and when there was any last."""

    daily: DailyDemand
    last_demand_day: Integers


def quantities(days: Days, demand: Demand) -> Integers:
    """What was asked for on each row's day, scaled by the series' scale."""
    issued = days.columns["issued"]
    return issued + days.columns["unmet"] if demand.count_unmet else issued


def window_demand(days: Days, demand: Demand, last_day: int) -> WindowDemand:
    """The sums over the window that ends with `last_day`."""
    first_day = last_day - demand.window_days + 1
    window = days.window(first_day, last_day + 1)
    total, lines = window.sums("issued"), window.sums("issue_lines")
    if demand.count_unmet:
        total, lines = total + window.sums("unmet"), lines + window.sums("unmet_lines")
    return WindowDemand(first_day, last_day, total, window.sums("issued_value"), lines)


def known_demand(days: Days, demand: Demand, last_day: int) -> KnownDemand:
    """Demand by day in the window. A series begins with its first movement, not before."""
    first_day = last_day - demand.window_days + 1
    quantity = quantities(days, demand)
    daily = DailyDemand(
        starts=days.starts,
        day=days.day,
        quantity=quantity,
        first_day=np.maximum(_first_rows(days, last_day), first_day),
        last_day=last_day,
    )
    return KnownDemand(daily, _last_demand(days, quantity))


def _first_rows(days: Days, last_day: int) -> Integers:
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
