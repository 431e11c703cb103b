"""Naive forecasts: what was last, or what was a season ago (Hyndman & Athanasopoulos 2021, 5.2)."""

import numpy as np

from projections.planning.forecasting.history import Flags, Floats, Panel


class Naive:
    """The last known bucket, for all that follow."""

    def __init__(self, panel: Panel, constants: Floats, season: int) -> None:
        """State: the last value, (n, g)."""
        del season
        self._panel = panel
        self.shape = (panel.series, constants.shape[1])
        self._last = np.zeros(self.shape)

    def start(self, bucket: int, starting: Flags) -> None:
        """Nothing but what was observed."""

    def expected(self) -> Floats:
        """What was last."""
        return self._last

    def observe(self, bucket: int, error: Floats) -> None:
        """Keep it."""
        del error
        known = self._panel.known[bucket][:, None]
        self._last = np.where(known, self._panel.values[bucket], self._last)

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """The same for all."""
        del bucket
        return np.repeat(self._last[None], horizon, axis=0)


class SeasonalNaive:
    """The same bucket of the season before.

    One that was not known has what its forecast was; in the first season, what was known last.
    """

    def __init__(self, panel: Panel, constants: Floats, season: int) -> None:
        """State: a value for each bucket of the season, (m, n, g)."""
        self.shape = (panel.series, constants.shape[1])
        self._panel = panel
        self._season = season
        self._last = np.zeros(self.shape)
        self._values = np.zeros((season, *self.shape))
        self._bucket = 0

    def start(self, bucket: int, starting: Flags) -> None:
        """Nothing but what was observed."""

    def expected(self) -> Floats:
        """What was observed a season ago."""
        expected: Floats = self._values[self._bucket % self._season]
        return expected

    def observe(self, bucket: int, error: Floats) -> None:
        """Keep it for the next season."""
        del error
        known = self._panel.known[bucket][:, None]
        first_season = (bucket < self._panel.first + self._season)[:, None]
        phase = bucket % self._season
        self._last = np.where(known, self._panel.values[bucket], self._last)
        keep = known | first_season
        self._values[phase] = np.where(keep, self._last, self._values[phase])
        self._bucket = bucket + 1

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """The newest season again and again."""
        phases = (bucket + np.arange(horizon)) % self._season
        ahead: Floats = self._values[phases]
        return ahead
