"""Forecasts of a run: a model for each series of the classes that are wanted, and what it says."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.forecasting.buckets import Span, bucketed, open_ahead
from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.explained import Forecast, ModelScore, Point, explained
from projections.planning.forecasting.options import Options
from projections.planning.forecasting.portions import held_at_once
from projections.planning.forecasting.scenario import in_scenario
from projections.planning.parameters import ForecastParameters, Parameters, day_text
from projections.planning.run_demand import calendar_of, quantities
from projections.planning.run_stored import statistic
from projections.planning.run_writer import Row
from projections.planning.stock_outs import stock_outs

_encode = msgspec.json.Encoder().encode


def forecast_rows(days: Days, abc: Sequence[str], parameters: Parameters) -> list[Row]:
    """A row of `planning_forecasts` for each series of the wanted classes, without the run's id.

    Raises ForecastExtraMissing where a model is wanted that is not installed.
    """
    wanted = parameters.forecast
    if not wanted.enabled:
        return []
    classes = frozenset(wanted.classes)
    numbers = np.flatnonzero(np.array([one in classes for one in abc], dtype=np.bool_))
    rows: list[Row] = []
    at_once = held_at_once(options_of(wanted), wanted.buckets_max)
    for first in range(0, len(numbers), at_once):
        chosen = taken(days, numbers[first : first + at_once])
        rows += _rows(chosen, parameters)
    return rows


def taken(days: Days, numbers: Integers) -> Days:
    """Some of the series, in this order, with all of their rows."""
    lengths = (days.starts[1:] - days.starts[:-1])[numbers]
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    rows = np.arange(starts[-1]) + np.repeat(days.starts[:-1][numbers] - starts[:-1], lengths)
    which = numbers.tolist()
    return replace(
        days,
        skus=[days.skus[one] for one in which],
        sites=[days.sites[one] for one in which],
        scales=days.scales[numbers],
        starts=starts,
        day=days.day[rows],
        columns={name: column[rows] for name, column in days.columns.items()},
    )


def options_of(wanted: ForecastParameters) -> Options:
    """The options as the models take them."""
    return Options(
        horizon=wanted.horizon,
        season=wanted.season,
        levels=tuple(float(level) for level in wanted.levels),
        models=wanted.models,
        criterion=wanted.criterion,
        origins=wanted.origins,
        step=wanted.step,
    )


def _rows(days: Days, parameters: Parameters) -> list[Row]:
    wanted, until_day = parameters.forecast, parameters.as_of_day + 1
    options = options_of(wanted)
    first_day = int(days.day.min(initial=until_day))
    out = stock_outs(days, first_day, until_day)
    demand = quantities(days, parameters.demand)
    calendar = calendar_of(parameters.demand)
    span = Span(wanted.bucket, until_day, wanted.buckets_max)
    history = bucketed(days, demand, span, out, calendar)
    is_open = open_ahead(history, options.horizon, calendar)
    change = 1 + float(parameters.what_if.demand_percent) / 100
    choice = in_scenario(choose(history, options), is_open, change)
    rows: list[Row] = []
    for index, (sku, site) in enumerate(zip(days.skus, days.sites, strict=True)):
        found = explained(choice, index, history, options)
        rows.append((sku, site, found.model, found.reason, _document(found, wanted)))
    return rows


def _document(found: Forecast, wanted: ForecastParameters) -> str:
    """The forecast as JSON. Its numbers are in whole units, as decimal texts."""
    return _encode(
        {
            "reason_text": found.reason_text,
            "bucket": wanted.bucket,
            "constants": {name: statistic(one) for name, one in found.constants.items()},
            "points": [_point(one, wanted.levels) for one in found.points],
            "past_errors": found.errors,
            "backtests": found.origins,
            "scores": [_score(one) for one in found.scores],
        }
    ).decode()


def _point(point: Point, levels: Sequence[str]) -> dict[str, Any]:
    return {
        "first_day": day_text(point.first_day),
        "forecast": statistic(point.forecast),
        "intervals": [
            {"level": level, "lower": statistic(lower), "upper": statistic(upper)}
            for level, (_, lower, upper) in zip(levels, point.intervals, strict=True)
        ],
    }


def _score(score: ModelScore) -> dict[str, Any]:
    numbers = {name: getattr(score, name) for name in ("mase", "rmsse", "bias", "pinball")}
    return {
        "model": score.model,
        "why_not": score.why_not,
        **{name: None if one is None else statistic(one) for name, one in numbers.items()},
    }
