"""The models by name: how each is made, which constants are tried, and what it needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import product

import numpy as np

from projections.planning.forecasting.history import Flags, Floats, Integers, Panel, first_true
from projections.planning.forecasting.intermittent import (
    Croston,
    SyntetosBoylan,
    TeunterSyntetosBabai,
)
from projections.planning.forecasting.naive import Naive, SeasonalNaive
from projections.planning.forecasting.recurrence import ALPHA, BETA, GAMMA, PHI, Maker
from projections.planning.forecasting.seasonal import Additive, Multiplicative
from projections.planning.forecasting.smoothing import TREND_BUCKETS, Simple, Trend

CONSTANTS = ("alpha", "beta", "gamma", "phi")
FITTED_MIN = 4  # one-step errors before the first origin that constants are chosen by


class WhyNot(IntEnum):
    """Why a model was not tried on a series; `TRIED` if it was."""

    TRIED = 0
    NO_BACKTEST = 1
    TOO_SHORT = 2
    NOT_POSITIVE = 3
    NEVER_EMPTY = 4
    FAILED = 5


WHY_NOT = {
    WhyNot.TRIED: "",
    WhyNot.NO_BACKTEST: "the history is too short for a backtest",
    WhyNot.TOO_SHORT: "the history before the first backtest is shorter than the model needs",
    WhyNot.NOT_POSITIVE: "a multiplicative season needs values above zero",
    WhyNot.NEVER_EMPTY: "no bucket is empty, so demand is not intermittent",
    WhyNot.FAILED: "the library could not fit it",
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model of this package. `grid` (G, 4) are the constants tried, in the order of ties.

    `axes` are the values along each constant that is refined. `flat`: the interval is as wide at
    every horizon. `relative`: errors are shares of the forecast.
    """

    name: str
    maker: Maker
    begin: Callable[[Panel, int], Integers]
    grid: Floats
    axes: dict[int, tuple[float, ...]] = field(default_factory=dict)
    flat: bool = False
    relative: bool = False

    def why_not(self, panel: Panel) -> Integers:
        """What (n) stands against it but the history's length."""
        if self.relative:
            return _because(
                np.asarray((panel.demand | ~panel.known).all(axis=0)), WhyNot.NOT_POSITIVE
            )
        if self.flat:
            return _because(
                np.asarray((panel.known & ~panel.demand).any(axis=0)), WhyNot.NEVER_EMPTY
            )
        return np.zeros(panel.series, np.int64)

    def used(self) -> tuple[str, ...]:
        """Names of the constants that it can choose."""
        varies = (self.grid != self.grid[0]).any(axis=0)
        return tuple(name for name, does in zip(CONSTANTS, varies, strict=True) if does)


def _because(fine: Flags, why: WhyNot) -> Integers:
    return np.where(fine, int(WhyNot.TRIED), int(why)).astype(np.int64)


def _grid(*axes: tuple[float, ...]) -> Floats:
    """All combinations of alpha, beta, gamma, phi."""
    return np.array(list(product(*axes)), np.float64)


def _after(buckets: Callable[[int], int]) -> Callable[[Panel, int], Integers]:
    """Errors count when so many buckets, by the season's length, lie behind."""
    return lambda panel, season: panel.first + buckets(season)


def _after_demand(panel: Panel, season: int) -> Integers:
    """Errors count after the first demand."""
    del season
    return first_true(panel.demand) + 1


_NONE = (0.0,)
_LEVEL = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)
_TREND_LEVEL, _TREND = (0.05, 0.1, 0.2, 0.35, 0.55, 0.8), (0.02, 0.06, 0.15, 0.35)
_DAMPING = (0.8, 0.9, 0.97)
_SEASON_LEVEL, _SEASON_TREND, _SEASON = (0.04, 0.12, 0.3, 0.6), (0.02, 0.1), (0.05, 0.15, 0.35)
_SIZE, _OFTEN = (0.05, 0.1, 0.15, 0.2, 0.3), (0.02, 0.05, 0.1, 0.2, 0.3)

_WINTERS_GRID = np.concatenate(
    [
        _grid(_SEASON_LEVEL, _NONE, _SEASON, (0.0,)),
        _grid(_SEASON_LEVEL, _SEASON_TREND, _SEASON, (1.0,)),
    ]
)
_WINTERS_AXES = {ALPHA: _SEASON_LEVEL, BETA: _SEASON_TREND, GAMMA: _SEASON}
_TREND_AXES = {ALPHA: _TREND_LEVEL, BETA: _TREND}

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("naive", Naive, _after(lambda _: 1), _grid((1.0,), _NONE, _NONE, _NONE)),
        Model(
            "seasonal_naive", SeasonalNaive, _after(lambda m: m), _grid(_NONE, _NONE, (1.0,), _NONE)
        ),
        Model("ses", Simple, _after(lambda _: 1), _grid(_LEVEL, _NONE, _NONE, _NONE),
              {ALPHA: _LEVEL}),
        Model("holt", Trend, _after(lambda _: TREND_BUCKETS),
              _grid(_TREND_LEVEL, _TREND, _NONE, (1.0,)), _TREND_AXES),
        Model("damped", Trend, _after(lambda _: TREND_BUCKETS),
              _grid(_TREND_LEVEL, _TREND, _NONE, _DAMPING), {**_TREND_AXES, PHI: _DAMPING}),
        Model("winters_additive", Additive, _after(lambda m: 2 * m), _WINTERS_GRID, _WINTERS_AXES),
        Model("winters_multiplicative", Multiplicative, _after(lambda m: 2 * m), _WINTERS_GRID,
              _WINTERS_AXES, relative=True),
        Model("croston", Croston, _after_demand, _grid(_SIZE, _NONE, _NONE, _NONE), {ALPHA: _SIZE},
              flat=True),
        Model("sba", SyntetosBoylan, _after_demand, _grid(_SIZE, _NONE, _NONE, _NONE),
              {ALPHA: _SIZE}, flat=True),
        Model("tsb", TeunterSyntetosBabai, _after_demand, _grid(_SIZE, _OFTEN, _NONE, _NONE),
              {ALPHA: _SIZE, BETA: _OFTEN}, flat=True),
    )
}  # fmt: skip


def refined(model: Model, constants: Floats) -> Floats:
    """The constants (n, 4) and those half-way to their neighbours, (n, R, 4), themselves first.

    Beyond the ends of an axis: half of the first value, and half-way from the last to 1. A constant
    that is 0, so a trend that is not there, stays.
    """
    found = constants[:, None, :]
    for column, values in model.axes.items():
        axis = np.array(values)
        below = np.concatenate([axis[:1] / 2, (axis[:-1] + axis[1:]) / 2])
        above = np.concatenate([(axis[:-1] + axis[1:]) / 2, (axis[-1:] + 1) / 2])
        place = np.searchsorted(axis, constants[:, column]).clip(0, len(axis) - 1)
        there = constants[:, column] > 0
        choices = [found]
        for near in (below, above):
            other = found.copy()
            other[:, :, column] = np.where(there, near[place], 0.0)[:, None]
            choices.append(other)
        found = np.concatenate(choices, axis=1)
    if GAMMA in model.axes:
        found[:, :, GAMMA] = np.minimum(found[:, :, GAMMA], 1.0 - found[:, :, ALPHA])
    return found
