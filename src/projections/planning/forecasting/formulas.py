"""The formulas that forecasts are made by, with their sources, for whoever asks why."""

from projections.planning.formulas import Formula

FORMULAS: tuple[Formula, ...] = (
    Formula(
        "naive",
        "forecast",
        "what was last",
        "units a bucket",
        "forecast = last value",
        "Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, 5.2",
    ),
    Formula(
        "seasonal_naive",
        "forecast",
        "what was a season ago",
        "units a bucket",
        "forecast = value one season before",
        "Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, 5.2",
    ),
    Formula(
        "ses",
        "forecast",
        "simple exponential smoothing",
        "units a bucket",
        "level += alpha * error; error = value - level; forecast = level",
        "Brown (1956), Exponential Smoothing for Predicting Demand",
    ),
    Formula(
        "holt",
        "forecast",
        "exponential smoothing with a linear trend",
        "units a bucket",
        "level = level + trend + alpha * error; trend += alpha * beta * error; forecast(h) = "
        "level + h * trend",
        "Holt (1957), Forecasting Seasonals and Trends by Exponentially Weighted Moving Averages",
    ),
    Formula(
        "damped",
        "forecast",
        "exponential smoothing with a trend that dies out",
        "units a bucket",
        "level = level + phi * trend + alpha * error; trend = phi * trend + alpha * beta * "
        "error; forecast(h) = level + (phi + phi^2 + … + phi^h) * trend",
        "Gardner & McKenzie (1985), Forecasting Trends in Time Series",
    ),
    Formula(
        "winters_additive",
        "forecast",
        "exponential smoothing with a season that is added",
        "units a bucket",
        "base = level + phi * trend; level = base + alpha * error; trend = phi * trend + "
        "alpha * beta * error; season += gamma * error; forecast(h) = level + (phi + … + "
        "phi^h) * trend + season of h; phi is 1, or 0 for no trend",
        "Winters (1960), Forecasting Sales by Exponentially Weighted Moving Averages; "
        "Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing",
    ),
    Formula(
        "winters_multiplicative",
        "forecast",
        "exponential smoothing with a season that is a factor",
        "units a bucket",
        "base = level + phi * trend; level = base + alpha * error / season; trend = phi * "
        "trend + alpha * beta * error / season; season += gamma * error / base; forecast(h) ="
        " (level + (phi + … + phi^h) * trend) * season of h; phi is 1, or 0 for no trend",
        "Winters (1960), Forecasting Sales by Exponentially Weighted Moving Averages; "
        "Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing",
    ),
    Formula(
        "croston",
        "forecast",
        "size and interval of intermittent demand, smoothed apart",
        "units a bucket",
        "at a demand: size += alpha * (value - size), interval += alpha * (buckets since the "
        "last - interval); forecast = size / interval",
        "Croston (1972), Forecasting and Stock Control for Intermittent Demands",
    ),
    Formula(
        "sba",
        "forecast",
        "Croston's without its bias",
        "units a bucket",
        "forecast = (1 - alpha / 2) * size / interval, both as Croston's",
        "Syntetos & Boylan (2005), The Accuracy of Intermittent Demand Estimates",
    ),
    Formula(
        "tsb",
        "forecast",
        "size and probability of intermittent demand, smoothed apart",
        "units a bucket",
        "probability += beta * ((1 if demand else 0) - probability); at a demand: size += "
        "alpha * (value - size); forecast = probability * size",
        "Teunter, Syntetos & Babai (2011), Intermittent Demand: Linking Forecasting to "
        "Inventory Obsolescence",
    ),
    Formula(
        "auto_ets",
        "forecast",
        "exponential smoothing, its form chosen by the library",
        "units a bucket",
        "chosen by statsforecast",
        "Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing",
    ),
    Formula(
        "auto_theta",
        "forecast",
        "theta method, its form chosen by the library",
        "units a bucket",
        "chosen by statsforecast",
        "Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), Models for Optimising "
        "the Theta Method",
    ),
    Formula(
        "auto_arima",
        "forecast",
        "ARIMA, its order chosen by the library",
        "units a bucket",
        "chosen by statsforecast",
        "Hyndman & Khandakar (2008), Automatic Time Series Forecasting",
    ),
    Formula(
        "constants",
        "alpha, beta, gamma, phi",
        "smoothing constants",
        "1",
        "of the stated grid those with the least sum of squared one-step errors; for the "
        "chosen model once more among the half-way points to their neighbours",
        "Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing, 5.1",
    ),
    Formula(
        "interval",
        "lower, upper",
        "central prediction interval of each level",
        "units a bucket",
        "bound(h) = forecast(h) + sqrt(growth(h)) * quantile of past one-step errors; "
        "growth(h) = 1 + sum over j < h of (alpha + alpha * beta * (phi + … + phi^j) + gamma "
        "if j is a multiple of the season)^2; not growing for croston, sba and tsb; of errors"
        " as shares of the forecast for winters_multiplicative",
        "Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing, table"
        " 6.1; the rank of the quantile: Vovk, Gammerman & Shafer (2005)",
    ),
    Formula(
        "mase",
        "MASE",
        "mean absolute scaled error of the backtests",
        "1",
        "mean absolute error / mean absolute change from bucket to bucket before the backtest",
        "Hyndman & Koehler (2006), Another Look at Measures of Forecast Accuracy",
    ),
    Formula(
        "rmsse",
        "RMSSE",
        "root mean squared scaled error of the backtests",
        "1",
        "sqrt(mean squared error / mean squared change from bucket to bucket before the backtest)",
        "Makridakis, Spiliotis & Assimakopoulos (2022), M5 Accuracy Competition",
    ),
    Formula(
        "bias",
        "bias",
        "mean error of the backtests",
        "units a bucket",
        "mean of forecast - value",
        "Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, 5.2",
    ),
    Formula(
        "pinball",
        "pinball",
        "pinball loss of the bounds in the backtests, scaled",
        "1",
        "mean of q * (value - bound) where above, else (1 - q) * (bound - value), over all "
        "bounds, / mean absolute change from bucket to bucket before the backtest",
        "Koenker & Bassett (1978), Regression Quantiles",
    ),
)


def formulas_of(model: str) -> tuple[Formula, ...]:
    """The model's own, and those that belong to all."""
    common = ("constants", "interval", "mase", "rmsse", "bias", "pinball")
    return tuple(formula for formula in FORMULAS if formula.name in (model, *common))
