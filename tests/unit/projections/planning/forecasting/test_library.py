"""The models of statsforecast beside ours, and what is said where it is not installed."""

import sys
from typing import Any

import numpy as np
import pytest
from statsforecast.models import AutoETS, AutoTheta

from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.explained import forecast_one
from projections.planning.forecasting.history import Floats
from projections.planning.forecasting.library import ForecastExtraMissing
from projections.planning.forecasting.models import WhyNot
from projections.planning.forecasting.options import EXTRA, Options
from tests.unit.projections.planning.forecasting.series import demand, history

OPTIONS = Options(horizon=6, season=12, origins=2, models=("naive", "auto_ets", "auto_theta"))


@pytest.mark.parametrize(("name", "model"), [("auto_ets", AutoETS), ("auto_theta", AutoTheta)])
def test_what_leaves_is_what_the_library_says(name: str, model: type) -> None:
    row = demand("season", 72)
    theirs = model(season_length=12).forecast(np.array(row), 6, level=[80, 95])
    choice = choose(history([row]), Options(horizon=6, season=12, origins=1, models=(name,)))
    assert choice.models[int(choice.chosen[0])] == name
    np.testing.assert_allclose(choice.forecasts[0], theirs["mean"], atol=1e-6)
    for level, bound in enumerate((80, 95)):
        np.testing.assert_allclose(choice.lower[level, 0], theirs[f"lo-{bound}"], atol=1e-6)
        np.testing.assert_allclose(choice.upper[level, 0], theirs[f"hi-{bound}"], atol=1e-6)


def test_it_is_fitted_anew_at_each_origin_and_scored_as_ours() -> None:
    row = demand("season", 72)
    errors = []
    for origin in (63, 66):
        theirs = AutoETS(season_length=12).forecast(np.array(row[:origin]), 6)["mean"]
        errors += (theirs - np.array(row[origin : origin + 6])).tolist()
    forecast = forecast_one(history([row]), 0, OPTIONS)
    naive, ets, _ = forecast.scores
    assert ets.bias == pytest.approx(sum(errors) / 12, abs=1e-6)
    assert ets.mase is not None
    assert naive.mase is not None
    assert ets.mase < naive.mase
    assert forecast.model in ("auto_ets", "auto_theta")
    assert forecast.constants == {}


@pytest.mark.parametrize("name", EXTRA)
def test_each_of_them_can_be_had(name: str) -> None:
    choice = choose(history([demand("noise", 60)]), Options(horizon=3, origins=1, models=(name,)))
    assert choice.models[int(choice.chosen[0])] == name
    assert np.isfinite(choice.forecasts).all()
    assert (choice.lower <= choice.upper).all()


def test_short_unknown_and_strange_histories() -> None:
    with_gaps: list[float | None] = [*demand("noise", 60)]
    with_gaps[20:24] = [None] * 4
    jump: list[float | None] = [0.0 if place < 30 else 1e12 for place in range(60)]
    rows: list[list[float | None]] = [
        [],
        [3.0],
        [5.0] * 40,
        [*demand("lumpy", 60)],
        with_gaps,
        jump,
    ]
    choice = choose(history(rows), OPTIONS)
    assert choice.scores.why_not[:2, 1].tolist() == [WhyNot.NO_BACKTEST] * 2
    for array in (choice.forecasts, choice.lower, choice.upper, choice.scores.rmsse):
        assert np.isfinite(array).all()


def test_where_the_library_fails_another_model_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Exception("no model able to be fitted")  # noqa: TRY002  as the library does

    monkeypatch.setattr(AutoETS, "forecast", fail)
    options = Options(horizon=6, season=12, origins=2, models=("auto_ets", "naive"))
    choice = choose(history([demand("season", 72)]), options)
    assert choice.scores.why_not[0, 0] == WhyNot.FAILED
    assert choice.models[int(choice.chosen[0])] == "naive"
    assert choice.scores.rmsse[0, 0] == 0


def test_without_the_library_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    with pytest.raises(ForecastExtraMissing, match=r"install stockledger\[forecast\]"):
        choose(history([]), OPTIONS)
    choose(history([]), Options())  # ours need nothing


def test_a_bucket_that_is_not_known_is_given_as_the_last_known_one() -> None:
    row = demand("season", 60)
    with_gap: list[float | None] = [*row]
    with_gap[40] = None
    told = [*row[:40], row[39], *row[41:]]
    options = Options(horizon=3, season=12, origins=1, models=("auto_ets",))
    ours = choose(history([with_gap]), options).forecasts
    assert ours.tolist() == choose(history([told]), options).forecasts.tolist()
    assert ours.tolist() != choose(history([row]), options).forecasts.tolist()


def test_what_fails_only_at_the_end_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    forecast = AutoETS.forecast

    def fail_at_the_end(self: AutoETS, y: Floats, *rest: Any, **named: Any) -> object:
        if len(y) == 72:
            raise Exception("no model able to be fitted")  # noqa: TRY002  as the library does
        return forecast(self, y, *rest, **named)

    monkeypatch.setattr(AutoETS, "forecast", fail_at_the_end)
    options = Options(horizon=6, season=12, origins=2, models=("auto_ets", "naive"))
    choice = choose(history([demand("season", 72)]), options)
    assert choice.scores.why_not[0, 0] == WhyNot.FAILED
    assert choice.models[int(choice.chosen[0])] == "naive"
