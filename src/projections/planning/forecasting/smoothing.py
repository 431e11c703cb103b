"""Exponential smoothing of a level, alone or with a trend, in the error-correction form.

Constants: alpha (level), beta (trend, Holt's: a share of alpha), phi (damping).
"""

import numpy as np

from projections.planning.forecasting.history import Flags, Floats, Panel, sum_over_time
from projections.planning.forecasting.recurrence import ALPHA, BETA, PHI

TREND_BUCKETS = 10  # a line through these is where a trend starts (Hyndman et al. 2008, 2.6.1)


class Simple:
    """Simple exponential smoothing (Brown 1956): level += alpha * error.

    The level starts as the first known value.
    """

    def __init__(self, panel: Panel, constants: Floats, season: int) -> None:
        """State: the level, (n, g)."""
        del season
        self._panel = panel
        self._alpha = np.ascontiguousarray(constants[:, :, ALPHA])
        self.shape = (panel.series, constants.shape[1])
        self._level = np.zeros(self.shape)
        self._change = np.empty_like(self._level)

    def start(self, bucket: int, starting: Flags) -> None:
        """The bucket before, which is the first one known."""
        np.copyto(self._level, self._panel.values[bucket - 1], where=starting)

    def expected(self) -> Floats:
        """The level."""
        return self._level

    def observe(self, bucket: int, error: Floats) -> None:
        """Correct the level."""
        del bucket
        np.multiply(error, self._alpha, out=self._change)
        self._level += self._change

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """Flat."""
        del bucket
        return np.repeat(self._level[None], horizon, axis=0)


class Trend:
    """Linear trend (Holt 1957); with phi below 1 damped (Gardner & McKenzie 1985).

    base = level + phi * trend; level = base + alpha * error; trend = phi * trend + alpha * beta *
    error. Both start from the least-squares line through the first ten buckets.
    """

    def __init__(self, panel: Panel, constants: Floats, season: int) -> None:
        """State: level and trend, (n, g)."""
        del season
        self.shape = shape = (panel.series, constants.shape[1])
        self._alpha = np.ascontiguousarray(constants[:, :, ALPHA])
        self._alpha_beta = constants[:, :, ALPHA] * constants[:, :, BETA]
        self._phi = np.ascontiguousarray(constants[:, :, PHI])
        self._damps = bool((self._phi != 1).any())
        self._first_level, self._first_trend = line(*panel.window(panel.first, TREND_BUCKETS))
        self._level, self._trend = np.zeros(shape), np.zeros(shape)
        self._base, self._change = np.zeros(shape), np.empty(shape)

    def start(self, bucket: int, starting: Flags) -> None:
        """The line's end and slope."""
        del bucket
        np.copyto(self._level, self._first_level[:, None], where=starting)
        np.copyto(self._trend, self._first_trend[:, None], where=starting)

    def expected(self) -> Floats:
        """Level and one step of the trend."""
        if self._damps:
            self._trend *= self._phi
            np.add(self._level, self._trend, out=self._base)
            return self._base
        return np.add(self._level, self._trend, out=self._base)

    def observe(self, bucket: int, error: Floats) -> None:
        """Correct both."""
        del bucket
        np.multiply(error, self._alpha, out=self._change)
        np.add(self._base, self._change, out=self._level)
        np.multiply(error, self._alpha_beta, out=self._change)
        self._trend += self._change

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """Level plus the damped sum of the trend."""
        del bucket
        forecasts = np.empty((horizon, *self._level.shape))
        level, trend = self._level, self._trend
        for forecast in forecasts:
            trend = trend * self._phi
            level = level + trend
            forecast[...] = level
        return forecasts


def line(values: Floats, known: Flags) -> tuple[Floats, Floats]:
    """End and slope (n) of the least-squares line through the known of (w, n) values.

    With one known value, or none, the slope is 0.
    """
    weights = known.astype(np.float64)
    time = np.arange(len(values), dtype=np.float64)[:, None] * weights
    count = np.maximum(sum_over_time(weights), 1.0)
    mean_time, mean = sum_over_time(time) / count, sum_over_time(values) / count
    centred = (time - mean_time) * weights
    spread = sum_over_time(centred * centred)
    slope = sum_over_time(centred * (values - mean)) / np.where(spread > 0, spread, 1.0)
    return mean + slope * (len(values) - 1 - mean_time), slope
