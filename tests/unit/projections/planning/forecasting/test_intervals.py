"""Intervals: the growth of variance, the ranks, and how often they hold what comes."""

import math

import numpy as np
import pytest

from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.history import Floats, Panel
from projections.planning.forecasting.intervals import error_quantiles, growth
from projections.planning.forecasting.models import MODELS
from projections.planning.forecasting.options import Options
from projections.planning.forecasting.recurrence import walk
from projections.planning.forecasting.scores import pinball_loss
from tests.unit.projections.planning.forecasting.series import demand, history

SEASON = 4


@pytest.mark.parametrize(
    ("name", "constants"),
    [
        ("ses", (0.3, 0, 0, 0)),
        ("holt", (0.2, 0.35, 0, 1)),
        ("damped", (0.4, 0.15, 0, 0.9)),
        ("winters_additive", (0.12, 0.1, 0.35, 1)),
        ("winters_additive", (0.3, 0, 0.15, 0)),
        ("naive", (1, 0, 0, 0)),
        ("seasonal_naive", (0, 0, 1, 0)),
    ],
)
def test_growth_is_what_one_error_does_to_the_forecasts_after_it(
    name: str, constants: tuple[float, ...]
) -> None:
    """The models are linear: a unit error now moves the forecast j ahead by c(j)."""
    row, horizon = demand("season", 40), 10
    ahead = []
    for shock in (0.0, 1.0):
        model, panel = MODELS[name], Panel(history([[*row, row[-1] + shock]]))
        recurrence = model.maker(panel, np.array([[constants]]), SEASON)
        for _ in walk(recurrence, panel, model.begin(panel, SEASON), panel.buckets):
            pass
        ahead.append(recurrence.ahead(panel.buckets, horizon)[:, 0, 0])
    moved = ahead[1] - ahead[0]
    expected = [1 + sum(c * c for c in moved[:j]) for j in range(horizon)]
    ours = growth(np.array([constants], np.float64), horizon, SEASON)[:, 0]
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.mark.parametrize("number", [0, 1, 8, 9, 19, 38, 39, 200])
def test_ranks_are_rounded_outwards_and_too_few_errors_fall_back_to_the_normal(number: int) -> None:
    errors = np.random.default_rng(number).normal(0, 2, number)
    padded = np.concatenate([errors, np.full(5, np.inf)])[None]
    squares = np.array([float(np.sum(errors**2))])
    low, high = error_quantiles(padded, np.array([number]), (0.025, 0.975), squares)[:, 0]
    ordered = sorted(errors.tolist())
    if number >= 39:
        k = math.floor(round((number + 1) * 0.025, 9))
        assert (low, high) == (ordered[k - 1], ordered[-k])
    elif number:
        sigma = math.sqrt(squares[0] / number)
        assert high == pytest.approx(max(ordered[-1], 1.959964 * sigma))
        assert low == pytest.approx(min(ordered[0], -1.959964 * sigma))
    else:
        assert (low, high) == (0, 0)


def _simulated(kind: str, length: int, series: int) -> Floats:
    chance = np.random.default_rng(5)
    noise = chance.normal(0, 4, (series, length))
    if kind == "level":  # the state space of simple smoothing with alpha 0.3
        return 200 + noise + 0.3 * (np.cumsum(noise, axis=1) - noise)
    if kind == "trend":
        return 100 + 1.5 * np.arange(length) + noise
    if kind == "season":
        return 100 + 30 * np.sin(np.arange(length) * np.pi / 6) + noise
    if kind == "seasonal share":
        return (100 + 60 * np.sin(np.arange(length) * np.pi / 6)) * (1 + noise / 40)
    if kind == "skewed":
        return 20 + chance.exponential(10, (series, length))
    lumps = chance.poisson(0.5, (series, length)) * chance.integers(1, 6, (series, length))
    return lumps.astype(np.float64)


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("level", "ses"),
        ("trend", "holt"),
        ("trend", "damped"),
        ("season", "winters_additive"),
        ("seasonal share", "winters_multiplicative"),
        ("skewed", "ses"),
        ("lumpy", "croston"),
        ("lumpy", "sba"),
        ("lumpy", "tsb"),
    ],
)
def test_intervals_hold_as_often_as_they_say(kind: str, model: str) -> None:
    """One new value for each of 1,500 series, at one horizon each: independent, so binomial."""
    series, length, horizon = 1_500, 150, 6
    values = _simulated(kind, length + horizon, series)
    options = Options(horizon=horizon, season=12, models=(model,), levels=(0.8, 0.95))
    choice = choose(history(values[:, :length]), options)
    row = np.arange(series)
    step = row % horizon
    new = values[row, length + step]
    for index, level in enumerate(options.levels):
        low, high = choice.lower[index, row, step], choice.upper[index, row, step]
        share = float(np.mean((low <= new) & (new <= high)))
        error = 3.3 * math.sqrt(level * (1 - level) / series)
        discrete = 0.05 if kind == "lumpy" else 0.0  # whole numbers: bounds cannot be met exactly
        assert level - error <= share <= level + error + discrete, (kind, model, level, share)


def test_pinball_loss_by_hand() -> None:
    bounds = np.array([[1.0, 1.0], [9.0, 9.0]])
    loss = pinball_loss(bounds, np.array([11.0, 5.0]), (0.1, 0.9))
    assert loss.tolist() == pytest.approx([(0.1 * 10 + 0.9 * 2) / 2, (0.1 * 4 + 0.1 * 4) / 2])
