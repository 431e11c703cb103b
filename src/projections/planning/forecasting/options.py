"""What may be asked of a forecast, and what follows where nothing is said."""

from dataclasses import dataclass
from typing import Literal, get_args

from projections.planning.forecasting.history import Bucket

DECIMALS = 6  # of every number that leaves
Criterion = Literal["rmsse", "mase", "pinball"]

OURS = (
    "naive",
    "seasonal_naive",
    "ses",
    "holt",
    "damped",
    "winters_additive",
    "winters_multiplicative",
    "croston",
    "sba",
    "tsb",
)
EXTRA = ("auto_ets", "auto_theta", "auto_arima")

SEASONS: dict[Bucket, int] = {"day": 7, "week": 52, "month": 12}
HORIZON_MAX = 366
ORIGINS_MAX = 52
SEASON_MAX = 366
LEVELS_MAX = 9


@dataclass(frozen=True, slots=True)
class Options:
    """How to forecast. Errors: `ValueError` with a sentence that names the field.

    `horizon`: buckets ahead. `season`: buckets in a season; None is 7, 52 or 12 by the bucket.
    `levels`: of central prediction intervals. `models`: which to try, the simpler first, since of
    equal ones the first is taken. `criterion`: RMSSE by default, because squared error is least at
    the mean, which stock is planned by; absolute error is least at the median, which is zero
    where most buckets are empty. `origins`: how many backtests; `step`: buckets between them,
    None is half of the horizon. `clip_at_zero`: nothing below zero is forecast.
    """

    horizon: int = 13
    season: int | None = None
    levels: tuple[float, ...] = (0.8, 0.95)
    models: tuple[str, ...] = OURS
    criterion: Criterion = "rmsse"
    origins: int = 5
    step: int | None = None
    clip_at_zero: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        _within("horizon", self.horizon, HORIZON_MAX)
        _within("origins", self.origins, ORIGINS_MAX)
        if self.season is not None:
            _within("season", self.season, SEASON_MAX)
        if self.step is not None:
            _within("step", self.step, HORIZON_MAX)
        if self.criterion not in get_args(Criterion):
            raise ValueError(f"criterion must be one of {', '.join(get_args(Criterion))}")
        _check_levels(self.levels)
        _check_models(self.models)

    def season_of(self, bucket: Bucket) -> int:
        """The season's length in buckets."""
        return SEASONS[bucket] if self.season is None else self.season

    def origins_of(self, buckets: int) -> list[int]:
        """Backtest origins within a history, ascending: how many buckets lie before each."""
        step = -(-self.horizon // 2) if self.step is None else self.step
        last = buckets - self.horizon
        return [o for k in range(self.origins - 1, -1, -1) if (o := last - k * step) > 0]

    def quantiles(self) -> tuple[float, ...]:
        """Probabilities of the bounds: the lower of each level, then the upper of each."""
        lower = [round((1 - level) / 2, 9) for level in self.levels]
        return (*lower, *(round(1 - q, 9) for q in lower))


def _within(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise ValueError(f"{name} must be a whole number from 1 to {most}, not {value}")


def _check_levels(levels: tuple[float, ...]) -> None:
    if not 1 <= len(levels) <= LEVELS_MAX or len(set(levels)) != len(levels):
        raise ValueError(f"levels must be 1 to {LEVELS_MAX} different numbers")
    for level in levels:
        if not 0.01 <= level <= 0.999:  # noqa: PLR2004
            raise ValueError(f"levels must lie between 0.01 and 0.999, not {level}")


def _check_models(models: tuple[str, ...]) -> None:
    if not models or len(set(models)) != len(models):
        raise ValueError("models must name at least one model, and none twice")
    unknown = sorted(set(models) - {*OURS, *EXTRA})
    if unknown:
        raise ValueError(f"models: {', '.join(unknown)} is none of {', '.join((*OURS, *EXTRA))}")
