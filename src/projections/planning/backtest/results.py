"""What a backtest says of a policy: ratios of the simulator's sums, over chosen SKUs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from projections.planning.backtest.demand import Demand
from projections.planning.backtest.simulator import Outcome
from projections.planning.days import Integers
from projections.planning.health.exact import Exact, divided

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """Of all SKUs together. Ratios and averages are integers of a millionth, None where undefined.

    `fill_rate` is by units, `fill_rate_value` by units at cost, `demand_days_served` the share of
    the days with demand of a SKU on which all of it was served, `cycle_service` the share of cycles
    without any shortage. `average_units` and `average_value` (millionths of the currency) are of
    the stock at the ends of days, summed over SKUs. `demanded` is in smallest units.
    """

    skus: int
    days: int
    demanded: int
    fill_rate: int | None
    fill_rate_value: int | None
    demand_days_served: int | None
    cycle_service: int | None
    cycles: int
    stock_out_days: int
    orders: int
    average_units: int | None
    average_value: int | None


def result(demand: Demand, outcome: Outcome, chosen: npt.NDArray[np.bool_] | None = None) -> Result:
    """Sum up the SKUs that took part, or those of them that are chosen."""
    part = outcome.days > 0
    if chosen is not None:
        part &= chosen
    costs = demand.unit_costs[part].astype(object)

    def total(values: Integers) -> int:
        return int(values[part].sum(dtype=object)) if part.any() else 0

    def at_cost(values: Integers) -> int:
        return int((values[part].astype(object) * costs).sum()) if part.any() else 0

    length = int(outcome.days[part].max()) if part.any() else 0
    demanded, served = total(outcome.demanded), total(outcome.served)
    asked_days = total(outcome.demand_days)
    one = 10**demand.scale
    return Result(
        skus=int(part.sum()),
        days=length,
        demanded=demanded,
        fill_rate=ratio(served, demanded),
        fill_rate_value=ratio(at_cost(outcome.served), at_cost(outcome.demanded)),
        demand_days_served=ratio(asked_days - total(outcome.stock_out_days), asked_days),
        cycle_service=ratio(total(outcome.cycles_served), total(outcome.cycles)),
        cycles=total(outcome.cycles),
        stock_out_days=total(outcome.stock_out_days),
        orders=total(outcome.orders),
        average_units=ratio(total(outcome.on_hand_days), length * one),
        average_value=ratio(at_cost(outcome.on_hand_days), length * one * MICRO),
    )


def ratio(numerator: int, denominator: int) -> int | None:
    """In millionths, rounded half to even; None where there is nothing to divide by."""
    if denominator == 0:
        return None
    exact: Exact = divided(np.array([numerator], object), np.array([denominator], object), MICRO)
    return int(exact[0])
