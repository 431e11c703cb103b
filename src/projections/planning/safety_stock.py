"""Safety stock: what is held against demand and lead times that turn out larger than their mean.

| method | what is asked for |
|---|---|
| `cycle_service` | the share of replenishment cycles without a stock-out, P1 |
| `fill_rate` | the share of demand that is met from stock, P2; unmet demand waits |
| `empirical` | P1 again, from demand as it was and not from a normal distribution |
| `days_of_cover` | so many days of mean demand |
| `just_in_time` | stock and orders together are so many days of mean demand, and no more |
| `none` | nothing |

The **reorder point** is the mean demand over the protected time and the safety stock together. Both
are rounded up to the item's smallest unit, once, at the end. A disruption buffer of so many days of
mean demand is part of the safety stock, whatever the method.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from projections.planning.errors import PlanningError
from projections.planning.formulas import Formula
from projections.planning.lead_demand import SILVER, LeadDemand
from projections.planning.numbers import (
    Codes,
    Exact,
    Flags,
    Floats,
    Integers,
    floats,
    round_up,
    rounded,
)
from projections.planning.quantiles import (
    LOSS_FACTOR,
    Z_VALUE,
    safety_factors,
    service_level,
    z_value,
)

METHODS = ("none", "cycle_service", "fill_rate", "empirical", "days_of_cover", "just_in_time")
NONE, CYCLE_SERVICE, FILL_RATE, EMPIRICAL, DAYS_OF_COVER, JUST_IN_TIME = range(len(METHODS))
WITH_LEVEL = (CYCLE_SERVICE, FILL_RATE, EMPIRICAL)

FORMULAS = (
    Formula("method", "", "method", ""),
    Formula("level", "P1 or P2", "service level asked for", "share"),
    Formula(
        "at_a_time",
        "Q",
        "what is ordered at a time, for fill_rate",
        "smallest unit",
        "the order quantity; with periodic and base_stock d f max(R, 1)",
        f"{SILVER} sections 6.7 and 6.9",
    ),
    Z_VALUE,
    LOSS_FACTOR,
    Formula("quantile", "X", "quantile of the demand over the protected time", "smallest unit"),
    Formula(
        "buffer", "b", "disruption buffer", "smallest unit", "b = d (buffer in days, f of each)"
    ),
    Formula(
        "exact",
        "SS",
        "safety stock before it is rounded up",
        "smallest unit",
        "cycle_service, fill_rate: SS = factor σx + b; empirical: SS = max(X - x, 0) + b; "
        "days_of_cover: SS = d f T + b; just_in_time: SS = max(d f T - x, 0) + b; none: SS = b",
        f"{SILVER} chapter 6; for just_in_time Sugimori, Kusunoki, Cho and Uchikawa (1977), Toyota "
        "production system and Kanban system, International Journal of Production Research 15(6)",
    ),
    Formula("quantity", "⌈SS⌉", "safety stock", "smallest unit", "rounded up"),
    Formula(
        "reorder_point", "s", "reorder point", "smallest unit", "s = ⌈x + SS⌉", f"{SILVER} ch. 6"
    ),
)


@dataclass(frozen=True, slots=True)
class Targets:
    """What is asked for each series. `level[i]` indexes `levels`; it counts for methods with one.

    `cover_days` counts for `days_of_cover` and `just_in_time`, `buffer_days` for all. Days are
    days of the calendar.
    """

    method: Codes
    level: Integers
    levels: Sequence[Decimal]
    cover_days: Floats
    buffer_days: Floats

    def __post_init__(self) -> None:
        """Refuse levels that no stock reaches and days that are negative."""
        for level in self.levels:
            service_level(level)
        for field, days in (("cover_days", self.cover_days), ("buffer_days", self.buffer_days)):
            if not bool(np.all(days >= 0)):
                raise PlanningError(field, "days are not negative")

    def has(self, *methods: int) -> Flags:
        """Which series use one of these methods."""
        return np.isin(self.method, methods)


@dataclass(frozen=True, slots=True)
class SafetyStock:
    """The safety stock and reorder point of each series; see `FORMULAS`. NaN: does not apply."""

    method: Codes
    level: Floats
    at_a_time: Floats
    factor: Floats
    quantile: Floats
    buffer: Floats
    exact: Floats
    quantity: Integers
    reorder_point: Integers


def safety_stock(
    demand: LeadDemand,
    targets: Targets,
    at_a_time: Exact,
    quantile: Floats,
    open_share: float = 1.0,
) -> SafetyStock:
    """The safety stock of each series.

    `at_a_time` is what is ordered at a time, for `fill_rate`; `quantile` comes from
    `empirical.quantiles`, for `empirical`; `open_share` is that of the demand's scenario.
    """
    a_day = rounded(demand.mean * open_share)
    buffer = rounded(a_day * targets.buffer_days)
    ordered = floats(at_a_time)
    factor = _factors(demand, targets, ordered)
    cover = rounded(a_day * targets.cover_days)
    by_method = [
        (targets.has(CYCLE_SERVICE, FILL_RATE), factor * demand.spread),
        (targets.has(EMPIRICAL), quantile - demand.expected),
        (targets.has(DAYS_OF_COVER), cover),
        (targets.has(JUST_IN_TIME), cover - demand.expected),
    ]
    chosen = np.select([which for which, _ in by_method], [stock for _, stock in by_method], 0.0)
    exact = rounded(np.maximum(chosen, 0.0) + buffer)
    has_level = targets.has(*WITH_LEVEL)
    return SafetyStock(
        method=targets.method,
        level=np.where(
            has_level, _of_level(targets, [float(one) for one in targets.levels]), np.nan
        ),
        at_a_time=np.where(targets.has(FILL_RATE), ordered, np.nan),
        factor=factor,
        quantile=np.where(targets.has(EMPIRICAL), quantile, np.nan),
        buffer=buffer,
        exact=exact,
        quantity=round_up(exact, "safety_stock"),
        reorder_point=round_up(demand.expected + exact, "reorder_point"),
    )


def _factors(demand: LeadDemand, targets: Targets, at_a_time: Floats) -> Floats:
    """The safety factor of each series that has one; NaN for the others."""
    z = _of_level(targets, [z_value(level) for level in targets.levels])
    factors = np.where(targets.has(CYCLE_SERVICE), z, np.nan)
    filled = np.flatnonzero(targets.has(FILL_RATE))
    if len(filled):
        missing = _of_level(targets, [float(1 - level) for level in targets.levels])[filled]
        spread, allowed = demand.spread[filled], missing * at_a_time[filled]
        # Without any spread nothing is ever missing.
        losses = np.divide(allowed, spread, out=np.ones(len(filled)), where=spread > 0)
        factors[filled] = safety_factors(losses)
    return factors


def _of_level(targets: Targets, numbers: list[float]) -> Floats:
    """The number that belongs to each series' level; zeros if there are no levels at all."""
    if not numbers:
        return np.zeros(len(targets.method))
    return np.array(numbers)[targets.level]
