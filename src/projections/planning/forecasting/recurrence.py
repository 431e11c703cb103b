"""Stepping over time: every model is a recurrence, over all series and all constants at once.

Arrays are (n, g): n series, g sets of smoothing constants. A bucket that is not known counts as if
the forecast had come true: its error is zero, and time passes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from projections.planning.forecasting.history import Flags, Floats, Integers, Panel

ALPHA, BETA, GAMMA, PHI = range(4)  # columns of constants (n or 1, g, 4); 0 where unused


class Recurrence(Protocol):
    """A model on its way through the buckets."""

    shape: tuple[int, int]  # (n, g)

    def start(self, bucket: int, starting: Flags) -> None:
        """Take the state that the buckets before this one give the `starting` (n, 1) series."""

    def expected(self) -> Floats:
        """The forecast of the bucket to come, (n, g). Asked once for each bucket."""

    def observe(self, bucket: int, error: Floats) -> None:
        """Go on over a bucket; `error` (n, g) is 0 where it is not known or not yet begun."""

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """Forecasts (h, n, g) for `bucket` and those after it."""


class Maker(Protocol):
    """Makes the recurrence of a model."""

    def __call__(self, panel: Panel, constants: Floats, season: int) -> Recurrence:
        """For these series and constants (n or 1, g, 4)."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a bucket brought."""

    bucket: int
    expected: Floats
    error: Floats
    counted: Floats


def walk(recurrence: Recurrence, panel: Panel, begin: Integers, end: int) -> Iterator[Step]:
    """Go through the buckets up to `end`; errors count from `begin` (n) on. Buffers are reused."""
    begins = set(begin.tolist())
    counted = panel.known & (np.arange(panel.buckets)[:, None] >= begin)
    weights = counted.astype(np.float64)[:, :, None]
    start = min(panel.first.min(initial=end), end)
    all_count: Flags = np.asarray(counted.all(axis=1))
    error = np.empty(recurrence.shape)
    for bucket in range(int(start), end):
        if bucket in begins:
            recurrence.start(bucket, (begin == bucket)[:, None])
        expected = recurrence.expected()
        np.subtract(panel.values[bucket], expected, out=error)
        if not all_count[bucket]:
            error *= weights[bucket]
        recurrence.observe(bucket, error)
        yield Step(bucket, expected, error, weights[bucket])
    if end in begins:
        recurrence.start(end, (begin == end)[:, None])


def squared_errors(
    recurrence: Recurrence, panel: Panel, begin: Integers, stops: Sequence[int]
) -> Floats:
    """Sums of squared one-step errors up to each stop, (stops, n, g)."""
    total = np.zeros(recurrence.shape)
    square = np.empty_like(total)
    sums = np.zeros((len(stops), *total.shape))
    for step in walk(recurrence, panel, begin, stops[-1]):
        np.multiply(step.error, step.error, out=square)
        total += square
        for index, stop in enumerate(stops):
            if stop == step.bucket + 1:
                sums[index] = total
    return sums
