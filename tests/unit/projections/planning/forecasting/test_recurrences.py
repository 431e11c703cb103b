"""Every model against the library statsforecast, or where it has none, against a plain loop."""

import numpy as np
import pytest
from statsforecast import models as library
from statsforecast.ets import pegelsfcast_C, pegelsresid_C

from projections.planning.forecasting.history import Floats, Panel
from projections.planning.forecasting.models import MODELS
from projections.planning.forecasting.recurrence import walk
from tests.unit.projections.planning.forecasting.series import demand, history

HORIZON = 9
SEASON = 12
SERIES = [demand(kind, seed=seed) for kind in ("noise", "trend", "season") for seed in (1, 2)]
LUMPY = [demand("lumpy", seed=seed) for seed in range(1, 7)]


def _walked(name: str, rows: list[list[float]], constants: list[float]) -> tuple[Floats, Floats]:
    """One-step errors (T, n) and forecasts (H, n), with these constants."""
    model, panel = MODELS[name], Panel(history(rows))
    recurrence = model.maker(panel, np.array([[constants]]), SEASON)
    errors = np.zeros((panel.buckets, panel.series))
    for step in walk(recurrence, panel, model.begin(panel, SEASON), panel.buckets):
        errors[step.bucket] = step.error[:, 0]
    return errors, recurrence.ahead(panel.buckets, HORIZON)[:, :, 0]


def _close(ours: Floats, theirs: Floats) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def _ets(
    row: list[float], state: list[float], constants: list[float], kind: str
) -> tuple[Floats, Floats]:
    """Errors and forecasts of the library's own recurrence, kind "AN", "AA"…: trend and season."""
    trend, season = kind[0], kind[1]
    alpha, beta, gamma, phi = constants
    damped = phi < 1
    parameters = (alpha, alpha * beta, gamma, phi)
    period = SEASON if season != "N" else 1
    _, errors, states, _ = pegelsresid_C(
        np.array(row), period, np.array(state), "A", trend, season, damped, *parameters, 1
    )
    if damped:  # its forecasts add phi twice up to 2.0.1 (Nixtla/statsforecast#1219): states only
        level, slope = states[-1, :2]
        return errors, level + slope * np.cumsum(phi ** np.arange(1, HORIZON + 1))
    fitted = {
        "states": states,
        "components": ["A", trend, season, "N"],
        "par": parameters,
        "m": period,
    }
    return errors, pegelsfcast_C(HORIZON, fitted)  # type: ignore[no-untyped-call]


def _least_squares(row: list[float]) -> tuple[float, float]:
    """End and slope of the line through the first ten."""
    slope, start = np.polyfit(np.arange(10), row[:10], 1)
    return float(start + 9 * slope), float(slope)


def _seasons(row: list[float], phi: float, *, ratio: bool) -> tuple[float, float, list[float]]:
    """Level, trend and season after two seasons, by plain loops."""
    older, newer = sum(row[:SEASON]) / SEASON, sum(row[SEASON : 2 * SEASON]) / SEASON
    trend = phi * (newer - older) / SEASON
    seasons = []
    for index in range(SEASON):
        away = trend * (index - (SEASON - 1) / 2)
        old, new = newer - trend * SEASON + away, newer + away
        pair = (row[index], old), (row[index + SEASON], new)
        seasons.append(sum(v / line if ratio else v - line for v, line in pair) / 2)
    return newer + trend * (SEASON - 1) / 2, trend, seasons


@pytest.mark.parametrize("row", range(len(SERIES)))
def test_naive_is_the_librarys(row: int) -> None:
    _, forecasts = _walked("naive", SERIES, [1, 0, 0, 0])
    theirs = library.Naive().forecast(np.array(SERIES[row]), HORIZON)["mean"]
    np.testing.assert_array_equal(forecasts[:, row], theirs)


@pytest.mark.parametrize("row", range(len(SERIES)))
def test_seasonal_naive_is_the_librarys(row: int) -> None:
    _, forecasts = _walked("seasonal_naive", SERIES, [0, 0, 1, 0])
    theirs = library.SeasonalNaive(SEASON).forecast(np.array(SERIES[row]), HORIZON)["mean"]
    np.testing.assert_array_equal(forecasts[:, row], theirs)


@pytest.mark.parametrize("alpha", [0.05, 0.37, 1.0])
def test_ses_is_the_librarys(alpha: float) -> None:
    errors, forecasts = _walked("ses", SERIES, [alpha, 0, 0, 0])
    for index, row in enumerate(SERIES):
        model = library.SimpleExponentialSmoothing(alpha)
        theirs = model.forecast(np.array(row), HORIZON, fitted=True)
        _close(forecasts[:, index], theirs["mean"])
        _close(errors[1:, index], np.array(row)[1:] - theirs["fitted"][1:])


@pytest.mark.parametrize(
    ("name", "constants"),
    [
        ("holt", [0.05, 0.3, 0, 1.0]),
        ("holt", [0.8, 0.02, 0, 1.0]),
        ("damped", [0.3, 0.15, 0, 0.9]),
        ("damped", [0.1, 0.35, 0, 0.97]),
    ],
)
def test_trend_is_the_librarys(name: str, constants: list[float]) -> None:
    errors, forecasts = _walked(name, SERIES, constants)
    for index, row in enumerate(SERIES):
        theirs, ahead = _ets(row[10:], [*_least_squares(row)], constants, "AN")
        _close(errors[10:, index], theirs)
        _close(forecasts[:, index], ahead)


@pytest.mark.parametrize("phi", [0.0, 1.0])
@pytest.mark.parametrize("constants", [[0.3, 0.1, 0.15], [0.04, 0.02, 0.35], [0.6, 0.0, 0.05]])
@pytest.mark.parametrize(
    ("name", "season"), [("winters_additive", "A"), ("winters_multiplicative", "M")]
)
def test_season_is_the_librarys(name: str, season: str, constants: list[float], phi: float) -> None:
    errors, forecasts = _walked(name, SERIES, [*constants, phi])
    for index, row in enumerate(SERIES):
        level, trend, seasons = _seasons(row, phi, ratio=season == "M")
        state = [level, *([trend] if phi else []), *reversed(seasons)]
        kind = ("A" if phi else "N") + season
        theirs, ahead = _ets(row[2 * SEASON :], state, [*constants, 1.0], kind)
        _close(errors[2 * SEASON :, index], theirs)
        _close(forecasts[:, index], ahead)


@pytest.mark.parametrize("row", range(len(LUMPY)))
def test_croston_and_sba_are_the_librarys(row: int) -> None:
    values = np.array(LUMPY[row])
    for name, model in (("croston", library.CrostonClassic()), ("sba", library.CrostonSBA())):
        _, forecasts = _walked(name, LUMPY, [0.1, 0, 0, 0])  # the library's alpha is 0.1
        theirs = model.forecast(values, HORIZON)["mean"]
        _close(forecasts[:, row], theirs)


@pytest.mark.parametrize("alphas", [(0.1, 0.02), (0.3, 0.3)])
@pytest.mark.parametrize("row", range(len(LUMPY)))
def test_tsb_is_the_librarys(row: int, alphas: tuple[float, float]) -> None:
    _, forecasts = _walked("tsb", LUMPY, [*alphas, 0, 0])
    theirs = library.TSB(*alphas).forecast(np.array(LUMPY[row]), HORIZON)["mean"]
    _close(forecasts[:, row], theirs)


def test_crostons_steps_by_hand() -> None:
    """Demand 6 after 3 buckets, 4 after 2, with alpha 0.5: size 6, 5; interval 3, 2.5."""
    errors, forecasts = _walked("croston", [[0, 0, 6, 0, 4, 0]], [0.5, 0, 0, 0])
    assert errors[:, 0].tolist() == [0, 0, 0, 0 - 2, 4 - 2, 0 - 2]
    assert forecasts[0, 0] == 5 / 2.5
    _, corrected = _walked("sba", [[0, 0, 6, 0, 4, 0]], [0.5, 0, 0, 0])
    assert corrected[0, 0] == 0.75 * 5 / 2.5


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_bucket_that_is_not_known_counts_as_if_the_forecast_had_come_true(name: str) -> None:
    """So its error is zero, and the forecast is as if the forecast had been observed."""
    model = MODELS[name]
    row: list[float | None] = [*demand("season")]
    row[100] = None
    if model.flat:
        row = [*demand("lumpy")]
        row[50:53] = [None] * 3
    panel = Panel(history([row]))
    constants = model.grid[None, -1:]
    recurrence = model.maker(panel, constants, SEASON)
    before: list[float] = []
    for step in walk(recurrence, panel, model.begin(panel, SEASON), panel.buckets):
        if row[step.bucket] is None:
            assert step.error[0, 0] == 0
            before.append(float(step.expected[0, 0]))
    if model.flat:
        told = [value for value in row if value is not None]  # no time passes
    else:
        told = [before[0] if value is None else value for value in row]
    other = model.maker(Panel(history([told])), constants, SEASON)
    panel = Panel(history([told]))
    for _ in walk(other, panel, model.begin(panel, SEASON), panel.buckets):
        pass
    ours = recurrence.ahead(len(row), HORIZON)
    theirs = other.ahead(len(told), HORIZON)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_multiplicative_level_that_falls_stays_above_zero() -> None:
    """At a thousandth of the mean of the second season, so that shares stay defined."""
    row = [1_000.0 - 7 * place for place in range(140)]
    model, panel = MODELS["winters_multiplicative"], Panel(history([row]))
    recurrence = model.maker(panel, np.array([[[0.3, 0.1, 0.15, 1.0]]]), SEASON)
    for _ in walk(recurrence, panel, model.begin(panel, SEASON), panel.buckets):
        pass
    ahead = recurrence.ahead(panel.buckets, 24)[:, 0, 0]
    floor = sum(row[SEASON : 2 * SEASON]) / SEASON / 1_000
    assert ahead[-1] > 0
    assert ahead[-1] == pytest.approx(floor, rel=0.2)  # times a season of about 1


def test_a_level_that_came_to_zero_goes_on_from_the_floor() -> None:
    """One tiny value after another: the forecast of the next is not below the floor's."""
    row = [1_000.0] * 24 + [1e-6] * 60
    errors, ahead = _walked("winters_multiplicative", [row], [0.6, 0.1, 0.05, 1.0])
    assert np.isfinite(errors).all()
    assert (1e-6 - errors[30:] > 0).all()
    assert (ahead > 0).all()


def test_in_the_first_season_what_is_not_known_is_what_was_known_last() -> None:
    row: list[float | None] = [*range(1, 2 * SEASON + 1)]
    row[3], row[SEASON + 3] = None, None  # it was never known
    panel = Panel(history([row]))
    recurrence = MODELS["seasonal_naive"].maker(panel, np.zeros((1, 1, 4)), SEASON)
    for _ in walk(recurrence, panel, panel.first + SEASON, panel.buckets):
        pass
    assert recurrence.ahead(panel.buckets, 5)[:, 0, 0].tolist() == [13, 14, 15, 3, 17]
