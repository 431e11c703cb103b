"""Demand to replay: a table of SKUs by days, and what a policy may know of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from projections.planning.days import Integers
from projections.planning.errors import PlanningError

Words = npt.NDArray[np.uint64]

NEVER = np.iinfo(np.int64).max
# The weekday of 1970-01-01; Monday is 0.
THURSDAY = 3


@dataclass(frozen=True, slots=True)
class Demand:
    """`quantities[i, t]` was asked for of SKU `i` on day `first_day + t`, in its smallest unit.

    All have the same `scale`, the decimals of their quantities. `unit_costs` are in millionths of
    the currency for a whole unit. Raises PlanningError where a quantity or cost is negative, or the
    shapes do not fit.
    """

    skus: Sequence[str]
    first_day: int
    quantities: Integers
    unit_costs: Integers
    scale: int = 0

    def __post_init__(self) -> None:
        """See that it is a table of amounts."""
        if self.quantities.ndim != 2 or len(self.quantities) != len(self.skus):  # noqa: PLR2004
            raise PlanningError("quantities", "quantities have a row for each SKU")
        if self.unit_costs.shape != (len(self.skus),):
            raise PlanningError("unit_costs", "every SKU has one unit cost")
        if self.quantities.size and self.quantities.min() < 0:
            raise PlanningError("quantities", "demand is not negative; returns are no demand")
        if self.unit_costs.size and self.unit_costs.min() < 0:
            raise PlanningError("unit_costs", "a unit cost is not negative")

    @property
    def days(self) -> int:
        """How many days there are."""
        return int(self.quantities.shape[1])


@dataclass(frozen=True, slots=True)
class Past:
    """All that a policy gets to see: the days before the one it decides for.

    `quantities` end with yesterday. `first_demand` is the number of the day a SKU was first asked
    for, NEVER if it was not yet.
    """

    skus: Sequence[str]
    first_day: int
    quantities: Integers
    unit_costs: Integers
    first_demand: Integers


def past_of(demand: Demand, day: int) -> Past:
    """What was known before day number `day` began; a copy, so that nothing leads to the rest."""
    seen = demand.quantities[:, :day].copy()
    asked = seen > 0
    some = asked.any(axis=1)
    first = np.where(some, asked.argmax(axis=1) if day else 0, NEVER)
    return Past(demand.skus, demand.first_day, seen, demand.unit_costs, first)


def shuffled(demand: Demand, closed_weekdays: frozenset[int], seed: int) -> Demand:
    """The same demand of each SKU in another order of its open days: no season, no trend.

    What is on closed weekdays (Monday is 0) stays where it is.
    """
    weekday = (np.arange(demand.days) + demand.first_day + THURSDAY) % 7
    is_open = np.flatnonzero(~np.isin(weekday, list(closed_weekdays)))
    keys = keys_of(demand.skus)
    draws = [drawn(seed, keys, int(day), 0, 2**31 - 1) for day in is_open]
    order = np.argsort(np.array(draws).reshape(len(is_open), len(keys)), axis=0, kind="stable")
    quantities = demand.quantities.copy()
    quantities[:, is_open] = np.take_along_axis(quantities[:, is_open], order.T, axis=1)
    return replace(demand, quantities=quantities)


def keys_of(skus: Sequence[str]) -> Words:
    """A number for each SKU that chance is drawn with, whatever stands beside it."""
    digests = [blake2b(sku.encode(), digest_size=8).digest() for sku in skus]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def drawn(seed: int, keys: Words, day: int, low: int, high: int) -> Integers:
    """Whole numbers from `low` to `high`, equally likely, one for each key on this day.

    SplitMix64 (Steele, Lea, Flood 2014) of seed, key and day: integers alone, so that every machine
    draws the same, and a SKU draws the same in whatever company.
    """
    with np.errstate(over="ignore"):
        mixed = _mixed(keys ^ _mixed(np.uint64(seed) + np.uint64(day) * _GOLDEN))
    span = np.uint64(high - low + 1)
    return low + ((mixed >> np.uint64(32)) * span >> np.uint64(32)).astype(np.int64)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(words: npt.NDArray[np.uint64] | np.uint64) -> Words:
    mixed = np.asarray(words) + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    made: Words = mixed ^ (mixed >> np.uint64(31))
    return made
