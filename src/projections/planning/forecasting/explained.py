"""A forecast of one series in words and numbers."""

from dataclasses import dataclass

from projections.planning.forecasting.buckets import days_ahead
from projections.planning.forecasting.choice import REASONS, Choice, Reason, choose
from projections.planning.forecasting.formulas import formulas_of
from projections.planning.forecasting.history import History
from projections.planning.forecasting.models import CONSTANTS, MODELS, WHY_NOT, WhyNot
from projections.planning.forecasting.options import Options
from projections.planning.formulas import Formula


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket ahead: its first day (since 1970-01-01), units, and (level, lower, upper) each."""

    first_day: int
    forecast: float
    intervals: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class ModelScore:
    """How a model did in the backtest; all scores are None, with a reason, if it was not tried.

    `mase`, `rmsse` and `pinball` are None too where history did not change before the backtest,
    so that there is nothing to measure by.
    """

    model: str
    why_not: str | None
    mase: float | None
    rmsse: float | None
    bias: float | None
    pinball: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of one series. `errors`: past errors that the intervals rest on."""

    model: str
    reason: str
    reason_text: str
    constants: dict[str, float]
    points: tuple[Point, ...]
    errors: int
    origins: int
    scores: tuple[ModelScore, ...]
    formulas: tuple[Formula, ...]


def forecast_one(history: History, index: int, options: Options) -> Forecast:
    """Choose for one series of a history; the same digits as `choose` gives for all of them."""
    alone = history.part(slice(index, index + 1))
    return explained(choose(alone, options), 0, alone, options)


def explained(choice: Choice, index: int, history: History, options: Options) -> Forecast:
    """Series `index` of a choice that was made of this history with these options."""
    model = choice.models[choice.chosen[index]]
    used = MODELS[model].used() if model in MODELS else ()
    values = dict(zip(CONSTANTS, choice.constants[index].tolist(), strict=True))
    reason = Reason(choice.reason[index])
    return Forecast(
        model,
        reason.name.lower(),
        REASONS[reason],
        {name: values[name] for name in used},
        _points(choice, index, history, options),
        int(choice.errors[index]),
        int(choice.scores.origins[index]),
        tuple(_score(choice, index, column) for column in range(len(options.models))),
        formulas_of(model),
    )


def _points(choice: Choice, index: int, history: History, options: Options) -> tuple[Point, ...]:
    days = days_ahead(history, options.horizon).tolist()
    forecasts = choice.forecasts[index].tolist()
    lower, upper = choice.lower[:, index].T.tolist(), choice.upper[:, index].T.tolist()
    return tuple(
        Point(day, forecast, tuple(zip(options.levels, low, high, strict=True)))
        for day, forecast, low, high in zip(days, forecasts, lower, upper, strict=True)
    )


def _score(choice: Choice, index: int, column: int) -> ModelScore:
    scores, name = choice.scores, choice.models[column]
    why_not = WhyNot(scores.why_not[index, column])
    if why_not is not WhyNot.TRIED:
        return ModelScore(name, WHY_NOT[why_not], None, None, None, None)
    bias = float(scores.bias[index, column])
    if not scores.scaled[index]:
        return ModelScore(name, None, None, None, bias, None)
    mase, rmsse, pinball = (
        float(values[index, column]) for values in (scores.mase, scores.rmsse, scores.pinball)
    )
    return ModelScore(name, None, mase, rmsse, bias, pinball)
