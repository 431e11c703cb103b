"""Supply of a run: what is on order, and how long orders took."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.lead_times import NO_SUPPLIER, Observed


@dataclass(frozen=True, slots=True)
class Supply:
    """Supply orders as known at the position of the run."""

    def on_order(self, days: Days) -> Integers:
        """What is still to come of each series, scaled by its scale."""
        return np.zeros(len(days), dtype=np.int64)

    def observed(self, days: Days, suppliers: Sequence[str | None]) -> tuple[Integers, Observed]:
        """The number of each series' supplier, and the observations with the same numbers."""
        names = sorted({one for one in suppliers if one is not None})
        numbers = {name: number for number, name in enumerate(names)}
        of_series = [NO_SUPPLIER if one is None else numbers[one] for one in suppliers]
        nothing = np.zeros(0, dtype=np.int64)
        return (
            np.array(of_series, dtype=np.int64).reshape(len(days)),
            Observed(nothing, nothing, nothing),
        )
