"""Demand and lead times as a text book gives them: by mean and deviation."""

from decimal import Decimal

import numpy as np

from projections.planning.demand_statistics import DemandStatistics
from projections.planning.lead_demand import LeadDemand, Scenario, lead_demand
from projections.planning.lead_times import LeadTimes
from projections.planning.safety_stock import METHODS, SafetyStock, Targets, safety_stock


def daily(*items: tuple[float, float]) -> DemandStatistics:
    """Statistics by day with these means and deviations."""
    mean, deviation = (np.array(column, dtype=float) for column in zip(*items, strict=True))
    count, nothing = len(items), np.full(len(items), np.nan)
    return DemandStatistics(
        buckets=np.full(count, 1000),
        total=np.where(mean > 0, 1000, 0),
        squares=np.zeros(count, dtype=np.int64),
        demand_buckets=np.full(count, 1000),
        demand_total=np.full(count, 1000),
        demand_squares=np.zeros(count, dtype=np.int64),
        mean=mean,
        deviation=deviation,
        cv=nothing,
        interval=nothing,
        size_cv_squared=nothing,
    )


def lead_times(*items: tuple[float, float]) -> LeadTimes:
    """Lead times with these means and deviations in days."""
    mean, deviation = (np.array(column, dtype=float) for column in zip(*items, strict=True))
    count = len(items)
    return LeadTimes(mean, deviation, np.zeros(count, np.int8), np.full(count, 9))


def over_lead_time(
    demand: tuple[float, float],
    lead: tuple[float, float],
    review_days: float = 0.0,
    scenario: Scenario | None = None,
) -> LeadDemand:
    """Demand of one item over its lead time."""
    return lead_demand(daily(demand), lead_times(lead), np.array([review_days]), scenario)


def stock_for(  # noqa: PLR0913 - a keyword for each of the book's numbers
    demand: LeadDemand,
    method: str,
    *,
    level: str = "0.5",
    order_quantity: int = 0,
    quantile: float = float("nan"),
    cover_days: float = 0.0,
    buffer_days: float = 0.0,
) -> SafetyStock:
    """The safety stock of one item, or of several with the same target."""
    count = len(demand.mean)
    targets = Targets(
        method=np.full(count, METHODS.index(method), dtype=np.int8),
        level=np.zeros(count, dtype=np.int8),
        levels=[Decimal(level)],
        cover_days=np.full(count, cover_days),
        buffer_days=np.full(count, buffer_days),
    )
    quantities = np.full(count, order_quantity)
    return safety_stock(demand, targets, quantities, np.full(count, quantile))
