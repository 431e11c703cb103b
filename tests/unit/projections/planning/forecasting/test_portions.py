"""Memory has a bound whatever is asked for, and no digit depends on it."""

import tracemalloc

import numpy as np
import pytest

from projections.planning.forecasting import portions
from projections.planning.forecasting.choice import Choice, choose
from projections.planning.forecasting.history import History
from projections.planning.forecasting.options import HORIZON_MAX, ORIGINS_MAX, OURS, Options
from projections.planning.forecasting.portions import held_at_once, tried_at_once
from tests.unit.projections.planning.forecasting.series import demand, history

NINE = tuple(round(0.1 * number, 1) for number in range(1, 10))
LARGEST = Options(horizon=HORIZON_MAX, origins=ORIGINS_MAX, step=1, levels=NINE, season=366)


def test_what_is_usual_is_worked_on_in_large_portions() -> None:
    for buckets, season in ((156, 52), (156, 7), (36, 12)):
        assert tried_at_once(Options(), buckets, season) == portions.TRIED_MAX
        assert held_at_once(Options(), buckets) == portions.HELD_MAX


def test_the_largest_options_leave_room_for_some() -> None:
    assert 8 <= tried_at_once(LARGEST, 1_100, 366) <= 64
    assert 64 <= held_at_once(LARGEST, 1_100) <= 512


def _peak_bytes(rows: History, options: Options) -> int:
    tracemalloc.start()
    choose(rows, options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    ("options", "models"),
    [
        (Options(horizon=90, origins=20, step=1, levels=NINE), ("ses",)),
        (Options(horizon=60, origins=30, step=1, season=60), ("winters_additive", "tsb")),
        (Options(horizon=5, origins=52, step=1), ("damped", "winters_multiplicative")),
    ],
    ids=["bounds", "season", "origins"],
)
def test_a_backtest_stays_within_its_bytes(
    options: Options, models: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there are many more series than are tried at once."""
    options = Options(
        options.horizon, options.season, options.levels, models, "rmsse", options.origins, 1
    )
    limit = 12_000_000
    monkeypatch.setattr(portions, "BACKTEST_BYTES_MAX", limit)
    at_once = tried_at_once(options, 260, options.season_of("week"))
    assert 2 <= at_once <= 300
    drawn = np.random.default_rng(3).poisson(5.0, (5 * at_once, 260))
    rows = history(np.asarray(drawn + 1, np.float64))
    results = 8 * len(rows) * options.horizon * (1 + 2 * len(options.levels))
    assert _peak_bytes(rows, options) <= limit + 3 * results + 2_000_000


def _bytes_of(choice: Choice) -> list[bytes]:
    scores = choice.scores
    arrays = (
        choice.chosen, choice.reason, choice.constants, choice.forecasts, choice.lower,
        choice.upper, choice.errors, scores.mase, scores.rmsse, scores.bias, scores.pinball,
    )  # fmt: skip
    return [array.tobytes() for array in arrays]


def test_no_digit_depends_on_how_many_are_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("noise", "trend", "season", "lumpy")
    rows = history([demand(kinds[i % 4], 70 + i, seed=i) for i in range(24)])
    options = Options(horizon=6, season=12, origins=3, models=OURS)
    many = _bytes_of(choose(rows, options))
    for limit in (1, 500_000):
        monkeypatch.setattr(portions, "BACKTEST_BYTES_MAX", limit)
        assert tried_at_once(options, 93, 12) < 24
        assert _bytes_of(choose(rows, options)) == many
