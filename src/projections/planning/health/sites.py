"""The value of stock at a site: its share, by quantity, of the SKU's value.

A SKU has one average cost wherever it lies, so what receipts, issues and moves add to and take
from a site's value by themselves is no value of its stock; only for all sites together it is.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.health.exact import Exact, divided, narrowed


def valued_by_site(days: Days) -> Days:
    """The same series with `value_net` so that its running sum is the site's share of value.

    Takes all sites of each SKU, in the order of SKU and site. From its first row on, a site gets a
    row on each day on which any site of the SKU has one, since each of them may change the average.
    Where a SKU's on hand is not positive, its sites have no value. Shares are rounded, half to
    even, so that the sites of a SKU may miss its value by a millionth.
    """
    sku = _sku_numbers(days)
    series_of_row, day, source = _grid(days, sku)
    columns = {
        name: np.where(source >= 0, _taken(values, source), 0)
        for name, values in days.columns.items()
    }
    starts = np.searchsorted(series_of_row, np.arange(len(days) + 1)).astype(np.int64)
    held = _running(columns["on_hand_net"], starts)
    value = _running(columns["value_net"], starts)
    # A site has nothing before its first row, so rows of one SKU and day stand for all its sites.
    base, span = _span(day)
    key = sku[series_of_row] * span + day - base
    total_held, total_value = _summed(held, key), _summed(value, key)
    share = np.where(total_held > 0, divided(total_value, np.maximum(total_held, 1), held), 0)
    columns["value_net"] = narrowed(_steps(share, starts))
    return replace(days, starts=starts, day=day.astype(np.int32), columns=columns)


def _sku_numbers(days: Days) -> Integers:
    """The number of each series' SKU; series of one SKU stand together."""
    if len(days) == 0:
        return np.zeros(0, np.int64)
    new = [before != after for before, after in pairwise(days.skus)]
    return np.concatenate([[0], np.cumsum(new, dtype=np.int64)]).astype(np.int64)


def _span(day: Integers) -> tuple[int, int]:
    """The first day, and how many days there are from it to the last."""
    return (int(day.min()), int(day.max() - day.min()) + 1) if len(day) else (0, 1)


def _grid(days: Days, sku: Integers) -> tuple[Integers, Integers, Integers]:
    """Series and day of each new row, and the row it is made of, -1 if of none."""
    series = np.repeat(np.arange(len(days), dtype=np.int64), np.diff(days.starts))
    day = days.day.astype(np.int64)
    base, span = _span(day)
    rows = series * span + day - base
    asked = np.unique(sku[series] * span + day - base)
    # From a site's first row on, all days of its SKU.
    own = np.append(rows % span, 0)[days.starts[:-1]]
    empty = np.diff(days.starts) == 0
    first = np.searchsorted(asked, sku * span + own)
    last = np.where(empty, first, np.searchsorted(asked, (sku + 1) * span))
    count = last - first
    new_series = np.repeat(np.arange(len(days), dtype=np.int64), count)
    within = np.arange(len(new_series)) - np.repeat(np.cumsum(count) - count, count)
    new_day = asked[np.repeat(first, count) + within] % span
    wanted = new_series * span + new_day
    place = np.searchsorted(rows, wanted)
    there = np.append(rows, -1)[place] == wanted
    return new_series, new_day + base, np.where(there, place, -1)


def _taken(values: Integers, source: Integers) -> Integers:
    return np.append(values, 0)[source]


def _running(values: Integers, starts: Integers) -> Exact:
    """Running sums inside each series."""
    running = np.concatenate([[0], np.cumsum(values)])
    before = np.repeat(running[starts[:-1]], np.diff(starts))
    found: Exact = running[1:] - before
    return found


def _steps(values: Exact, starts: Integers) -> Exact:
    """The changes whose running sums inside each series are the values."""
    steps = values.copy()
    steps[1:] -= values[:-1]
    begins = starts[:-1][np.diff(starts) > 0]
    steps[begins] = values[begins]
    return steps


def _summed(values: Exact, key: Integers) -> Exact:
    """For each row the sum over all rows of its key."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(key) else order
    sums = np.add.reduceat(values[order], begins) if len(key) else values
    found = np.empty_like(values)
    found[order] = np.repeat(sums, np.diff(np.append(begins, len(key))))
    return found
