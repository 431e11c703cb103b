"""Stock-outs: days on which nothing could be sold, so that they do not look like no demand.

A day is a **stock-out** of a series if somebody asked and was refused (`unmet`), or if what is
available at its end is zero or less and was on the shelf before: since goods last ran out, a day
with sales ended with some left. The days without a row that follow are stock-outs too. A day that
began with nothing and received nothing ends with nothing, and needs no rule of its own. Before its
first row a series was not there yet, which is neither a stock-out nor a day of demand.

Goods whose every sale takes all that is there come for that sale, as what is bought to order or
only passes through does. Nobody could have bought more of them before, so nobody is turned away
after; to take the other days out would make the demand of one day that of each.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from projections.planning.calendar import Calendar, Flags
from projections.planning.days import Days, Integers, ranges_summed


@dataclass(frozen=True, slots=True)
class StockOuts:
    """Stretches of days, first_day <= day < until_day, in order and apart from each other.

    Those of series `i` are `series_starts[i]:series_starts[i + 1]`. Two may touch.
    """

    series_starts: Integers
    first_day: npt.NDArray[np.int32]
    until_day: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class DemandDays:
    """What a window says about demand, by series.

    `selling_days` are the open days since the series began, `stock_out_days` those of them with a
    stock-out, and `demand` is the sum over the others. `counted` says of each row of the days
    whether it is one of these others. A closed day with demand was open after all.
    """

    selling_days: Integers
    stock_out_days: Integers
    demand: Integers
    counted: Flags


def stock_outs(days: Days, first_day: int, until_day: int) -> StockOuts:
    """The stock-outs between two days. `days` has all rows from the beginning of the series, and
    the columns `available_net`, `issued` and `unmet`."""
    empty = _ran_out(days)
    # What a row ends with holds until the day of the next one.
    until = np.append(days.day[1:], np.int32(until_day))[: len(days.day)]
    until[days.starts[1:][np.diff(days.starts) > 0] - 1] = until_day
    asked = (days.columns["unmet"] > 0).astype(np.int32)
    until = np.minimum(np.where(empty, until, days.day + asked), np.int32(until_day))
    first = np.maximum(days.day, np.int32(first_day))
    found = first < until
    counts = ranges_summed(found.astype(np.int64), days.starts[:-1], days.starts[1:])
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    return StockOuts(starts, first[found], until[found])


def rows_without_stock(days: Days) -> Flags:
    """Whether the day of each row ends with nothing or saw a refusal: more than the stock-outs."""
    asked: Flags = days.columns["unmet"] > 0
    return asked | (days.balances("available_net") <= 0)


def _ran_out(days: Days) -> Flags:
    """Whether the day of each row ends with nothing of what was on the shelf before."""
    empty: Flags = days.balances("available_net") <= 0
    sold = days.columns["issued"] > 0
    first = np.zeros(len(empty), np.bool_)
    first[days.starts[:-1][np.diff(days.starts) > 0]] = True
    # Goods run out where there were some before, and where what came left on the same day.
    had_some = np.zeros(len(empty), np.bool_)
    had_some[1:] = ~empty[:-1]
    begins = np.flatnonzero(first | (empty & (had_some | sold)))
    if not len(begins):
        return empty
    # From one time to the next: days without stock, and then those with what came after them.
    on_shelf = np.logical_or.reduceat(sold & ~empty, begins)
    ran_out = np.zeros(len(begins), np.bool_)
    ran_out[1:] = on_shelf[:-1] & ~first[begins[1:]]
    return empty & np.repeat(ran_out, np.diff(np.append(begins, len(empty))))


def demand_days(
    days: Days,
    calendar: Calendar,
    first_day: int,
    until_day: int,
    demand: Integers | None = None,
) -> DemandDays:
    """Count days and demand between two days; `demand` is that of each row, or else `issued`.

    `days` has all rows from the beginning of the series, with the columns `available_net`, `issued`
    and `unmet`.
    """
    amounts = days.columns["issued"] if demand is None else demand
    inside = (days.day >= first_day) & (days.day < until_day)
    is_open = calendar.is_open(days.day)
    # Open after all.
    unexpected = inside & ~is_open & (amounts > 0)
    without_stock = (days.columns["unmet"] > 0) | _ran_out(days)
    counted = inside & (is_open | unexpected) & ~without_stock
    starts, ends = days.starts[:-1], days.starts[1:]
    selling = calendar.open_days(np.maximum(_first_days(days, until_day), first_day), until_day)
    selling += ranges_summed(unexpected.astype(np.int64), starts, ends)
    found = stock_outs(days, first_day, until_day)
    without = calendar.open_days(found.first_day, found.until_day)
    out = ranges_summed(without, found.series_starts[:-1], found.series_starts[1:])
    out += ranges_summed((unexpected & without_stock).astype(np.int64), starts, ends)
    return DemandDays(
        selling, out, ranges_summed(np.where(counted, amounts, 0), starts, ends), counted
    )


def _first_days(days: Days, without_rows: int) -> Integers:
    """The day of the first row of each series."""
    first = np.full(len(days), without_rows, np.int64)
    some = np.diff(days.starts) > 0
    first[some] = days.day[days.starts[:-1][some]]
    return first
