"""XYZ: how steady demand is, by the coefficient of variation over buckets of time.

X is steady, Y varies, Z is erratic or rare. A limit belongs to the steadier class. An item whose
variation is not defined (fewer than two buckets, or no positive demand in sum) is Z, with the
reason. **Hysteresis** works as it does for ABC: a class is kept while the limit, moved away from
the item by so much, keeps it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from projections.planning.demand_statistics import DemandStatistics
from projections.planning.errors import PlanningError
from projections.planning.formulas import Formula
from projections.planning.numbers import Codes, Number, at_least

CLASSES = "XYZ"
LAST = len(CLASSES) - 1
NEW = -1  # an item that had no class before
REASONS = ("measured", "too_few_buckets", "no_demand")
MEASURED, TOO_FEW_BUCKETS, NO_DEMAND = range(len(REASONS))
BUCKETS_MIN = 2

FORMULAS = (
    Formula(
        "classes",
        "",
        "class",
        "",
        "X if cv <= limit 1, else Y if cv <= limit 2, else Z",
        "Scholz-Reiter, Heger, Meinecke and Bergmann (2012), Integration of demand forecasts in "
        "ABC-XYZ analysis, International Journal of Productivity and Performance Management 61(4)",
    ),
    Formula("reasons", "", "why an item is Z without a coefficient of variation", ""),
)


@dataclass(frozen=True, slots=True)
class XyzOptions:
    """The largest coefficient of variation of X and of Y, and by how much a limit may be passed."""

    limits: Sequence[Number] = ("0.5", "1")
    hysteresis: Number = "0"

    def __post_init__(self) -> None:
        """Refuse limits out of order."""
        limits = [at_least(limit, 0, "limits") for limit in self.limits]
        if len(limits) != LAST or not 0 < limits[0] < limits[1]:
            raise PlanningError("limits", "two rising limits above 0 are needed")
        at_least(self.hysteresis, 0, "hysteresis")


@dataclass(frozen=True, slots=True)
class Xyz:
    """Classes of items: 0 is X, 1 is Y, 2 is Z; and a code of `REASONS` for each."""

    classes: Codes
    reasons: Codes


def classify(
    statistics: DemandStatistics, options: XyzOptions | None = None, previous: Codes | None = None
) -> Xyz:
    """Classify by `cv`. `previous` holds the classes of the run before, `NEW` where there was none.

    Each item is judged alone, so an item more or less changes no other's class.
    """
    options = options or XyzOptions()
    reasons = _reasons(statistics)
    measured = reasons == MEASURED

    def classes_at(moved: Decimal) -> Codes:
        # Added as decimals: the nearest float of the sum, not a sum of nearest floats.
        limits = [float(at_least(limit, 0, "limits") + moved) for limit in options.limits]
        found = np.searchsorted(limits, statistics.cv, side="left")
        return np.where(measured, found, LAST).astype(np.int8)

    classes = classes_at(Decimal(0))
    if previous is not None:
        moved = at_least(options.hysteresis, 0, "hysteresis")
        kept = np.clip(previous, classes_at(moved), classes_at(-moved))
        classes = np.where(previous == NEW, classes, kept).astype(np.int8)
    return Xyz(classes, reasons)


def _reasons(statistics: DemandStatistics) -> Codes:
    few = statistics.buckets < BUCKETS_MIN
    none = np.isnan(statistics.cv)
    return np.select([few, none], [TOO_FEW_BUCKETS, NO_DEMAND], MEASURED).astype(np.int8)
