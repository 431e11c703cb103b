"""Patterns of demand: smooth, erratic, intermittent, lumpy, by how often and how unevenly.

The cut-offs are where Croston's method, corrected, begins to beat exponential smoothing (Syntetos,
Boylan and Croston 2005). A value at a cut-off belongs to the harder pattern. The interval depends
on the bucket, so the bucket that was used must be said with the pattern.
"""

from dataclasses import dataclass

import numpy as np

from projections.planning.demand_statistics import SYNTETOS, DemandStatistics
from projections.planning.formulas import Formula
from projections.planning.numbers import Codes, Number, at_least

PATTERNS = ("smooth", "erratic", "intermittent", "lumpy", "no_demand")
SMOOTH, ERRATIC, INTERMITTENT, LUMPY, NO_DEMAND = range(len(PATTERNS))

FORMULAS = (
    Formula(
        "pattern",
        "",
        "pattern of demand",
        "",
        "smooth: ADI < a, CV² < c; erratic: ADI < a, CV² >= c; intermittent: ADI >= a, CV² < c; "
        "lumpy: ADI >= a, CV² >= c; with a = 1.32 and c = 0.49 unless set otherwise",
        SYNTETOS,
    ),
)


@dataclass(frozen=True, slots=True)
class PatternOptions:
    """The cut-offs of the average interval in buckets, and of the sizes' squared variation."""

    interval: Number = "1.32"
    size_cv_squared: Number = "0.49"

    def __post_init__(self) -> None:
        """Refuse cut-offs that nothing could be below."""
        at_least(self.interval, 1, "interval")
        at_least(self.size_cv_squared, 0, "size_cv_squared")


def classify(statistics: DemandStatistics, options: PatternOptions | None = None) -> Codes:
    """The index in `PATTERNS` of each series; without any bucket of demand it is `no_demand`."""
    options = options or PatternOptions()
    rare = statistics.interval >= float(str(options.interval))
    uneven = statistics.size_cv_squared >= float(str(options.size_cv_squared))
    found = np.where(rare, INTERMITTENT, SMOOTH) + np.where(uneven, ERRATIC - SMOOTH, 0)
    return np.where(statistics.demand_buckets > 0, found, NO_DEMAND).astype(np.int8)
