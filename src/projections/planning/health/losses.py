"""Shrinkage and waste by reason, over time: what scrap and adjustments took, and brought back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from projections.planning.days import Integers
from projections.planning.health.parameters import HealthParameters, buckets

AMOUNTS = ("lines", "lost_value", "found_value")


class ReasonRows(Protocol):
    """One entry a SKU, site, day, type and reason; `lost` of scrap is what was scrapped."""

    @property
    def type(self) -> Sequence[str]:
        """Which of `scrap` and `adjustment`."""

    @property
    def reason(self) -> Sequence[str]:
        """The reason code."""

    @property
    def day(self) -> npt.NDArray[np.int32]:
        """Days since 1970-01-01."""

    @property
    def columns(self) -> Mapping[str, Integers]:
        """Among others those of AMOUNTS."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What one type and reason came to, in each bucket; values in millionths, exact."""

    type: str
    reason: str
    amounts: Mapping[str, Sequence[int]]


def losses_by_reason(rows: ReasonRows, parameters: HealthParameters) -> list[Losses]:
    """Sums over the buckets of the window, in the order of type and reason.

    A reason that is not in the window is not listed.
    """
    cut = buckets(parameters)
    day = rows.day.astype(np.int64)
    inside = np.flatnonzero((day >= parameters.first_day) & (day <= parameters.last_day))
    bucket = np.searchsorted(cut.first, day[inside], side="right") - 1
    of_row = [(rows.type[row], rows.reason[row]) for row in inside.tolist()]
    names = sorted(set(of_row))
    numbers = {name: number for number, name in enumerate(names)}
    label = np.array([numbers[name] for name in of_row], np.int64)
    found = {}
    for amount in AMOUNTS:
        # Python's integers: sums over many SKUs may leave 64 bits.
        sums = np.full((len(names), len(cut)), 0, object)
        np.add.at(sums, (label, bucket), rows.columns[amount][inside].astype(object))
        found[amount] = sums
    return [
        Losses(*name, {amount: found[amount][number].tolist() for amount in AMOUNTS})
        for number, name in enumerate(names)
    ]
