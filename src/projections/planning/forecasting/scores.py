"""How good forecasts were: MASE, RMSSE, bias and pinball loss over all origins and horizons."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from projections.planning.forecasting.backtest import Outlook, Plan
from projections.planning.forecasting.history import Flags, Floats, Integers, Panel
from projections.planning.forecasting.options import DECIMALS

TRAINED_MIN = 8  # known buckets before an origin, for it to count for a series


@dataclass(frozen=True, slots=True)
class Trials:
    """Which origins (K, n) count for which series, and what errors are measured by.

    The scales (n) are the mean absolute and the mean squared change from one known bucket to the
    next that is known, before the series' first origin; so they are the in-sample errors of the
    naive forecast, also where a closed day lies between any two of them. Where nothing changed
    there, `scaled` (n) is false and the scales are 1.
    """

    counts: Flags
    first_origin: Integers
    scale: Floats
    square_scale: Floats
    scaled: Flags

    def number(self) -> Integers:
        """How many origins each series has, (n)."""
        return np.asarray(self.counts.sum(axis=0, dtype=np.int64))


def plan_trials(panel: Panel, plan: Plan) -> Trials:
    """Origins with enough before them and something known after them."""
    counts = np.zeros((len(plan.origins), panel.series), np.bool_)
    first = np.zeros(panel.series, np.int64)
    for index in reversed(range(len(plan.origins))):
        origin = plan.origins[index]
        before = panel.known[:origin].sum(axis=0, dtype=np.int64) >= TRAINED_MIN
        counts[index] = before & panel.known[origin : origin + plan.horizon].any(axis=0)
        first = np.where(counts[index], origin, first)
    scale, square_scale, pairs, last = (np.zeros(panel.series) for _ in range(4))
    for bucket in range(panel.buckets):
        value, known = panel.values[bucket][:, 0], panel.known[bucket]
        counted = known & (panel.first < bucket) & (bucket < first)
        change = (value - last) * counted
        scale += np.abs(change)
        square_scale += change * change
        pairs += counted
        last = np.where(known, value, last)
    scaled = scale > 0
    pairs = np.maximum(pairs, 1.0)
    return Trials(
        counts,
        first,
        np.where(scaled, scale / pairs, 1.0),
        np.where(scaled, square_scale / pairs, 1.0),
        scaled,
    )


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores (n, M) of M models on n series. 0 where a model was not tried.

    `mase`: mean absolute error by the scale (Hyndman & Koehler 2006). `rmsse`: root of the mean
    squared error by the squared scale (Makridakis, Spiliotis & Assimakopoulos 2022). `pinball`:
    mean pinball loss (Koenker & Bassett 1978) of the bounds of all levels, by the scale. `bias`:
    mean of forecast less what came, in units a bucket. `why_not`: `WhyNot`, 0 where tried.
    Where `scaled` (n) is false, history did not change before the first origin, and errors are
    given in units, divided by nothing. `origins` (n): how many backtests each series had.
    """

    mase: Floats
    rmsse: Floats
    bias: Floats
    pinball: Floats
    why_not: Integers
    scaled: Flags
    origins: Integers


def score(outlook: Outlook, panel: Panel, plan: Plan, trials: Trials) -> Floats:
    """MASE, RMSSE, bias and pinball loss of each series, (4, n), rounded."""
    absolute, square, bias, pinball, number = (np.zeros(panel.series) for _ in range(5))
    for index, origin in enumerate(plan.origins):
        for step in range(plan.horizon):
            counts = panel.known[origin + step] & trials.counts[index]
            value = panel.values[origin + step][:, 0]
            error = (outlook.forecasts[index, step] - value) * counts
            number += counts
            absolute += np.abs(error)
            square += error * error
            bias += error
            lost = pinball_loss(outlook.bounds[index, :, step], value, plan.quantiles)
            pinball += lost * counts
    number = np.maximum(number, 1.0)
    return rounded(
        np.stack(
            [
                absolute / number / trials.scale,
                np.sqrt(square / number / trials.square_scale),
                bias / number,
                pinball / number / trials.scale,
            ]
        )
    )


def pinball_loss(bounds: Floats, value: Floats, quantiles: Sequence[float]) -> Floats:
    """Loss (n) of bounds (Q, n) that should be quantiles of the value (n), mean over them.

    q * (value - bound) where the value lies above, (1 - q) * (bound - value) where below.
    """
    total = np.zeros_like(value)
    for bound, q in zip(bounds, quantiles, strict=True):
        off = value - bound
        total += np.maximum(q * off, (q - 1.0) * off)
    return total / len(quantiles)


def rounded(values: Floats) -> Floats:
    """To six decimals, half to even; no negative zero."""
    factor = 10.0**DECIMALS
    return np.rint(values * factor) / factor + 0.0
