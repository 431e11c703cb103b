"""Which model is chosen and why, also where there is hardly any history."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.planning.forecasting.choice import Choice, Reason, choose
from projections.planning.forecasting.explained import forecast_one
from projections.planning.forecasting.models import MODELS, WhyNot
from projections.planning.forecasting.options import OURS, Options
from tests.unit.projections.planning.forecasting.series import demand, history

SHORT = Options(horizon=4, season=4, origins=3, step=2)
ARRAYS = ("chosen", "reason", "constants", "forecasts", "lower", "upper", "errors")


def _name(choice: Choice, row: int = 0) -> str:
    return choice.models[int(choice.chosen[row])]


def _finite(choice: Choice) -> bool:
    scores = choice.scores
    numbers = (choice.constants, choice.forecasts, choice.lower, choice.upper, scores.mase)
    more = (scores.rmsse, scores.bias, scores.pinball)
    return all(bool(np.isfinite(array).all()) for array in (*numbers, *more))


@pytest.mark.parametrize(
    ("row", "reason", "model", "forecast"),
    [
        ([], Reason.NO_HISTORY, "naive", 0),
        ([None] * 30, Reason.NO_HISTORY, "naive", 0),
        ([7], Reason.TOO_SHORT, "naive", 7),
        ([7, 3], Reason.TOO_SHORT, "naive", 3),
        ([5] * 30, Reason.CONSTANT, "naive", 5),
        ([5, None, 5], Reason.CONSTANT, "naive", 5),
        ([0] * 30, Reason.ALL_ZERO, "naive", 0),
        ([0], Reason.ALL_ZERO, "naive", 0),
        ([7, 3, 5], Reason.TOO_SHORT, "ses", None),
        ([float(i % 3) for i in range(11)], Reason.TOO_SHORT, "ses", None),
        ([float(i % 3) for i in range(12)], Reason.BACKTEST, None, None),
        ([0] * 29 + [9], Reason.BACKTEST, None, None),
        ([-5, -3] * 10, Reason.BACKTEST, None, 0),
    ],
)  # fmt: skip
def test_every_history_has_a_forecast_and_a_reason(
    row: list[float | None], reason: Reason, model: str | None, forecast: float | None
) -> None:
    choice = choose(history([row]), SHORT)
    assert Reason(choice.reason[0]) is reason
    assert model in (None, _name(choice))
    assert forecast is None or (choice.forecasts == forecast).all()
    assert _finite(choice)
    assert forecast_one(history([row]), 0, SHORT).reason == reason.name.lower()


def test_no_series_at_all() -> None:
    choice = choose(history([]), SHORT)
    assert choice.forecasts.shape == (0, 4)
    assert choice.lower.shape == (2, 0, 4)


def test_too_short_for_the_only_model_asked_for() -> None:
    options = Options(horizon=4, season=12, models=("winters_additive",))
    choice = choose(history([demand("noise", 30)]), options)
    assert Reason(choice.reason[0]) is Reason.NONE_TRIED
    assert _name(choice) == "ses"
    assert choice.scores.why_not.tolist() == [[WhyNot.TOO_SHORT] + [WhyNot.NO_BACKTEST] * 2]


def test_a_model_says_why_it_was_not_tried() -> None:
    rows = [demand("lumpy", 60), [value + 1 for value in demand("noise", 60)]]
    scores = choose(history(rows), Options(horizon=4, season=12)).scores
    why_not = dict(zip(OURS, scores.why_not.T.tolist(), strict=True))
    assert why_not["winters_multiplicative"] == [WhyNot.NOT_POSITIVE, WhyNot.TRIED]
    assert why_not["croston"] == [WhyNot.TRIED, WhyNot.NEVER_EMPTY]
    assert why_not["ses"] == [WhyNot.TRIED, WhyNot.TRIED]


def test_below_zero_only_if_allowed() -> None:
    row = [float(100 - 2 * i) for i in range(51)]  # the next would be -2
    clipped = choose(history([row]), Options(horizon=1, models=("holt",)))
    assert clipped.forecasts.tolist() == [[0.0]]
    assert clipped.lower.min() == 0
    free = choose(history([row]), Options(horizon=1, models=("holt",), clip_at_zero=False))
    assert free.forecasts[0, 0] == pytest.approx(-2.0, abs=1e-6)
    assert free.lower.max() < 0


def _plain_ses(row: list[float], alpha: float) -> tuple[float, list[float]]:
    """Level and one-step errors."""
    level, errors = row[0], []
    for value in row[1:]:
        errors.append(value - level)
        level = alpha * value + (1 - alpha) * level
    return level, errors


def _plain_bounds(errors: list[float], q: float) -> float:
    """The rank (N + 1) * q outwards; these tests have errors enough."""
    rank = round((len(errors) + 1) * q, 9)
    return sorted(errors)[(math.ceil(rank) if q > 0.5 else math.floor(rank)) - 1]


@pytest.mark.parametrize("kind", ["noise", "trend", "lumpy"])
def test_scores_are_those_of_a_plain_backtest_that_fits_anew_at_each_origin(kind: str) -> None:
    row, horizon = demand(kind, 90), 6
    options = Options(horizon=horizon, models=("ses",), origins=4, step=3, clip_at_zero=False)
    errors, lost = [], []
    for origin in (75, 78, 81, 84):
        alphas = MODELS["ses"].grid[:, 0].tolist()
        alpha = min(alphas, key=lambda a: sum(e * e for e in _plain_ses(row[:origin], a)[1]))
        level, past = _plain_ses(row[:origin], alpha)
        for h in range(horizon):
            value = row[origin + h]
            errors.append(level - value)
            for q in (0.1, 0.025, 0.9, 0.975):
                bound = level + math.sqrt(1 + h * alpha**2) * _plain_bounds(past, q)
                lost.append(q * (value - bound) if value > bound else (1 - q) * (bound - value))
    changes = [b - a for a, b in pairwise(row[:75])]
    scale = sum(abs(c) for c in changes) / 74
    square = sum(c * c for c in changes) / 74
    scores = choose(history([row]), options).scores
    assert scores.origins.tolist() == [4]
    number = len(errors)
    assert scores.mase[0, 0] == pytest.approx(sum(map(abs, errors)) / number / scale, abs=1e-6)
    rmsse = math.sqrt(sum(e * e for e in errors) / number / square)
    assert scores.rmsse[0, 0] == pytest.approx(rmsse, abs=1e-6)
    assert scores.bias[0, 0] == pytest.approx(sum(errors) / number, abs=1e-6)
    assert scores.pinball[0, 0] == pytest.approx(sum(lost) / len(lost) / scale, abs=1e-6)


def test_what_comes_after_an_origin_does_not_change_the_forecast_made_there() -> None:
    """With the end of the history changed, the bias of one origin changes by that alone."""
    row = demand("season", 90)
    options = Options(horizon=6, season=12, origins=1, models=OURS[:7], clip_at_zero=False)
    before = choose(history([row]), options).scores.bias[0]
    after = choose(history([[*row[:84], *(value + 30 for value in row[84:])]]), options).scores
    assert after.bias[0] == pytest.approx(before - 30, abs=2e-6)


@pytest.mark.parametrize("criterion", ["rmsse", "mase", "pinball"])
def test_the_least_of_the_criterion_wins_and_the_first_of_equals(criterion: str) -> None:
    rows = [demand(kind, seed=seed) for kind in ("noise", "season", "lumpy") for seed in range(9)]
    options = Options(season=12, criterion=criterion)  # type: ignore[arg-type]
    choice = choose(history(rows), options)
    values = getattr(choice.scores, criterion)
    tried = choice.scores.why_not == WhyNot.TRIED
    for row, chosen in enumerate(choice.chosen):
        least = min(v for v, t in zip(values[row], tried[row], strict=True) if t)
        first = next(i for i in range(10) if tried[row, i] and values[row, i] == least)
        assert chosen == first


def _same(one: Choice, other: Choice, rows: list[int]) -> None:
    """Row `rows[i]` of `one` has the digits of row i of `other`."""
    for name in ARRAYS:
        axis = 1 if name in ("lower", "upper") else 0
        ours = np.take(getattr(one, name), rows, axis=axis)
        assert ours.tobytes() == getattr(other, name).tobytes(), name
    for name in ("mase", "rmsse", "bias", "pinball", "why_not", "scaled", "origins"):
        ours = getattr(one.scores, name)[rows]
        assert ours.tobytes() == getattr(other.scores, name).tobytes(), name


def test_a_series_has_the_same_digits_alone_as_among_a_thousand() -> None:
    kinds = ("noise", "trend", "season", "lumpy")
    rows = [demand(kinds[i % 4], 70 + i % 50, seed=i) for i in range(1_000)]
    rows[3] = rows[3][:5]
    rows[9] = [0.0] * 80
    options = Options(horizon=8, season=12, origins=2)
    many = choose(history(rows), options)
    for index in (0, 1, 2, 3, 9, 255, 256, 999):
        alone = history([[*([None] * (119 - len(rows[index]))), *rows[index]]])
        _same(many, choose(alone, options), [index])


def test_a_longer_axis_before_it_changes_nothing() -> None:
    """Leading buckets of other series are none of this one's; the season's phase is relative."""
    row = demand("season", 80)
    options = Options(horizon=8, season=12, origins=2)
    for more in (1, 5, 40):
        longer = choose(history([[*([None] * more), *row]]), options)
        _same(longer, choose(history([row]), options), [0])


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_the_series_changes_nothing(order: list[int]) -> None:
    rows = [demand(kind, 40 + 5 * seed, seed) for kind in ("noise", "lumpy") for seed in range(6)]
    options = Options(horizon=6, season=6, origins=2)
    mixed = choose(history([rows[index] for index in order]), options)
    _same(choose(history(rows), options), mixed, order)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=0, max_size=45), st.integers(-8, 8), st.integers(2, 7))
def test_forecasts_scale_with_the_unit(values: list[int], power: int, season: int) -> None:
    """In units of a power of two all is exact, so the forecasts differ by rounding alone."""
    options = Options(horizon=5, season=season, origins=3)
    factor = 2.0**power
    plain = choose(history([[float(v) for v in values]]), options)
    scaled = choose(history([[v * factor for v in values]]), options)
    assert scaled.chosen.tolist() == plain.chosen.tolist()
    np.testing.assert_allclose(
        scaled.forecasts, plain.forecasts * factor, atol=1e-6 + 1e-6 * factor
    )
    np.testing.assert_allclose(scaled.upper, plain.upper * factor, atol=1e-6 + 1e-6 * factor)
    assert _finite(plain)
    assert (plain.lower <= plain.upper).all()
    assert (plain.forecasts >= 0).all()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=20, max_size=45), st.integers(1, 500))
def test_additive_models_move_with_a_constant(values: list[int], shift: int) -> None:
    """What is added to every bucket is added to the forecast."""
    models = ("naive", "seasonal_naive", "ses", "holt", "damped", "winters_additive")
    for name in models:
        options = Options(horizon=3, season=4, models=(name,), clip_at_zero=False)
        plain = choose(history([[float(v) for v in values]]), options)
        moved = choose(history([[float(v + shift) for v in values]]), options)
        if plain.constants.tolist() == moved.constants.tolist():  # else two were all but equal
            np.testing.assert_allclose(moved.forecasts, plain.forecasts + shift, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"horizon": 0}, "horizon must be a whole number from 1 to 366, not 0"),
        ({"origins": 53}, "origins must be"),
        ({"season": 0}, "season must be"),
        ({"step": 0}, "step must be"),
        ({"criterion": "luck"}, "criterion must be one of rmsse, mase, pinball"),
        ({"levels": ()}, "levels must be 1 to 9 different numbers"),
        ({"levels": (0.8, 0.8)}, "levels must be 1 to 9 different numbers"),
        ({"levels": (1.0,)}, "levels must lie between 0.01 and 0.999, not 1.0"),
        ({"levels": (float("nan"),)}, "levels must lie between"),
        ({"models": ()}, "models must name at least one"),
        ({"models": ("ses", "ses")}, "none twice"),
        ({"models": ("oracle",)}, "models: oracle is none of naive"),
    ],
)
def test_options_that_cannot_be(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Options(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("large", [1e-6, 1.0, 9e12])
def test_huge_tiny_and_jumping_quantities_stay_finite(large: float) -> None:
    """A quantity has up to 18 digits, six of them decimals."""
    chance = np.random.default_rng(8)
    rows = [
        np.where(chance.random(90) < share, large, least).tolist()
        for share in (0.02, 0.5, 0.98)
        for least in (0.0, 1e-6, 9e12)
    ]
    rows += [[least] * 60 + [large] * 30 for least in (0.0, 1e-6, 9e12)]
    for row in (sorted(rows[1]), sorted(rows[4], reverse=True)):
        rows.append(row)
    choice = choose(history(rows), Options(horizon=6, season=12))
    assert _finite(choice)
    assert (choice.lower <= choice.upper).all()
