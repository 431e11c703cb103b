"""What was asked for in each bucket: many series on one axis of time."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

Bucket = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class History:
    """Series of one bucket length which end together, a row each: n series, T buckets.

    `values` (n, T) are units a bucket, 0 where not known. `known` (n, T) is false before a series
    begins, and for a bucket that says nothing of demand: nothing was asked for, and stock was out
    or the shop closed. `first_days` (T + 1) are the first days of the buckets, and of the one that
    follows, counted from 1970-01-01.
    """

    values: Floats
    known: Flags
    bucket: Bucket
    first_days: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        """Refuse what no forecast could be made of: a defect of the caller."""
        assert self.values.shape == self.known.shape
        assert self.first_days.shape == (self.values.shape[1] + 1,)
        assert np.isfinite(self.values).all()

    def __len__(self) -> int:
        """How many series there are."""
        return len(self.values)

    def part(self, rows: slice | Integers) -> "History":
        """Some of the series, on the same buckets."""
        return History(self.values[rows], self.known[rows], self.bucket, self.first_days)


class Panel:
    """A history turned for recurrences that step over time: arrays (T, n, 1)."""

    def __init__(self, history: History) -> None:
        """Turn it; values are 0 where not known, whatever was given."""
        self.known: Flags = np.ascontiguousarray(history.known.T)
        self.values: Floats = np.where(self.known, history.values.T, 0.0)[:, :, None]
        self.buckets, self.series = self.known.shape
        self.first = first_true(self.known)
        self.demand: Flags = self.known & (self.values[:, :, 0] > 0)

    def window(self, first: Integers, length: int) -> tuple[Floats, Flags]:
        """Values and known, (length, n), of the buckets from `first` (n) on.

        What lies beyond the end is not known.
        """
        index = first[None, :] + np.arange(length)[:, None]
        inside = index < self.buckets
        index = np.minimum(index, self.buckets - 1)
        known = np.take_along_axis(self.known, index, axis=0) & inside
        values = np.take_along_axis(self.values[:, :, 0], index, axis=0)
        return np.where(known, values, 0.0), known


def first_true(flags: Flags) -> Integers:
    """Index of the first true of each column of (T, n); T where there is none."""
    if not len(flags):
        return np.zeros(flags.shape[1], np.int64)
    return np.where(flags.any(axis=0), flags.argmax(axis=0), len(flags)).astype(np.int64)


def sum_over_time(values: Floats) -> Floats:
    """Sum over the first axis, one after the other.

    numpy's own sum takes an order that depends on shape and processor; this one never does.
    """
    total = np.zeros(values.shape[1:])
    for value in values:
        total += value
    return total
