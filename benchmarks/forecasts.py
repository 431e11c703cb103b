"""Choice of a forecast for weekly series, beside statsforecast with the same models.

    python -m benchmarks.forecasts [--series 10000] [--library-series 300]

Both choose among eight models by five backtests of 13 weeks on 156, fitting constants anew at each
origin, and then forecast; on one core, in CPU seconds. Ours also makes intervals at two levels,
the library's runs make none. Its time to import and compile is given apart, and it is measured on
fewer series, since its time for one does not depend on how many there are. Winters' two models are
left out of the comparison: the library takes no season longer than 24 buckets. Ours is also given
with them, as it is by default.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.history import Floats, History
from projections.planning.forecasting.options import OURS, Options

WEEKS = 156
SHARED = tuple(name for name in OURS if not name.startswith("winters"))
MONDAY = 18_267


def series(number: int, seed: int = 1) -> Floats:
    """A third each: steady with a season, trending, intermittent; whole numbers."""
    chance = np.random.default_rng(seed)
    time_axis = np.arange(WEEKS)
    level = chance.gamma(2.0, 30.0, (number, 1))
    season = 1 + 0.4 * np.sin(2 * np.pi * (time_axis / 52 + chance.random((number, 1))))
    trend = 1 + chance.normal(0, 0.004, (number, 1)) * time_axis
    rate = np.maximum(level * np.where(np.arange(number)[:, None] % 3 == 0, season, trend), 0)
    lumps = chance.poisson(0.4, (number, WEEKS)) * chance.integers(1, 12, (number, WEEKS))
    steady = chance.poisson(rate)
    values: Floats = np.where(np.arange(number)[:, None] % 3 == 2, lumps, steady).astype(float)
    return values


def cpu_seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """The least CPU time of so many runs."""
    least = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        work()
        least = min(least, time.process_time() - started)
    return least


def ours(values: Floats, models: tuple[str, ...], repeats: int) -> float:
    """CPU seconds of the choice among these models."""
    days = (MONDAY + 7 * np.arange(WEEKS + 1)).astype(np.int32)
    history = History(values, np.ones(values.shape, np.bool_), "week", days)
    options = Options(models=models)
    return cpu_seconds(lambda: choose(history, options), repeats)


def library() -> Callable[[Floats], object]:
    """The same with statsforecast: backtests, scores and choice, forecasts."""
    import pandas as pd
    from statsforecast import StatsForecast
    from statsforecast import models as theirs

    options = Options()
    step = options.origins_of(WEEKS)[1] - options.origins_of(WEEKS)[0]

    def models() -> list[Any]:
        return [
            theirs.Naive(),
            theirs.SeasonalNaive(52),
            theirs.SimpleExponentialSmoothingOptimized(),
            theirs.Holt(),
            theirs.AutoETS(model="AAN", damped=True, alias="damped"),
            theirs.CrostonOptimized(),
            theirs.CrostonSBA(),
            theirs.TSB(0.1, 0.1),
        ]

    def run(values: Floats) -> object:
        number = len(values)
        weeks = pd.date_range("2020-01-06", periods=WEEKS, freq="W-MON")
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(np.arange(number), WEEKS),
                "ds": np.tile(weeks, number),
                "y": values.ravel(),
            }
        )
        forecaster = StatsForecast(models(), freq="W-MON", n_jobs=1)
        found: Any = forecaster.cross_validation(
            h=options.horizon, df=frame, step_size=step, n_windows=options.origins
        )
        names = [name for name in found.columns if name not in ("unique_id", "ds", "cutoff", "y")]
        squares = found[names].sub(found["y"], axis=0) ** 2
        best = squares.groupby(found["unique_id"]).mean().idxmin(axis=1)
        ahead = forecaster.forecast(df=frame, h=options.horizon)
        return best, ahead

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--library-series", type=int, default=300)
    arguments = parser.parse_args()
    values = series(arguments.series)
    ours(values[:600], OURS, 1)  # warms caches and numpy's own first calls
    by_default = ours(values, OURS, 2)
    shared = ours(values, SHARED, 2)
    print(f"ours, {len(OURS)} models, {len(values):,} series: {by_default:.1f} CPU s")
    print(f"ours, {len(SHARED)} models, {len(values):,} series: {shared:.1f} CPU s")
    made: list[Callable[[Floats], object]] = []
    imported = cpu_seconds(lambda: made.append(library()))
    compiled = cpu_seconds(lambda: made[0](values[:3]))
    some = values[: arguments.library_series]
    theirs = cpu_seconds(lambda: made[0](some))
    each = theirs / len(some)
    print(
        f"statsforecast, {len(SHARED)} models, {len(some):,} series: {theirs:.1f} CPU s, so "
        f"{each * len(values):,.0f} CPU s for {len(values):,}; apart from that {imported:.1f} s to "
        f"import and {compiled:.1f} s to compile and run 3 series"
    )
    print(f"ratio: {each * len(values) / shared:,.0f} times less CPU than statsforecast")


if __name__ == "__main__":
    main()
