"""Backtests with a rolling origin: what a model would have forecast, scored by what came.

At every origin the constants are chosen anew from what lay before it, and nothing of what came
after is used. One walk over time with all constants of the grid gives the squared errors up to
every origin at once; a second one, with the constants chosen, gives forecasts and errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from projections.planning.forecasting.history import Flags, Floats, Integers, Panel
from projections.planning.forecasting.intervals import error_quantiles, growth
from projections.planning.forecasting.models import FITTED_MIN, Model, WhyNot, refined
from projections.planning.forecasting.recurrence import squared_errors, walk


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be forecast. `origins` ascend; before each lie so many buckets."""

    horizon: int
    season: int
    origins: tuple[int, ...]
    quantiles: tuple[float, ...]
    clip_at_zero: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """Forecasts (S, H, n) at each of S stops and their bounds (S, Q, H, n).

    `counted` (S, n) are the past errors that the bounds rest on.
    """

    forecasts: Floats
    bounds: Floats
    counted: Integers

    def where(self, fine: Flags) -> "Outlook":
        """The same with zeros for the series (n) that are not fine."""
        return Outlook(
            np.where(fine, self.forecasts, 0.0), np.where(fine, self.bounds, 0.0), self.counted
        )


class Candidate(Protocol):
    """What takes part in a choice."""

    def why_not(self, panel: Panel, season: int, first_origin: Integers) -> Integers:
        """Which series (n) it cannot be tried on, as `WhyNot`."""

    def backtest(self, panel: Panel, plan: Plan) -> tuple[Outlook, Floats]:
        """Outlooks at the origins, and the constants (n, 4) for the end of the history."""

    def final(self, panel: Panel, plan: Plan, constants: Floats | None) -> tuple[Outlook, Floats]:
        """The outlook at the end, and the constants (n, 4) that it was made with.

        `constants` are those of the backtest; None where there was none.
        """


@dataclass(frozen=True, slots=True)
class Own:
    """A model of this package as a candidate."""

    model: Model

    def why_not(self, panel: Panel, season: int, first_origin: Integers) -> Integers:
        """Its needs, and errors enough before the first origin to choose constants by."""
        short = self.model.begin(panel, season) + FITTED_MIN > first_origin
        return np.where(short, int(WhyNot.TOO_SHORT), self.model.why_not(panel))

    def backtest(self, panel: Panel, plan: Plan) -> tuple[Outlook, Floats]:
        """With constants of the grid."""
        stops = (*plan.origins, panel.buckets)
        best = fitted(self.model, panel, plan.season, self.model.grid[None], stops)
        return outlook(self.model, panel, plan, best[:, :-1], plan.origins), best[:, -1]

    def final(self, panel: Panel, plan: Plan, constants: Floats | None) -> tuple[Outlook, Floats]:
        """With the constants refined once."""
        stops = (panel.buckets,)
        if constants is None:
            constants = fitted(self.model, panel, plan.season, self.model.grid[None], stops)[:, 0]
        best = fitted(self.model, panel, plan.season, refined(self.model, constants), stops)
        return outlook(self.model, panel, plan, best, stops), best[:, 0]


def fitted(model: Model, panel: Panel, season: int, tried: Floats, stops: Sequence[int]) -> Floats:
    """Of the constants tried (n or 1, g, 4), those with the least squared error to each stop.

    (n, stops, 4). Of equal ones the first.
    """
    if tried.shape[1] == 1:
        return np.broadcast_to(tried, (panel.series, len(stops), 4))
    recurrence = model.maker(panel, tried, season)
    best = squared_errors(recurrence, panel, model.begin(panel, season), stops).argmin(axis=2)
    if len(tried) == 1:
        chosen: Floats = tried[0][best.T]
        return chosen
    return np.take_along_axis(tried, best.T[:, :, None], axis=1)


def outlook(
    model: Model, panel: Panel, plan: Plan, constants: Floats, stops: Sequence[int]
) -> Outlook:
    """Forecasts and bounds at each stop, with the constants (n, stops, 4) chosen there."""
    begin = model.begin(panel, plan.season)
    recurrence = model.maker(panel, constants, plan.season)
    errors = np.zeros((stops[-1], panel.series, len(stops)))
    forecasts = np.zeros((len(stops), plan.horizon, panel.series))
    for step in walk(recurrence, panel, begin, stops[-1]):
        errors[step.bucket] = _relative(step.error, step.expected) if model.relative else step.error
        for index, stop in enumerate(stops):
            if stop == step.bucket + 1:
                forecasts[index] = recurrence.ahead(stop, plan.horizon)[:, :, index]
    counts = panel.known & (np.arange(panel.buckets)[:, None] >= begin)
    bounds = np.zeros((len(stops), len(plan.quantiles), plan.horizon, panel.series))
    counted = np.zeros((len(stops), panel.series), np.int64)
    for index, stop in enumerate(stops):
        past = Past(errors[:stop, :, index], counts[:stop])
        counted[index] = past.count()
        wide = _widening(model, constants[:, index], plan)
        off = wide[None] * past.quantiles(plan.quantiles)[:, None]
        centre = forecasts[index][None]
        bounds[index] = centre + (centre * off if model.relative else off)
    if plan.clip_at_zero:
        np.maximum(forecasts, 0.0, out=forecasts)
        np.maximum(bounds, 0.0, out=bounds)
    return Outlook(forecasts, bounds, counted)


@dataclass(frozen=True, slots=True)
class Past:
    """One-step errors (t, n), and which of them count."""

    errors: Floats
    counts: Flags

    def count(self) -> Integers:
        """How many count, (n)."""
        return np.asarray(self.counts.sum(axis=0, dtype=np.int64))

    def quantiles(self, probabilities: Sequence[float]) -> Floats:
        """Their quantiles, (Q, n)."""
        squares = np.zeros(self.errors.shape[1])
        for error in self.errors:  # in this order on every processor
            squares += error * error
        ordered = np.where(self.counts, self.errors, np.inf).T
        return error_quantiles(ordered, self.count(), probabilities, squares)


def _relative(error: Floats, expected: Floats) -> Floats:
    return error / np.where(expected > 0, expected, 1.0)


def _widening(model: Model, constants: Floats, plan: Plan) -> Floats:
    """Factor (H, n) of the errors at each horizon."""
    if model.flat:
        return np.ones((plan.horizon, len(constants)))
    return np.sqrt(growth(constants, plan.horizon, plan.season))
