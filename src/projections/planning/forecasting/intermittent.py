"""Intermittent demand: a size and how often it comes, smoothed apart.

Constants: alpha (size; of Croston and SBA the interval too), beta (of TSB the probability).
A bucket that is not known lets no time pass. Demand below zero counts as none.
"""

import numpy as np

from projections.planning.forecasting.history import Flags, Floats, Panel
from projections.planning.forecasting.recurrence import ALPHA, BETA


class Croston:
    """Croston (1972): size / interval, both smoothed when demand comes.

    Both start as they first are, the first interval counted from the first bucket.
    """

    def __init__(self, panel: Panel, constants: Floats, season: int) -> None:
        """State: size and interval (n, g), buckets since the last demand (n, 1)."""
        del season
        self.shape = (panel.series, constants.shape[1])
        self._panel = panel
        self._alpha = np.ascontiguousarray(constants[:, :, ALPHA])
        self._factor = self.factor(self._alpha)
        self._size, self._interval = np.zeros(self.shape), np.ones(self.shape)
        self._since = np.ones((panel.series, 1))
        self._rate = np.zeros(self.shape)
        self._seen = np.zeros((panel.series, 1), np.bool_)

    def factor(self, alpha: Floats) -> Floats:
        """What size / interval is multiplied by."""
        return np.ones_like(alpha)

    def start(self, bucket: int, starting: Flags) -> None:
        """Nothing but what was observed."""

    def expected(self) -> Floats:
        """The rate at the last demand."""
        return self._rate

    def observe(self, bucket: int, error: Floats) -> None:
        """Smooth where demand came, else let time pass."""
        del error
        demand = self._panel.demand[bucket][:, None]
        if demand.any():
            alpha = np.where(self._seen, self._alpha, 1.0) * demand
            self._size += alpha * (self._panel.values[bucket] - self._size)
            self._interval += alpha * (self._since - self._interval)
            self._rate = self._size / self._interval * self._factor
            self._seen |= demand
        self._since += self._panel.known[bucket][:, None]
        self._since[demand] = 1.0

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """Flat."""
        del bucket
        return np.repeat(self._rate[None], horizon, axis=0)


class SyntetosBoylan(Croston):
    """SBA (Syntetos & Boylan 2005): Croston times 1 - alpha / 2, which takes off its bias."""

    def factor(self, alpha: Floats) -> Floats:
        """The correction."""
        return 1.0 - alpha / 2.0


class TeunterSyntetosBabai:
    """TSB (Teunter, Syntetos & Babai 2011): size * probability, which falls while none comes."""

    def __init__(self, panel: Panel, constants: Floats, season: int) -> None:
        """State: size and probability, (n, g)."""
        del season
        self.shape = (panel.series, constants.shape[1])
        self._panel = panel
        self._alpha = np.ascontiguousarray(constants[:, :, ALPHA])
        self._beta = np.ascontiguousarray(constants[:, :, BETA])
        self._size, self._probability = np.zeros(self.shape), np.zeros(self.shape)
        self._seen = np.zeros((panel.series, 1), np.bool_)
        self._change = np.empty(self.shape)

    def start(self, bucket: int, starting: Flags) -> None:
        """Nothing but what was observed."""

    def expected(self) -> Floats:
        """Size times probability."""
        return self._size * self._probability

    def observe(self, bucket: int, error: Floats) -> None:
        """Smooth the probability always, the size where demand came."""
        del error
        known, demand = self._panel.known[bucket][:, None], self._panel.demand[bucket][:, None]
        beta = np.where((self._panel.first == bucket)[:, None], 1.0, self._beta)
        np.subtract(demand, self._probability, out=self._change)
        self._change *= beta
        self._change *= known
        self._probability += self._change
        if demand.any():
            alpha = np.where(self._seen, self._alpha, 1.0) * demand
            self._size += alpha * (self._panel.values[bucket] - self._size)
            self._seen |= demand

    def ahead(self, bucket: int, horizon: int) -> Floats:
        """Flat."""
        del bucket
        return np.repeat(self.expected()[None], horizon, axis=0)
