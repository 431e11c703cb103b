"""Choosing a model for each series by a backtest, and forecasting with it."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from projections.planning.forecasting.backtest import Candidate, Own, Plan
from projections.planning.forecasting.history import Flags, Floats, History, Integers, Panel
from projections.planning.forecasting.library import Library, library_models
from projections.planning.forecasting.models import MODELS, WhyNot
from projections.planning.forecasting.options import EXTRA, Options
from projections.planning.forecasting.portions import tried_at_once
from projections.planning.forecasting.scores import Scores, Trials, plan_trials, rounded, score

SIMPLE_MIN = 3  # known buckets from which a short history is smoothed rather than repeated


class Reason(IntEnum):
    """Why a series has the model that it has."""

    BACKTEST = 0
    NO_HISTORY = 1
    ALL_ZERO = 2
    CONSTANT = 3
    TOO_SHORT = 4
    NONE_TRIED = 5


REASONS = {
    Reason.BACKTEST: "least error in the backtest",
    Reason.NO_HISTORY: "no whole bucket is known: zero",
    Reason.ALL_ZERO: "nothing was asked for in any bucket: zero",
    Reason.CONSTANT: "the same in every bucket: that",
    Reason.TOO_SHORT: "too short for a backtest: smoothed from 3 known buckets on, else the last",
    Reason.NONE_TRIED: "long enough, but none of the models asked for could be tried",
}
FALLBACKS = ("naive", "ses")


@dataclass(frozen=True, slots=True)
class Choice:
    """A model and its forecasts for each of n series; numbers have six decimals, none is NaN.

    `models`: those asked for, then fallbacks. `chosen` (n): which. `reason` (n): `Reason`.
    `constants` (n, 4): alpha, beta, gamma, phi, 0 where the model has none. `forecasts` (n, H):
    units a bucket. `lower`, `upper` (levels, n, H). `errors` (n): how many past errors the bounds
    rest on; with none they are the forecast itself.
    """

    models: tuple[str, ...]
    chosen: Integers
    reason: Integers
    constants: Floats
    forecasts: Floats
    lower: Floats
    upper: Floats
    errors: Integers
    scores: Scores


def choose(history: History, options: Options) -> Choice:
    """Choose and forecast. A series' digits depend on nothing but its own history and options."""
    if any(name in EXTRA for name in options.models):
        library_models()  # says at once what is missing
    names = (*options.models, *(name for name in FALLBACKS if name not in options.models))
    at_once = tried_at_once(options, history.values.shape[1], options.season_of(history.bucket))
    choices = []
    for start in range(0, max(len(history), 1), at_once):
        part = _Part(history.part(slice(start, start + at_once)), options, names)
        part.run()
        choices.append(part.choice())  # and nothing else of the part
    return _joined(names, choices)


def candidate(name: str) -> Candidate:
    """The candidate of a name."""
    return Library(name) if name in EXTRA else Own(MODELS[name])


class _Part:
    """The choice for some series, in the making. Arrays are as in `Choice`, series last."""

    def __init__(self, history: History, options: Options, names: tuple[str, ...]) -> None:
        self._history = history
        self._options = options
        self._names = names
        self._panel = Panel(history)
        n, buckets = history.values.shape
        quantiles = options.quantiles()
        self._plan = Plan(
            options.horizon,
            options.season_of(history.bucket),
            tuple(options.origins_of(buckets)),
            quantiles,
            options.clip_at_zero,
        )
        self._scores = np.zeros((len(names), 4, n))
        self._why_not = np.full((len(names), n), int(WhyNot.NO_BACKTEST))
        self._fitted = np.zeros((len(names), n, 4))
        self._chosen = np.zeros(n, np.int64)
        self._reason = np.zeros(n, np.int64)
        self._constants = np.zeros((n, 4))
        self._forecasts = np.zeros((options.horizon, n))
        self._bounds = np.zeros((len(quantiles), options.horizon, n))
        self._errors = np.zeros(n, np.int64)

    def run(self) -> None:
        """Try, choose, forecast."""
        self._trials = plan_trials(self._panel, self._plan)
        if self._plan.origins:
            for index in range(len(self._options.models)):
                self._try(index)
        self._choose()
        for index in range(len(self._names)):
            self._forecast(index)

    def _try(self, index: int) -> None:
        tested = candidate(self._names[index])
        why_not = tested.why_not(self._panel, self._plan.season, self._trials.first_origin)
        has_backtest = self._trials.number() > 0
        self._why_not[index] = np.where(has_backtest, why_not, int(WhyNot.NO_BACKTEST))
        rows = np.flatnonzero(self._why_not[index] == WhyNot.TRIED)
        if not len(rows):
            return
        panel = Panel(self._history.part(rows))
        outlook, fitted = tested.backtest(panel, self._plan)
        finite = np.asarray(np.isfinite(outlook.bounds).all(axis=(0, 1, 2)))
        self._why_not[index, rows] = np.where(finite, int(WhyNot.TRIED), int(WhyNot.FAILED))
        trials = _trials_of(self._trials, rows)
        scores = score(outlook.where(finite), panel, self._plan, trials)
        self._scores[index][:, rows] = np.where(finite, scores, 0.0)
        self._fitted[index, rows] = fitted

    def _choose(self) -> None:
        column = {"mase": 0, "rmsse": 1, "pinball": 3}[self._options.criterion]
        tried = self._why_not == WhyNot.TRIED
        best = np.where(tried, self._scores[:, column], np.inf).argmin(axis=0)
        known = self._panel.known.sum(axis=0)
        naive, simple = (self._names.index(name) for name in FALLBACKS)
        short = np.where(known >= SIMPLE_MIN, simple, naive)
        for reason, applies, model in (
            (Reason.NONE_TRIED, ~tried.any(axis=0), short),
            (Reason.TOO_SHORT, self._trials.number() == 0, short),
            (Reason.CONSTANT, self._constant(), naive),
            (Reason.ALL_ZERO, ~(self._panel.values != 0).any(axis=(0, 2)), naive),
            (Reason.NO_HISTORY, known == 0, naive),
        ):
            self._reason[applies] = reason
            best = np.where(applies, model, best)
        self._chosen = best

    def _constant(self) -> Flags:
        """Whether all that is known is the same."""
        values, known = self._panel.values[:, :, 0], self._panel.known
        most = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        least = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
        return np.asarray((most == least) & (known.sum(axis=0) > 1))

    def _forecast(self, index: int) -> None:
        """With the chosen ones; a fallback was not tried, and begins with the whole grid."""
        if not self._panel.buckets:
            return
        tried = self._why_not[index] == WhyNot.TRIED
        for rows, is_fitted in (
            (np.flatnonzero((self._chosen == index) & tried), True),
            (np.flatnonzero((self._chosen == index) & ~tried), False),
        ):
            if not len(rows):
                continue
            fitted = self._fitted[index, rows] if is_fitted else None
            panel = Panel(self._history.part(rows))
            outlook, constants = candidate(self._names[index]).final(panel, self._plan, fitted)
            self._forecasts[:, rows] = outlook.forecasts[0]
            self._bounds[:, :, rows] = outlook.bounds[0]
            self._errors[rows] = outlook.counted[0]
            self._constants[rows] = constants

    def choice(self) -> Choice:
        """What came of it."""
        mase, rmsse, bias, pinball = (self._scores[:, i].T for i in range(4))
        scores = Scores(
            mase, rmsse, bias, pinball, self._why_not.T, self._trials.scaled, self._trials.number()
        )
        bounds = rounded(self._bounds).transpose(0, 2, 1)
        levels = len(self._options.levels)
        return Choice(
            self._names,
            self._chosen,
            self._reason,
            rounded(self._constants),
            rounded(self._forecasts.T),
            bounds[:levels],
            bounds[levels:],
            self._errors,
            scores,
        )


def _trials_of(trials: Trials, rows: Integers) -> Trials:
    return Trials(
        trials.counts[:, rows],
        trials.first_origin[rows],
        trials.scale[rows],
        trials.square_scale[rows],
        trials.scaled[rows],
    )


def _joined(names: tuple[str, ...], parts: list[Choice]) -> Choice:
    """One choice of several, in their order."""

    def all_of(field: str, axis: int = 0) -> Any:
        return np.concatenate([getattr(part, field) for part in parts], axis=axis)

    scores = Scores(
        *(
            np.concatenate([getattr(part.scores, field) for part in parts])
            for field in Scores.__slots__
        )
    )
    return Choice(
        names,
        all_of("chosen"),
        all_of("reason"),
        all_of("constants"),
        all_of("forecasts"),
        all_of("lower", 1),
        all_of("upper", 1),
        all_of("errors"),
        scores,
    )
