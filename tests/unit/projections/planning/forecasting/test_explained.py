"""A forecast in words: dates, intervals, scores, and what they are made by."""

import datetime

import numpy as np
import pytest

from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.explained import explained, forecast_one
from projections.planning.forecasting.formulas import FORMULAS, formulas_of
from projections.planning.forecasting.models import MODELS, WhyNot
from projections.planning.forecasting.options import EXTRA, OURS, Options
from tests.unit.projections.planning.forecasting.series import MONDAY, demand, history

OPTIONS = Options(horizon=3, season=12, levels=(0.5, 0.9))


def test_the_numbers_are_those_of_the_choice_among_all() -> None:
    rows = [demand(kind, 90, seed) for kind in ("season", "lumpy") for seed in range(3)]
    many = history(rows)
    choice = choose(many, OPTIONS)
    for index in range(len(rows)):
        forecast = forecast_one(many, index, OPTIONS)
        assert forecast == explained(choice, index, many, OPTIONS)
        assert [point.forecast for point in forecast.points] == choice.forecasts[index].tolist()
        for step, point in enumerate(forecast.points):
            low, high = choice.lower[:, index, step], choice.upper[:, index, step]
            assert [*point.intervals] == [*zip((0.5, 0.9), low, high, strict=True)]
            assert point.first_day == MONDAY + 7 * (90 + step)
            weekday = (datetime.date(1970, 1, 1) + datetime.timedelta(point.first_day)).weekday()
            assert weekday == 0


def test_it_says_which_model_by_which_constants_and_which_were_not_tried() -> None:
    forecast = forecast_one(history([demand("season", 90)]), 0, OPTIONS)
    assert forecast.model in ("winters_additive", "winters_multiplicative")
    assert set(forecast.constants) == {"alpha", "beta", "gamma", "phi"}
    assert (forecast.reason, forecast.origins) == ("backtest", 5)
    scores = {score.model: score for score in forecast.scores}
    assert list(scores) == list(OURS)
    assert scores["croston"].why_not == "no bucket is empty, so demand is not intermittent"
    assert scores["croston"].rmsse is None
    best, naive = scores[forecast.model].rmsse, scores["naive"].rmsse
    assert best is not None
    assert naive is not None
    assert best < naive
    assert forecast.formulas[0].name == forecast.model


def test_where_nothing_changed_there_is_nothing_to_scale_by() -> None:
    forecast = forecast_one(history([[0.0] * 40 + [5.0] * 3]), 0, OPTIONS)
    naive = forecast.scores[0]
    assert (naive.why_not, naive.mase, naive.rmsse, naive.pinball) == (None, None, None, None)
    assert naive.bias is not None
    assert naive.bias < 0


def test_too_short_a_history_names_its_fallback() -> None:
    forecast = forecast_one(history([[4.0, 6.0, 5.0]]), 0, OPTIONS)
    assert (forecast.model, forecast.reason, forecast.origins) == ("ses", "too_short", 0)
    assert all(score.why_not and score.mase is None for score in forecast.scores)


@pytest.mark.parametrize("model", [*OURS, *EXTRA])
def test_every_model_has_a_formula_with_its_source(model: str) -> None:
    first, *common = formulas_of(model)
    assert first.name == model
    assert [formula.name for formula in common] == [f.name for f in FORMULAS[-6:]]
    assert all(formula.formula and formula.source for formula in (first, *common))
    for constant in MODELS[model].used() if model in MODELS else ():
        assert constant in " ".join(formula.formula for formula in (first, *common))


@pytest.mark.parametrize(("length", "tried"), [(16, True), (15, False)])
def test_a_model_needs_four_errors_before_the_first_backtest(length: int, tried: bool) -> None:
    """Two seasons of 4 and 4 buckets lie before the origin of 16 - 4, but not of 15 - 4."""
    options = Options(horizon=4, season=4, origins=1, models=("winters_additive",))
    choice = choose(history([demand("season", length)]), options)
    assert (choice.scores.why_not[0, 0] == WhyNot.TRIED) is np.bool_(tried)
