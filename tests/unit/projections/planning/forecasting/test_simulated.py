"""On clear simulated cases the choice finds the model that made the series, mostly."""

import numpy as np
import pytest

from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.history import Floats
from projections.planning.forecasting.options import Options
from tests.unit.projections.planning.forecasting.series import history

SERIES, LENGTH = 200, 120
TIME = np.arange(LENGTH)
WAVE = np.sin(TIME * np.pi / 6)


def _noise() -> Floats:
    return np.random.default_rng(3).normal(0, 4, (SERIES, LENGTH))


def _seasonal_walk() -> Floats:
    """Each bucket as that of the season before, and an error that stays."""
    noise, values = _noise(), np.zeros((SERIES, LENGTH))
    season = 300 + np.random.default_rng(4).normal(0, 30, (SERIES, 12))
    for bucket in range(LENGTH):
        season[:, bucket % 12] += 3 * noise[:, bucket]
        values[:, bucket] = season[:, bucket % 12]
    return values


def _smoothed() -> Floats:
    """The process that simple smoothing with alpha 0.3 is right for (Muth 1960)."""
    noise = _noise()
    return 200 + noise + 0.3 * (np.cumsum(noise, axis=1) - noise)


def _lumpy() -> Floats:
    chance = np.random.default_rng(6)
    lumps = chance.poisson(0.3, (SERIES, LENGTH)) * chance.integers(1, 6, (SERIES, LENGTH))
    return lumps.astype(np.float64)


CASES: dict[str, tuple[Floats, set[str], float]] = {
    "trend": (100 + 2 * TIME + _noise(), {"holt", "damped"}, 0.6),
    "season": (100 + 30 * WAVE + _noise(), {"winters_additive", "winters_multiplicative"}, 0.95),
    "season and trend": (100 + TIME + 30 * WAVE + _noise(), {"winters_additive"}, 0.9),
    "season as a share": (
        (50 + 2 * TIME) * (1 + 0.4 * WAVE) * (1 + _noise() / 80),
        {"winters_multiplicative"},
        0.9,
    ),
    "walking season": (_seasonal_walk(), {"seasonal_naive"}, 0.8),
    "wandering level": (_smoothed(), {"ses", "naive", "damped"}, 0.6),
    "lumpy": (_lumpy(), {"croston", "sba", "tsb"}, 0.6),
}


@pytest.mark.parametrize("case", CASES)
def test_the_model_that_made_a_series_is_found(case: str) -> None:
    values, expected, share = CASES[case]
    choice = choose(history(values), Options(horizon=12, season=12))
    found = [choice.models[index] in expected for index in choice.chosen.tolist()]
    assert np.mean(found) >= share, np.bincount(choice.chosen)


@pytest.mark.parametrize("case", CASES)
def test_what_is_chosen_beats_the_naive_forecast_on_what_was_held_back(case: str) -> None:
    """Not in the backtest that it was chosen by, but on buckets that the choice never saw."""
    values, _, _ = CASES[case]
    choice = choose(history(values[:, :-12]), Options(horizon=12, season=12))
    held_back = values[:, -12:]
    ours = np.abs(choice.forecasts - held_back).mean()
    naive = np.abs(values[:, -13:-12] - held_back).mean()
    assert ours < naive
