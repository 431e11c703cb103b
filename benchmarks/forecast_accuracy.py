"""Accuracy of the chosen forecasts on the retailer's demand, beside single models.

    python -m benchmarks.forecast_accuracy

Weekly demand of every SKU (examples/retail/daily.csv.gz), from 2010-12-01 on, when its stock is
taken to be opened. Three times the newest weeks are held back, four are forecast from those before,
and the errors are scaled by the SKU's own changes from week to week before (MASE, RMSSE). A SKU
whose demand never changed before is left out, since there is nothing to scale by.
"""

import csv
import datetime
import gzip
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from projections.planning.days import Days
from projections.planning.forecasting.buckets import Span, bucketed
from projections.planning.forecasting.choice import choose
from projections.planning.forecasting.history import Floats, History
from projections.planning.forecasting.options import OURS, Options

DAILY = Path(__file__).parents[1] / "examples" / "retail" / "daily.csv.gz"
EPOCH = datetime.date(1970, 1, 1)
OPENED = (datetime.date(2010, 12, 1) - EPOCH).days
HORIZON = 4
HELD_BACK = (4, 6, 8)  # weeks from the end
ALONE = ("naive", "ses", "croston", "sba", "tsb")


def weekly() -> History:
    """Picks of each SKU by week."""
    picked: defaultdict[str, Counter[int]] = defaultdict(lambda: Counter({OPENED: 0}))
    with gzip.open(DAILY, "rt", encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            if line["type"] == "pick":
                day = (datetime.date.fromisoformat(line["day"]) - EPOCH).days
                picked[line["sku"]][day] += int(line["quantity"])
    skus = sorted(picked)
    rows = [(day, picked[sku][day]) for sku in skus for day in sorted(picked[sku])]
    day, quantity = np.array(rows, np.int64).T
    starts = np.cumsum([0, *(len(picked[sku]) for sku in skus)])
    scales, sites = np.zeros(len(skus), np.int8), [""] * len(skus)
    days = Days(skus, sites, scales, starts, day.astype(np.int32), {"issued": quantity})
    return bucketed(days, quantity, Span("week", int(day.max()) + 1))


def scaled_errors(history: History, held_back: int, models: tuple[str, ...]) -> Floats:
    """Mean MASE and RMSSE of four weeks' forecasts."""
    end = history.values.shape[1] - held_back
    before = History(
        history.values[:, :end], history.known[:, :end], "week", history.first_days[: end + 1]
    )
    choice = choose(before, Options(horizon=HORIZON, models=models))
    error = choice.forecasts - history.values[:, end : end + HORIZON]
    change = np.diff(before.values, axis=1)
    changed = (change != 0).any(axis=1)
    mase = np.abs(error).mean(axis=1)[changed] / np.abs(change).mean(axis=1)[changed]
    square = (error**2).mean(axis=1)[changed] / (change**2).mean(axis=1)[changed]
    return np.array([mase.mean(), np.sqrt(square).mean()])


def main() -> None:
    """Measure and print."""
    history = weekly()
    skus, weeks = history.values.shape
    print(f"{skus:,} SKUs, {weeks} weeks; mean of {len(HELD_BACK)} times {HORIZON} weeks held back")
    for name, models in (("chosen", OURS), *((name, (name,)) for name in ALONE)):
        found = [scaled_errors(history, held_back, models) for held_back in HELD_BACK]
        mase, rmsse = np.mean(found, axis=0)
        each = ", ".join(f"{one:.2f}" for one, _ in found)
        print(f"{name:8} MASE {mase:.3f} ({each})  RMSSE {rmsse:.3f}")


if __name__ == "__main__":
    main()
