"""From demand to reorder points, one step after the other, for all series of a run.

Every step is its own module; what each computed is kept, so that it can be shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from projections.planning.bucket_rows import DailyDemand, only
from projections.planning.demand_statistics import DemandStatistics, statistics
from projections.planning.empirical import BootstrapOptions, history_of, quantiles, rank_of
from projections.planning.lead_demand import LeadDemand, Scenario, lead_demand
from projections.planning.lead_times import LeadTimes
from projections.planning.matrix import Assigned
from projections.planning.numbers import Codes, Floats, Integers, floats, round_up, rounded
from projections.planning.order_quantities import (
    CostOptions,
    OrderQuantities,
    Terms,
    order_quantities,
)
from projections.planning.safety_stock import EMPIRICAL, SafetyStock, safety_stock


@dataclass(frozen=True, slots=True)
class Supplied:
    """How each series is supplied, and what it costs: aligned arrays.

    `names` tell the series apart for the bootstrap; `unit_cost` is in millionths of the currency
    for one unit of measure, or `order_quantities.NO_COST`.
    """

    names: Sequence[str]
    scales: Codes
    unit_cost: Integers
    terms: Terms
    lead_times: LeadTimes


@dataclass(frozen=True, slots=True)
class LevelOptions:
    """What holds for all series."""

    scenario: Scenario = field(default_factory=Scenario)
    costs: CostOptions = field(default_factory=CostOptions)
    bootstrap: BootstrapOptions = field(default_factory=BootstrapOptions)


@dataclass(frozen=True, slots=True)
class Levels:
    """Every step's numbers. `a_day` is mean demand a day of the calendar, in smallest units."""

    daily: DemandStatistics
    lead_demand: LeadDemand
    a_day: Floats
    orders: OrderQuantities
    safety: SafetyStock


def plan_levels(
    demand: DailyDemand,
    supplied: Supplied,
    assigned: Assigned,
    options: LevelOptions | None = None,
) -> Levels:
    """Safety stock, reorder point and order quantity of each series."""
    options = options or LevelOptions()
    daily = statistics(demand, "day")
    over = lead_demand(daily, supplied.lead_times, assigned.review_days, options.scenario)
    share = float(str(options.scenario.open_share))
    a_day = rounded(over.mean * share)
    orders = order_quantities(
        a_day, supplied.unit_cost, supplied.scales, supplied.terms, options.costs
    )
    quantile = np.full(len(demand), np.nan)
    rare = np.flatnonzero(assigned.targets.has(EMPIRICAL))
    if len(rare):
        ranks = [rank_of(level, options.bootstrap.replicates) for level in assigned.targets.levels]
        names = [supplied.names[one] for one in rare.tolist()]
        past = history_of(only(demand, rare), daily.buckets[rare], names)
        days = round_up(over.protected[rare], "protected")
        level = assigned.targets.level[rare]
        found = quantiles(past, days, np.array(ranks)[level], options.bootstrap)
        change = 1 + float(str(options.scenario.demand_change)) / 100
        quantile[rare] = rounded(floats(found) * change)
    safety = safety_stock(over, assigned.targets, orders.quantity, quantile, share)
    return Levels(daily, over, a_day, orders, safety)
