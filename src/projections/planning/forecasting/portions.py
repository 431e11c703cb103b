"""How many series are worked on at once, so that memory has a bound whatever is asked for."""

from typing import Final

from projections.planning.forecasting.models import MODELS
from projections.planning.forecasting.options import Options

# What the backtest of a model may hold of the series that it is trying. At the largest options a
# series takes 7 MB, most of it the bounds at every origin; at those that hold by default 0.1 MB.
BACKTEST_BYTES_MAX: Final = 256 * 1024 * 1024
# What may be held of the histories that were bucketed together, and of the forecasts made of them.
RESULTS_BYTES_MAX: Final = 64 * 1024 * 1024
TRIED_MAX: Final = 512  # so that what a walk touches stays in a processor's cache
HELD_MAX: Final = 4_096  # more would save no time
_FLOAT_BYTES: Final = 8
_HISTORIES: Final = 10  # as many floats a bucket: values, weights, errors in order, flags
_COPIES: Final = 4  # of forecasts and bounds: as made, rounded, joined, and in the scenario
_CONSTANTS_TRIED: Final = max(len(model.grid) for model in MODELS.values())


def tried_at_once(options: Options, buckets: int, season: int) -> int:
    """How many series with so many buckets are tried together; at least one."""
    return _fitting(BACKTEST_BYTES_MAX, _backtest_floats(options, buckets, season), TRIED_MAX)


def held_at_once(options: Options, buckets: int) -> int:
    """How many series are bucketed together, and their forecasts kept; at least one."""
    floats = _COPIES * _outlook_floats(options) + _HISTORIES * buckets
    return _fitting(RESULTS_BYTES_MAX, floats, HELD_MAX)


def _fitting(bytes_max: int, floats: int, most: int) -> int:
    return max(1, min(most, bytes_max // (floats * _FLOAT_BYTES)))


def _outlook_floats(options: Options) -> int:
    """Numbers of a forecast with its bounds."""
    return options.horizon * (1 + 2 * len(options.levels))


def _backtest_floats(options: Options, buckets: int, season: int) -> int:
    """Numbers that are held of one series at most.

    The outlook at each origin, once more without what is not finite, and the flags for that; the
    errors up to each origin; and the season as it is and as it began, for all that is tried.
    """
    origins = options.origins
    return (
        17 * origins * _outlook_floats(options) // 8  # a flag is an eighth of a float
        + origins * buckets
        + 2 * season * max(_CONSTANTS_TRIED, origins)
        + _HISTORIES * buckets
    )
