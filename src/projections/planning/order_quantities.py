"""How much to order at a time: the economic order quantity, in whole packs.

The order that costs least balances what an order costs, whatever its size, against what it costs to
keep the stock (Harris 1913). Without a cost of the item, or with one of zero, it is not defined;
then an order covers a stated number of days. No order covers more days than `days_max`: cheap items
would be ordered for decades.

The quantity is the nearest multiple of the pack, since costs hardly change near the optimum, but at
least one pack and at least the supplier's minimum, which is brought up to whole packs.
"""

from dataclasses import dataclass

import numpy as np

from ledger.domain.quantities import SCALE_MAX
from projections.planning.errors import PlanningError
from projections.planning.formulas import Formula
from projections.planning.numbers import (
    Codes,
    Floats,
    Integers,
    Number,
    at_least,
    floats,
    rounded,
)

BASES = ("economic", "days_without_cost", "days_max", "no_demand")
ECONOMIC, DAYS_WITHOUT_COST, DAYS_MAX, NO_DEMAND = range(len(BASES))
NO_COST = -1
YEAR_DAYS = 365
MONEY = 10**6  # values are millionths

FORMULAS = (
    Formula("annual_demand", "D", "demand a year", "smallest unit", "D = 365 d f"),
    Formula("unit_cost", "c", "cost of one unit of measure; -1: not known", "millionths"),
    Formula(
        "exact",
        "Q*",
        "quantity before packs",
        "smallest unit",
        "Q* = √(2 D K u / (h c)), K the cost of an order, h the carrying cost a year as a share of "
        "the value, u the smallest units in a unit of measure; or d f times the days of the basis",
        "Harris (1913), How many parts to make at once, Factory, The Magazine of Management 10(2)",
    ),
    Formula("basis", "", "where Q* comes from", ""),
    Formula(
        "quantity",
        "Q",
        "order quantity",
        "smallest unit",
        "Q* to the nearest whole pack, half a pack up; at least one pack and at least the minimum "
        "order, up to whole packs",
    ),
)


@dataclass(frozen=True, slots=True)
class CostOptions:
    """What an order costs, what keeping stock costs, and the days that stand in for them.

    `order_cost` is in the ledger's currency, `carrying_rate` a share of the stock's value a year.
    """

    order_cost: Number = "10"
    carrying_rate: Number = "0.25"
    days_without_cost: Number = "30"
    days_max: Number = "365"

    def __post_init__(self) -> None:
        """Refuse costs below nothing and a carrying cost of nothing."""
        at_least(self.order_cost, 0, "order_cost")
        if at_least(self.carrying_rate, 0, "carrying_rate") == 0:
            raise PlanningError("carrying_rate", "without carrying cost there is no best quantity")
        at_least(self.days_max, 1, "days_max")
        if at_least(self.days_without_cost, 1, "days_without_cost") > at_least(
            self.days_max, 1, "days_max"
        ):
            raise PlanningError("days_without_cost", "it is more than days_max")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the supplier accepts: multiples of `pack`, at least `minimum`; in smallest units."""

    pack: Integers
    minimum: Integers

    def __post_init__(self) -> None:
        """Refuse packs of nothing and negative minima."""
        if not bool(np.all(self.pack >= 1)):
            raise PlanningError("pack", "a pack holds at least one smallest unit")
        if not bool(np.all(self.minimum >= 0)):
            raise PlanningError("minimum", "a minimum order is not negative")

    def up(self, quantity: Integers) -> Integers:
        """The least order that the supplier accepts and that is not less; 0 stays 0."""
        wanted = np.maximum(quantity, self.minimum)
        packs = -(-wanted // self.pack) * self.pack
        return np.where(quantity > 0, packs, 0)


@dataclass(frozen=True, slots=True)
class OrderQuantities:
    """How much of each series to order at a time; see `FORMULAS`."""

    annual_demand: Floats
    unit_cost: Integers
    exact: Floats
    basis: Codes
    quantity: Integers


def order_quantities(
    a_day: Floats,
    unit_cost: Integers,
    scales: Codes,
    terms: Terms,
    options: CostOptions | None = None,
) -> OrderQuantities:
    """The order quantity of each series.

    `a_day` is the mean demand a day of the calendar in smallest units, `unit_cost` the cost of one
    unit of measure in millionths or `NO_COST`, `scales` the decimals of the quantities.
    """
    options = options or CostOptions()
    annual = rounded(a_day * YEAR_DAYS)
    best = _economic(annual, unit_cost, scales, options)
    most = rounded(a_day * float(str(options.days_max)))
    covering = rounded(a_day * float(str(options.days_without_cost)))
    unknown = unit_cost <= 0
    exact = np.where(unknown, covering, np.minimum(best, most))
    basis = np.select(
        [a_day <= 0, unknown, best > most], [NO_DEMAND, DAYS_WITHOUT_COST, DAYS_MAX], ECONOMIC
    )
    return OrderQuantities(annual, unit_cost, exact, basis.astype(np.int8), _packed(exact, terms))


def _economic(annual: Floats, unit_cost: Integers, scales: Codes, options: CostOptions) -> Floats:
    order_cost = float(str(options.order_cost)) * MONEY
    # Powers of integers are exact everywhere, those of floats are not.
    units = np.array([float(10**scale) for scale in range(SCALE_MAX + 1)])[scales]
    keeping = float(str(options.carrying_rate)) * floats(np.maximum(unit_cost, 1))
    return rounded(np.sqrt(2 * annual * order_cost * units / keeping))


def _packed(exact: Floats, terms: Terms) -> Integers:
    packs = np.floor(exact / floats(terms.pack) + 0.5)
    if not bool(np.all(packs * floats(terms.pack) < 2.0**62)):
        raise PlanningError("order_quantity", "it would leave the exact range of 64 bits")
    return terms.up(np.maximum(packs.astype(np.int64), 1) * terms.pack)
