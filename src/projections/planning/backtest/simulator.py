"""Day by day, all SKUs at once: demand is served from stock, orders arrive, levels order anew.

A day goes so: demand is served as far as stock reaches; then arrives what was ordered `lead` days
ago; then, on days of review, whatever has an inventory position at or below its reorder point is
ordered up to its level. So between the order and its arrival lie the demands of `lead` days, and
before the next order can arrive those of `lead + review_days`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from projections.planning.backtest.demand import Demand, Past, drawn, keys_of, past_of
from projections.planning.days import Integers
from projections.planning.errors import PlanningError

DAYS_MAX = 40_000
SEED_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Levels:
    """What a policy proposes, in smallest units; the level is never below the reorder point."""

    reorder_point: Integers
    order_up_to: Integers


Policy = Callable[[Past], Levels]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the replay goes.

    The first `warm_up_days` are only learnt from. Levels are proposed anew every `revise_days`. The
    lead time of each order is drawn from `lead_days_min` to `lead_days_max`, equally likely. What
    cannot be served is lost, or waits with `backorders`.
    """

    warm_up_days: int = 56
    revise_days: int = 28
    review_days: int = 1
    lead_days_min: int = 7
    lead_days_max: int = 7
    backorders: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise PlanningError for the first field that is out of bounds."""
        for field, low in (("warm_up_days", 0), ("revise_days", 1), ("review_days", 1)):
            if not low <= getattr(self, field) <= DAYS_MAX:
                raise PlanningError(field, f"{field} is {low} to {DAYS_MAX:,}")
        if not 0 <= self.lead_days_min <= self.lead_days_max <= DAYS_MAX:
            raise PlanningError("lead_days_min", f"lead times rise, from 0 to {DAYS_MAX:,} days")
        if not 0 <= self.seed <= SEED_MAX:
            raise PlanningError("seed", "a seed is 0 to 2^63 - 1")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each SKU from the day on that it took part.

    A SKU takes part from the first revision after it was first asked for, and opens with stock at
    its level. A **cycle** ends when orders arrive; it is served if nothing was missing since the
    one before. `on_hand_days` is the sum of stock over the ends of days.
    """

    days: Integers
    opened: Integers
    demanded: Integers
    served: Integers
    demand_days: Integers
    stock_out_days: Integers
    cycles: Integers
    cycles_served: Integers
    orders: Integers
    ordered: Integers
    on_hand_days: Integers


def simulate(demand: Demand, policy: Policy, settings: Settings) -> Outcome:
    """Replay the demand. Raises PlanningError if the policy's levels are none."""
    run = _Run(demand, settings)
    for day in range(settings.warm_up_days, demand.days):
        if (day - settings.warm_up_days) % settings.revise_days == 0:
            past = past_of(demand, day)
            run.revise(past, _checked(policy(past), len(demand.skus)))
        run.serve(demand.quantities[:, day])
        run.receive(day)
        if (day - settings.warm_up_days) % settings.review_days == 0:
            run.order(day)
        run.close()
    return run.outcome


def _checked(levels: Levels, skus: int) -> Levels:
    for field in ("reorder_point", "order_up_to"):
        values = getattr(levels, field)
        if values.shape != (skus,) or values.dtype != np.int64:
            raise PlanningError(field, f"{field} is one integer for each SKU")
        if skus and values.min() < 0:
            raise PlanningError(field, f"{field} is not negative")
    if (levels.order_up_to < levels.reorder_point).any():
        raise PlanningError("order_up_to", "the level is not below the reorder point")
    return levels


class _Run:
    """Stock, orders on their way, and what is counted."""

    def __init__(self, demand: Demand, settings: Settings) -> None:
        count = len(demand.skus)
        self.settings, self.keys = settings, keys_of(demand.skus)
        self.active = np.zeros(count, bool)
        self.on_hand = np.zeros(count, np.int64)
        self.backlog = np.zeros(count, np.int64)
        self.on_order = np.zeros(count, np.int64)
        # What arrives on a day lies in the column of that day, modulo the longest lead time.
        self.arriving = np.zeros((settings.lead_days_max + 1, count), np.int64)
        self.missed = np.zeros(count, bool)
        self.levels = Levels(self.on_hand, self.on_hand)
        zeros = (np.zeros(count, np.int64) for _ in fields(Outcome))
        self.outcome = Outcome(*zeros)

    def revise(self, past: Past, levels: Levels) -> None:
        """Take new levels; what was asked for by now and does not take part yet opens its stock."""
        self.levels = levels
        entering = (past.first_demand < past.quantities.shape[1]) & ~self.active
        opening = np.where(entering, levels.order_up_to, 0)
        self.on_hand += opening
        self.outcome.opened[:] += opening
        self.active |= entering

    def serve(self, asked: Integers) -> None:
        """Serve the day's demand as far as stock reaches."""
        asked = np.where(self.active, asked, 0)
        served = np.minimum(asked, self.on_hand)
        self.on_hand -= served
        short = asked - served
        if self.settings.backorders:
            self.backlog += short
        self.missed |= short > 0
        outcome = self.outcome
        outcome.demanded[:] += asked
        outcome.served[:] += served
        outcome.demand_days[:] += asked > 0
        outcome.stock_out_days[:] += short > 0

    def receive(self, day: int) -> None:
        """Take in what arrives; it goes first to those who wait."""
        column = day % len(self.arriving)
        self._arrive(self.arriving[column].copy())
        self.arriving[column] = 0

    def order(self, day: int) -> None:
        """Order up to the level where the position is at the reorder point or below."""
        position = self.on_hand + self.on_order - self.backlog
        due = self.active & (position <= self.levels.reorder_point)
        quantity = np.where(due, self.levels.order_up_to - position, 0)
        placed = quantity > 0
        settings = self.settings
        lead = drawn(settings.seed, self.keys, day, settings.lead_days_min, settings.lead_days_max)
        self.on_order += quantity
        self.outcome.orders[:] += placed
        self.outcome.ordered[:] += quantity
        later = np.flatnonzero(placed & (lead > 0))
        columns = (day + lead[later]) % len(self.arriving)
        self.arriving[columns, later] += quantity[later]
        self._arrive(np.where(lead == 0, quantity, 0))

    def close(self) -> None:
        """Count the stock at the end of the day."""
        self.outcome.days[:] += self.active
        self.outcome.on_hand_days[:] += self.on_hand

    def _arrive(self, quantity: Integers) -> None:
        arrived = quantity > 0
        self.on_order -= quantity
        owed = np.minimum(self.backlog, quantity)
        self.backlog -= owed
        self.on_hand += quantity - owed
        self.outcome.cycles[:] += arrived
        self.outcome.cycles_served[:] += arrived & ~self.missed
        self.missed &= ~arrived
