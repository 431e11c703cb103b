"""The formulas that forecasts are made by, with their sources, for whoever asks why."""

from typing import NamedTuple


class Formula(NamedTuple):
    """`formula` in the words of the code, `source` the publication that it is from."""

    name: str
    formula: str
    source: str


_HYNDMAN = "Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing"
_ATHANASOPOULOS = "Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, 5.2"

FORMULAS: tuple[Formula, ...] = (
    Formula("naive", "forecast = last value", _ATHANASOPOULOS),
    Formula("seasonal_naive", "forecast = value one season before", _ATHANASOPOULOS),
    Formula(
        "ses",
        "level += alpha * error; error = value - level; forecast = level",
        "Brown (1956), Exponential Smoothing for Predicting Demand",
    ),
    Formula(
        "holt",
        "level = level + trend + alpha * error; trend += alpha * beta * error; "
        "forecast(h) = level + h * trend",
        "Holt (1957), Forecasting Seasonals and Trends by Exponentially Weighted Moving Averages",
    ),
    Formula(
        "damped",
        "level = level + phi * trend + alpha * error; trend = phi * trend + alpha * beta * error; "
        "forecast(h) = level + (phi + phi^2 + … + phi^h) * trend",
        "Gardner & McKenzie (1985), Forecasting Trends in Time Series",
    ),
    Formula(
        "winters_additive",
        "base = level + phi * trend; level = base + alpha * error; trend = phi * trend + alpha * "
        "beta * error; season += gamma * error; forecast(h) = level + (phi + … + phi^h) * trend + "
        "season of h; phi is 1, or 0 for no trend",
        f"Winters (1960), Forecasting Sales by Exponentially Weighted Moving Averages; {_HYNDMAN}",
    ),
    Formula(
        "winters_multiplicative",
        "base = level + phi * trend; level = base + alpha * error / season; trend = phi * trend + "
        "alpha * beta * error / season; season += gamma * error / base; forecast(h) = (level + "
        "(phi + … + phi^h) * trend) * season of h; phi is 1, or 0 for no trend",
        f"Winters (1960), Forecasting Sales by Exponentially Weighted Moving Averages; {_HYNDMAN}",
    ),
    Formula(
        "croston",
        "at a demand: size += alpha * (value - size), interval += alpha * (buckets since the last "
        "- interval); forecast = size / interval",
        "Croston (1972), Forecasting and Stock Control for Intermittent Demands",
    ),
    Formula(
        "sba",
        "forecast = (1 - alpha / 2) * size / interval, both as Croston's",
        "Syntetos & Boylan (2005), The Accuracy of Intermittent Demand Estimates",
    ),
    Formula(
        "tsb",
        "probability += beta * ((1 if demand else 0) - probability); at a demand: size += alpha * "
        "(value - size); forecast = probability * size",
        "Teunter, Syntetos & Babai (2011), Intermittent Demand: Linking Forecasting to Inventory "
        "Obsolescence",
    ),
    Formula("auto_ets", "chosen by statsforecast", _HYNDMAN),
    Formula(
        "auto_theta",
        "chosen by statsforecast",
        "Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), Models for Optimising the "
        "Theta Method",
    ),
    Formula(
        "auto_arima",
        "chosen by statsforecast",
        "Hyndman & Khandakar (2008), Automatic Time Series Forecasting",
    ),
    Formula(
        "constants",
        "of the stated grid those with the least sum of squared one-step errors; for the chosen "
        "model once more among the half-way points to their neighbours",
        f"{_HYNDMAN}, 5.1",
    ),
    Formula(
        "interval",
        "bound(h) = forecast(h) + sqrt(growth(h)) * quantile of past one-step errors; growth(h) = "
        "1 + sum over j < h of (alpha + alpha * beta * (phi + … + phi^j) + gamma if j is a "
        "multiple of the season)^2; not growing for croston, sba and tsb; of errors as shares of "
        "the forecast for winters_multiplicative",
        f"{_HYNDMAN}, table 6.1; the rank of the quantile: Vovk, Gammerman & Shafer (2005)",
    ),
    Formula(
        "mase",
        "mean absolute error / mean absolute change from bucket to bucket before the backtest",
        "Hyndman & Koehler (2006), Another Look at Measures of Forecast Accuracy",
    ),
    Formula(
        "rmsse",
        "sqrt(mean squared error / mean squared change from bucket to bucket before the backtest)",
        "Makridakis, Spiliotis & Assimakopoulos (2022), M5 Accuracy Competition",
    ),
    Formula("bias", "mean of forecast - value", _ATHANASOPOULOS),
    Formula(
        "pinball",
        "mean of q * (value - bound) where above, else (1 - q) * (bound - value), over all bounds, "
        "/ mean absolute change from bucket to bucket before the backtest",
        "Koenker & Bassett (1978), Regression Quantiles",
    ),
)


def formulas_of(model: str) -> tuple[Formula, ...]:
    """The model's own, and those that belong to all."""
    common = ("constants", "interval", "mase", "rmsse", "bias", "pinball")
    return tuple(formula for formula in FORMULAS if formula.name in (model, *common))
