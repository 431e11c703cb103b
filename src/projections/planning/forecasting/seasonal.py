"""Exponential smoothing with a season (Winters 1960), in the form of Hyndman et al. (2008, 2.5).

Constants: alpha (level), beta (trend, a share of alpha), gamma (season, of what the level without
this bucket leaves), phi: 1 with a trend, 0 without one, between them damped.
The start is made from the first two seasons: the trend from the difference of their means, the
season's shape from the mean deviation (ratio) in both.
"""

import numpy as np

from projections.planning.forecasting.history import Flags, Floats, Panel, sum_over_time
from projections.planning.forecasting.recurrence import ALPHA, BETA, GAMMA, PHI

FLOOR = 1e-3  # of the first level: a multiplicative level below it is taken for it


class Winters:
    """What both have in common: constants, state, and how they start."""

    def __init__(self, panel: Panel, constants: Floats, season: int) -> None:
        """State: level and trend (n, g), and a season (m, n, g) by bucket modulo m."""
        self.shape = shape = (panel.series, constants.shape[1])
        self._alpha = np.ascontiguousarray(constants[:, :, ALPHA])
        self._alpha_beta = constants[:, :, ALPHA] * constants[:, :, BETA]
        self._gamma = np.ascontiguousarray(constants[:, :, GAMMA])
        self._phi = np.ascontiguousarray(constants[:, :, PHI])
        self._bucket = 0  # the one to come
        self._level, self._trend = np.ones(shape), np.zeros(shape)
        self._seasons = np.ones((season, *shape))
        self._base, self._expected, self._change = (np.empty(shape) for _ in range(3))
        window, known = panel.window(panel.first, 2 * season)
        self._first_mean, self._first_trend = self._line(window, known, season)
        self._first_level = self._first_mean + self._first_trend * ((season - 1) / 2)
        self._first_seasons = self._deviations(window, known, season)

    def _line(self, window: Floats, known: Flags, season: int) -> tuple[Floats, Floats]:
        """Mean of the newer season (n, 1), or else of the older, and the trend (n, g)."""
        older, newer = (_mean(window[s], known[s]) for s in (_old(season), _new(season)))
        has_older, has_newer = (known[s].any(axis=0) for s in (_old(season), _new(season)))
        trend = np.where(has_older & has_newer, (newer - older) / season, 0.0)
        return np.where(has_newer, newer, older)[:, None], trend[:, None] * self._phi

    def _deviations(self, window: Floats, known: Flags, season: int) -> Floats:
        """Mean over both seasons of how each bucket lies to the line, (m, n, g)."""
        deviations = np.empty((season, *self.shape))
        for index, deviation in enumerate(deviations):
            away = self._first_trend * (index - (season - 1) / 2)
            total, count = np.zeros(self.shape), np.zeros((self.shape[0], 1))
            for row, middle in (
                (index, self._first_mean - self._first_trend * season),
                (index + season, self._first_mean),
            ):
                there = known[row][:, None]
                total += np.where(there, self._deviation(window[row], middle + away), 0.0)
                count += there
            deviation[...] = self._mean_deviation(total, count)
        return deviations

    def _deviation(self, values: Floats, line: Floats) -> Floats:
        return values[:, None] - line

    def _mean_deviation(self, total: Floats, count: Floats) -> Floats:
        mean: Floats = total / np.maximum(count, 1.0)
        return mean

    def start(self, bucket: int, starting: Flags) -> None:
        """From the two seasons before `bucket`."""
        np.copyto(self._level, self._first_level, where=starting)
        np.copyto(self._trend, self._first_trend, where=starting)
        rows = np.flatnonzero(starting)
        season = len(self._seasons)
        phases = (bucket + np.arange(season)) % season
        self._seasons[np.ix_(phases, rows)] = self._first_seasons[:, rows]
        self._bucket = bucket

    def _next_base(self) -> Floats:
        self._trend *= self._phi
        return np.add(self._level, self._trend, out=self._base)

    def _steps_ahead(self, horizon: int) -> Floats:
        """Level with trend, without the season, (h, n, g)."""
        steps = np.empty((horizon, *self.shape))
        level, trend = self._level, self._trend
        for step in steps:
            trend = trend * self._phi
            level = level + trend
            step[...] = level
        return steps

    def _seasons_ahead(self, bucket: int, horizon: int) -> Floats:
        return self._seasons[(bucket + np.arange(horizon)) % len(self._seasons)]


class Additive(Winters):
    """Base + season: level = base + alpha * error, season += gamma * error."""

    def expected(self) -> Floats:
        """Base plus season."""
        season: Floats = self._seasons[self._bucket % len(self._seasons)]
        return np.add(self._next_base(), season, out=self._expected)

    def observe(self, bucket: int, error: Floats) -> None:
        """Correct level, trend and season."""
        np.multiply(error, self._alpha, out=self._change)
        np.add(self._base, self._change, out=self._level)
        np.multiply(error, self._alpha_beta, out=self._change)
        self._trend += self._change
        np.multiply(error, self._gamma, out=self._change)
        self._seasons[bucket % len(self._seasons)] += self._change
        self._bucket = bucket + 1

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """Base plus season."""
        return self._steps_ahead(horizon) + self._seasons_ahead(bucket, horizon)


class Multiplicative(Winters):
    """Base * season: level = base + alpha * error / season, season += gamma * error / base.

    For positive values. A base that a falling trend would take to zero stays at a thousandth of
    the mean of the second season.
    """

    def __init__(self, panel: Panel, constants: Floats, season: int) -> None:
        """As both."""
        self._ratio = np.empty((panel.series, constants.shape[1]))
        super().__init__(panel, constants, season)

    def _line(self, window: Floats, known: Flags, season: int) -> tuple[Floats, Floats]:
        mean, trend = super()._line(window, known, season)
        mean = np.where(mean > 0, mean, 1.0)
        self._floor = mean * FLOOR
        return mean, trend

    def _deviation(self, values: Floats, line: Floats) -> Floats:
        return values[:, None] / np.maximum(line, self._floor)

    def _mean_deviation(self, total: Floats, count: Floats) -> Floats:
        return np.where(total > 0, total / np.maximum(count, 1.0), 1.0)

    def expected(self) -> Floats:
        """Base times season."""
        base = self._next_base()
        np.maximum(base, self._floor, out=base)
        season: Floats = self._seasons[self._bucket % len(self._seasons)]
        return np.multiply(base, season, out=self._expected)

    def observe(self, bucket: int, error: Floats) -> None:
        """Correct level, trend and season."""
        season = self._seasons[bucket % len(self._seasons)]
        np.divide(error, season, out=self._ratio)
        np.multiply(self._ratio, self._alpha, out=self._change)
        np.add(self._base, self._change, out=self._level)
        np.multiply(self._ratio, self._alpha_beta, out=self._change)
        self._trend += self._change
        np.divide(error, self._base, out=self._ratio)
        np.multiply(self._ratio, self._gamma, out=self._change)
        season += self._change
        self._bucket = bucket + 1

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """Base times season."""
        base = np.maximum(self._steps_ahead(horizon), self._floor)
        return base * self._seasons_ahead(bucket, horizon)


def _old(season: int) -> slice:
    return slice(0, season)


def _new(season: int) -> slice:
    return slice(season, 2 * season)


def _mean(values: Floats, known: Flags) -> Floats:
    """Mean (n) of the known of (m, n) values; 0 of none."""
    count = sum_over_time(known.astype(np.float64))
    return sum_over_time(values) / np.maximum(count, 1.0)
