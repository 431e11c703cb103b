"""From demand to reorder points, one step after the other, for all series of a run.

Every step is its own module; what each computed is kept, so that it can be shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from projections.planning.bucket_rows import DailyDemand, only
from projections.planning.demand_statistics import CHUNK_SERIES, DemandStatistics, statistics
from projections.planning.empirical import BootstrapOptions, history_of, quantiles, rank_of
from projections.planning.lead_demand import LeadDemand, Scenario, lead_demand
from projections.planning.lead_times import LeadTimes
from projections.planning.matrix import Assigned
from projections.planning.numbers import Codes, Floats, Integers, floats, rounded
from projections.planning.order_quantities import (
    CostOptions,
    OrderQuantities,
    Terms,
    order_quantities,
)
from projections.planning.proposals import BASE_STOCK, PERIODIC
from projections.planning.protected_days import protected_days
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
    quantile = _quantiles(demand, supplied.names, assigned, (daily, over), options)
    at_a_time = _at_a_time(a_day, assigned, orders)
    safety = safety_stock(over, assigned.targets, at_a_time, quantile, share)
    return Levels(daily, over, a_day, orders, safety)


def _at_a_time(a_day: Floats, assigned: Assigned, orders: OrderQuantities) -> Floats:
    """What each series orders at a time: its order quantity, or what it brings back up to a level.

    That is the demand of a review period, on average; without demand nothing is to be met.
    """
    up_to_level = np.isin(assigned.replenishment, (PERIODIC, BASE_STOCK)) & (a_day > 0)
    periods = np.maximum(assigned.review_days, 1.0)
    return np.where(up_to_level, rounded(a_day * periods), floats(orders.quantity))


def _quantiles(
    demand: DailyDemand,
    names: Sequence[str],
    assigned: Assigned,
    known: tuple[DemandStatistics, LeadDemand],
    options: LevelOptions,
) -> Floats:
    """The quantile of each series that is planned empirically, NaN for the others."""
    daily, over = known
    change = 1 + float(str(options.scenario.demand_change)) / 100
    levels = assigned.targets.levels
    ranks = np.array([rank_of(level, options.bootstrap.replicates) for level in levels])
    found = np.full(len(demand), np.nan)
    rare = np.flatnonzero(assigned.targets.has(EMPIRICAL))
    for first in range(0, len(rare), CHUNK_SERIES):
        some = rare[first : first + CHUNK_SERIES]
        of_some = [names[one] for one in some.tolist()]
        past = history_of(only(demand, some), daily.buckets[some], of_some)
        days = protected_days(over, some)
        drawn = quantiles(past, days, ranks[assigned.targets.level[some]], options.bootstrap)
        found[some] = rounded(floats(drawn) * change)
    return found
