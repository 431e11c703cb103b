"""Models of the library statsforecast, which the extra `[forecast]` installs.

They take part in the choice as ours do. Their constants are their own affair and come out as 0,
and so do the past errors that their bounds rest on: those are the library's. Their digits may
differ between processors. A bucket that is not known is given to them as the last known value.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from projections.planning.forecasting.backtest import Outlook, Plan
from projections.planning.forecasting.history import Floats, Integers, Panel
from projections.planning.forecasting.models import WhyNot

CLASSES = {
    "auto_ets": "AutoETS",
    "auto_theta": "AutoTheta",
    "auto_arima": "AutoARIMA",
}
LENGTH_MIN = 12  # buckets; with fewer they fail or fit noise
SEASON_MAX = {"auto_ets": 24}  # a longer season it leaves out, with a warning for each series


class ForecastExtraMissing(Exception):
    """These models need statsforecast: install stockledger[forecast]."""


def library_models() -> Any:
    """The library's models; raises `ForecastExtraMissing`. Importing them takes seconds."""
    try:
        from statsforecast import models
    except ImportError as missing:
        raise ForecastExtraMissing(ForecastExtraMissing.__doc__) from missing
    return models


@dataclass(frozen=True, slots=True)
class Library:
    """One of them as a candidate."""

    name: str

    def why_not(self, panel: Panel, season: int, first_origin: Integers) -> Integers:
        """A dozen buckets before the first origin are enough."""
        del season
        short = panel.first + LENGTH_MIN > first_origin
        return np.where(short, int(WhyNot.TOO_SHORT), int(WhyNot.TRIED)).astype(np.int64)

    def backtest(self, panel: Panel, plan: Plan) -> tuple[Outlook, Floats]:
        """Fitted anew at each origin; infinite where that failed, there or at the end."""
        at_origins = self._outlook(panel, plan, plan.origins)
        at_end = self._outlook(panel, plan, (panel.buckets,))
        fine = np.isfinite(at_end.bounds).all(axis=(0, 1, 2))
        bounds = np.where(fine, at_origins.bounds, np.inf)
        return Outlook(at_origins.forecasts, bounds, at_origins.counted), self._constants(panel)

    def final(self, panel: Panel, plan: Plan, constants: Floats | None) -> tuple[Outlook, Floats]:
        """Fitted to all of the history."""
        del constants
        return self._outlook(panel, plan, (panel.buckets,)), self._constants(panel)

    def _constants(self, panel: Panel) -> Floats:
        return np.zeros((panel.series, 4))

    def _outlook(self, panel: Panel, plan: Plan, stops: Sequence[int]) -> Outlook:
        forecasts = np.full((len(stops), plan.horizon, panel.series), np.inf)
        bounds = np.full((len(stops), len(plan.quantiles), plan.horizon, panel.series), np.inf)
        filled = _filled(panel)
        for index, stop in enumerate(stops):
            for row in range(panel.series):
                values = filled[panel.first[row] : stop, row]
                answer = self._forecast(values, plan)
                if answer is not None:
                    forecasts[index, :, row], bounds[index, :, :, row] = answer
        if plan.clip_at_zero:
            np.maximum(forecasts, 0.0, out=forecasts)
            np.maximum(bounds, 0.0, out=bounds)
        return Outlook(forecasts, bounds, np.zeros((len(stops), panel.series), np.int64))

    def _forecast(self, values: Floats, plan: Plan) -> tuple[Floats, Floats] | None:
        """Forecasts (H) and bounds (Q, H), or None where the library has no finite ones."""
        season = plan.season if len(values) >= 2 * plan.season else 1
        season = 1 if season > SEASON_MAX.get(self.name, season) else season
        lower = plan.quantiles[: len(plan.quantiles) // 2]
        levels = [round(100 * (1 - 2 * q), 6) for q in lower]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fits that did not converge: the backtest tells
            try:
                model = getattr(library_models(), CLASSES[self.name])(season_length=season)
                answer = model.forecast(np.ascontiguousarray(values), plan.horizon, level=levels)
            except ForecastExtraMissing:
                raise
            except Exception:  # noqa: BLE001  the library raises bare ones where nothing fits
                return None
        keys = [*(f"lo-{level}" for level in levels), *(f"hi-{level}" for level in levels)]
        bounds = np.array([answer[key] for key in keys], np.float64)
        forecasts = np.asarray(answer["mean"], np.float64)
        if not (np.isfinite(bounds).all() and np.isfinite(forecasts).all()):
            return None
        return forecasts, bounds


def _filled(panel: Panel) -> Floats:
    """Values (T, n), the last known one where not known."""
    filled = panel.values[:, :, 0].copy()
    for bucket in range(1, panel.buckets):
        filled[bucket] = np.where(panel.known[bucket], filled[bucket], filled[bucket - 1])
    return filled
