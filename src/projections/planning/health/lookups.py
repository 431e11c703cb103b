"""Running sums of series, looked up at the ends of days."""

from dataclasses import dataclass

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.health.exact import SAFE, Exact, product


@dataclass(frozen=True, slots=True)
class Lookups:
    """For each series and each point in time, where its rows up to that day end.

    `points` are days, rising; `past[i, j]` is the index behind the last row of series `i` that is
    not after `points[j]`.
    """

    days: Days
    points: Integers
    past: Integers

    def sums(self, name: str) -> Exact:
        """Sum of a column from the first row to the end of each point; shape (series, points)."""
        return self._looked_up(self.days.columns[name], 1)

    def sums_of(self, rows: Integers) -> Exact:
        """As `sums`, of one number a row."""
        return self._looked_up(rows, 1)

    def day_sums(self, name: str, origin: int) -> Exact:
        """Sum, over all days up to each point, of the balance at each day's end.

        A column's net `v` on day `d` counts on each day from `d` to the point `p`, so the sum is
        (p + 1) Σv - Σvd. Days are counted from `origin` to keep the numbers small.
        """
        rows = self.days.columns[name]
        day = self.days.day.astype(np.int64) - origin
        ends = self.points - origin + 1
        length = int(max(abs(ends).max(initial=0), abs(day).max(initial=0))) + 1
        if self._may_overflow(rows, 2 * length):
            rows = rows.astype(object)
        return self._at(rows) * ends[None, :] - self._at(rows * day)

    def _looked_up(self, rows: Integers, length: int) -> Exact:
        return self._at(rows.astype(object) if self._may_overflow(rows, length) else rows)

    def _may_overflow(self, rows: Integers, length: int) -> bool:
        if len(rows) == 0:
            return False
        sizes = np.add.reduceat(np.abs(rows.astype(np.float64)), self._begins())
        return bool(sizes.max() * length >= SAFE)

    def _begins(self) -> Integers:
        starts = self.days.starts
        return starts[:-1][np.diff(starts) > 0]

    def _at(self, rows: Exact) -> Exact:
        running = np.zeros(len(rows) + 1, rows.dtype)
        np.cumsum(rows, out=running[1:])
        found: Exact = running[self.past] - running[self.days.starts[:-1], None]
        return found


def look_up(days: Days, points: Integers) -> Lookups:
    """Find where each series' rows end at each point; `points` rise."""
    series, count = len(days), len(points)
    lengths = np.diff(days.starts)
    row_point = np.searchsorted(points, days.day, side="left")
    cell = np.repeat(np.arange(series, dtype=np.int64), lengths) * (count + 1) + row_point
    counted = np.bincount(cell, minlength=series * (count + 1)).reshape(series, count + 1)
    past = days.starts[:-1, None] + np.cumsum(counted[:, :count], axis=1)
    return Lookups(days, points, past)


def first_days(days: Days, never: int) -> Integers:
    """The day of each series' first row; `never` where it has none."""
    found = np.full(len(days), never, np.int64)
    some = np.diff(days.starts) > 0
    found[some] = days.day[days.starts[:-1][some]]
    return found


def at_scale(values: Exact, scales: Integers, scale: int) -> Exact:
    """Quantities of series of any scales, all at `scale`."""
    return product(values, (10 ** (scale - scales.astype(np.int64)))[:, None])
