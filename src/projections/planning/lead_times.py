"""Lead times: from the placing of a supply order to its receipt, in days of the calendar.

Each order is one observation; where it came in parts, its lead time is the mean of theirs, weighted
by quantity. A series takes the first of these that is there:

1. `sku_and_supplier`: at least `observations_min` orders of the SKU from its supplier;
2. `supplier`: at least as many orders of anything from that supplier;
3. `agreed`: what was agreed with the supplier for the SKU;
4. `default`: a number of days that the run states.

Mean and standard deviation of 1 and 2 are those of the observations. An agreed or default lead time
has the deviation that the run states as a share of it: none, unless set otherwise.
"""

from dataclasses import dataclass

import numpy as np

from projections.planning.formulas import Formula
from projections.planning.numbers import (
    INT64_MAX,
    Codes,
    Exact,
    Flags,
    Floats,
    Integers,
    Number,
    at_least,
    fits,
    floats,
    quotients,
    rounded,
)

SOURCES = ("sku_and_supplier", "supplier", "agreed", "default")
SKU_AND_SUPPLIER, SUPPLIER, AGREED, DEFAULT = range(len(SOURCES))
NO_SUPPLIER = -1
MINUTES_A_DAY = 1440

FORMULAS = (
    Formula("source", "", "where the lead time comes from", ""),
    Formula("observations", "n", "supply orders observed", "orders"),
    Formula(
        "mean", "L", "lead time", "days", "L = Σl / n + delay of the scenario, or as agreed or set"
    ),
    Formula(
        "deviation",
        "σL",
        "standard deviation of the lead time, of a sample",
        "days",
        "σL = √(Σ(l - L)² / (n - 1)), or the stated share of L",
    ),
)


@dataclass(frozen=True, slots=True)
class LeadTimeOptions:
    """When observations are enough, and what is taken where there are none."""

    observations_min: int = 5
    default_days: Number = "14"
    assumed_deviation: Number = "0"

    def __post_init__(self) -> None:
        """Refuse what cannot be a time or a sample."""
        at_least(self.observations_min, 2, "observations_min")
        at_least(self.default_days, 0, "default_days")
        at_least(self.assumed_deviation, 0, "assumed_deviation")


@dataclass(frozen=True, slots=True)
class Observed:
    """Lead times of supply orders: whose, from whom, how many minutes from placed to received."""

    series: Integers
    supplier: Integers
    minutes: Integers


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """The lead time of each series in days, and where it comes from; see `FORMULAS`."""

    mean: Floats
    deviation: Floats
    source: Codes
    observations: Integers


def by_order(order: Integers, minutes: Integers, quantity: Integers) -> tuple[Integers, Integers]:
    """The first receipt of each order, and the order's lead time in whole minutes.

    `order` numbers the order of each receipt. Receipts before the placing count as zero minutes.
    """
    _, first, index = np.unique(order, return_index=True, return_inverse=True)
    weighed: Exact = np.zeros(len(first), dtype=object)
    weights: Exact = np.zeros(len(first), dtype=object)
    np.add.at(weighed, index, np.maximum(minutes, 0).astype(object) * quantity.astype(object))
    np.add.at(weights, index, quantity.astype(object))
    return first, (weighed // np.maximum(weights, 1)).astype(np.int64)


def choose(
    observed: Observed,
    supplier: Integers,
    agreed_days: Floats,
    options: LeadTimeOptions | None = None,
) -> LeadTimes:
    """The lead time of each series.

    `supplier` is the one that each series is ordered from, numbered as in `observed`, or
    `NO_SUPPLIER`; `agreed_days` is NaN where nothing is agreed.
    """
    options = options or LeadTimeOptions()
    own = observed.supplier == supplier[observed.series]
    of_series = _sample(observed.series[own], observed.minutes[own], len(supplier))
    suppliers = int(max(supplier.max(initial=-1), observed.supplier.max(initial=-1))) + 1
    of_suppliers = _sample(observed.supplier, observed.minutes, suppliers)
    # The number -1 of no supplier takes the zero that is put behind the last one.
    of_supplier = _Sample(
        np.append(of_suppliers.count, 0)[supplier],
        np.append(of_suppliers.mean, 0.0)[supplier],
        np.append(of_suppliers.deviation, 0.0)[supplier],
    )
    conditions = [
        of_series.count >= options.observations_min,
        of_supplier.count >= options.observations_min,
        ~np.isnan(agreed_days),
    ]
    stated = np.where(conditions[2], agreed_days, float(str(options.default_days)))
    assumed = rounded(stated * float(str(options.assumed_deviation)))
    return LeadTimes(
        mean=rounded(np.select(conditions[:2], [of_series.mean, of_supplier.mean], stated)),
        deviation=np.select(conditions[:2], [of_series.deviation, of_supplier.deviation], assumed),
        source=_codes(conditions),
        observations=np.select(conditions[:2], [of_series.count, of_supplier.count], 0),
    )


def delayed(lead_times: LeadTimes, days: Floats) -> LeadTimes:
    """What if each series' supplier were late by so many days: the same with a longer mean."""
    mean = rounded(np.maximum(lead_times.mean + days, 0.0))
    return LeadTimes(mean, lead_times.deviation, lead_times.source, lead_times.observations)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Number, mean and deviation in days, by group; zeros where there is no observation."""

    count: Integers
    mean: Floats
    deviation: Floats


def _sample(group: Integers, minutes: Exact, groups: int) -> _Sample:
    """Mean and deviation from exact sums."""
    count = np.bincount(group, minlength=groups)
    if len(minutes) * int(np.abs(minutes).max(initial=0)) ** 2 > INT64_MAX:
        # A few orders that were placed in the year 26, if one goes by what was typed.
        minutes = minutes.astype(object)
    total, squares = np.zeros(groups, minutes.dtype), np.zeros(groups, minutes.dtype)
    np.add.at(total, group, minutes)
    np.add.at(squares, group, minutes * minutes)
    n, spread = floats(count), floats(count * squares - total * total)
    wide = ~fits(count, floats(squares))
    exact = [column[wide].astype(object) for column in (count, squares, total)]
    spread[wide] = floats(exact[0] * exact[1] - exact[2] * exact[2])
    pairs = n * (n - 1)
    variance = np.divide(spread, pairs, out=np.zeros(groups), where=pairs > 0)
    mean = np.nan_to_num(quotients(floats(total), n * MINUTES_A_DAY))
    return _Sample(count, mean, rounded(np.sqrt(variance) / MINUTES_A_DAY))


def _codes(conditions: list[Flags]) -> Codes:
    return np.select(conditions, [SKU_AND_SUPPLIER, SUPPLIER, AGREED], DEFAULT).astype(np.int8)
