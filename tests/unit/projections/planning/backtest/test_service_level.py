"""A reorder point for a service level reaches it in the replay, where demand is as assumed.

Many SKUs with the same demand are replayed for long; what they reach on average lies within the
confidence interval of what was asked for. SKUs are independent, so the interval is that of their
mean: 4 standard errors, which chance leaves once in 16,000 times. The seeds are fixed.
"""

from decimal import Decimal
from math import comb, sqrt

import numpy as np
import pytest

from projections.planning.backtest.demand import Demand, Past
from projections.planning.backtest.policies import Proposer, Target
from projections.planning.backtest.simulator import Levels, Outcome, Settings, simulate
from projections.planning.days import Integers
from projections.planning.empirical import BootstrapOptions, History, quantiles, rank_of
from projections.planning.lead_demand import MEASURED, LeadDemand
from projections.planning.numbers import rounded
from projections.planning.protected_days import fixed
from projections.planning.safety_stock import CYCLE_SERVICE, Targets, safety_stock

SKUS = 600
LEAD = 6
STANDARD_ERRORS = 4


def _demand(table: Integers) -> Demand:
    skus = [f"S{number}" for number in range(len(table))]
    return Demand(skus, 15_000, table, np.ones(len(table), np.int64))


def _reached(outcome: Outcome) -> tuple[float, float]:
    """The mean of the SKUs' cycle service levels, and its standard error."""
    levels = outcome.cycles_served / outcome.cycles
    return float(levels.mean()), float(levels.std(ddof=1)) / sqrt(len(levels))


def _replayed(table: Integers, point: int, batch: int) -> Outcome:
    """Ordered at the point; a batch of 0 orders every day what was sold."""

    def policy(past: Past) -> Levels:
        points = np.full(len(past.skus), point, np.int64)
        return Levels(points, points + batch)

    asked = Settings(
        warm_up_days=LEAD, revise_days=10_000, lead_days_min=LEAD, lead_days_max=LEAD,
        backorders=True,
    )  # fmt: skip
    return simulate(_demand(table), policy, asked)


def _normal_point(level: str, mean: float, deviation: float, days: int) -> int:
    """The reorder point that planning computes for demand of this distribution."""
    a_day, of_a_day = np.array([mean]), np.array([deviation])
    protected = np.array([float(days)])
    demand = LeadDemand(
        mean=a_day,
        deviation=of_a_day,
        lead=protected - 1,
        lead_deviation=np.zeros(1),
        protected=protected,
        expected=a_day * protected,
        spread=rounded(of_a_day * np.sqrt(protected)),
        reason=np.array([MEASURED], np.int8),
    )
    targets = Targets(
        np.array([CYCLE_SERVICE], np.int8), np.zeros(1, np.int8), [Decimal(level)],
        np.zeros(1), np.zeros(1),
    )  # fmt: skip
    stock = safety_stock(demand, targets, np.ones(1, np.int64), np.full(1, np.nan))
    return int(stock.reorder_point[0])


@pytest.mark.parametrize("level", ["0.8", "0.9", "0.95", "0.99"])
def test_normal_demand_reaches_the_level(level: str) -> None:
    """Reviewed every day, so that lead time and one day are protected."""
    chance = np.random.default_rng(11)
    table = np.rint(chance.normal(10_000, 2_000, (SKUS, 200))).clip(0).astype(np.int64)
    point = _normal_point(level, 10_000, 2_000, LEAD + 1)
    reached, error = _reached(_replayed(table, point, 0))
    assert abs(reached - float(level)) < STANDARD_ERRORS * error
    assert error < 0.003


def test_without_safety_stock_half_of_the_cycles_are_served() -> None:
    """What the test above would see if the formula added nothing."""
    chance = np.random.default_rng(12)
    table = np.rint(chance.normal(10_000, 2_000, (SKUS, 200))).clip(0).astype(np.int64)
    reached, error = _reached(_replayed(table, 10_000 * (LEAD + 1), 0))
    assert abs(reached - 0.5) < STANDARD_ERRORS * error


@pytest.mark.parametrize("level", ["0.8", "0.95", "0.99"])
def test_intermittent_demand_reaches_the_level(level: str) -> None:
    """One piece on one day of five, watched all the time: the lead time alone is protected.

    Pieces cannot be shared, so that the level reached is the least that whole pieces allow.
    """
    share = 0.2
    chance = np.random.default_rng(13)
    seen = (chance.random(4_000) < share).astype(np.int64)
    history = History(
        ["S"], np.array([0, seen.sum()]), np.ones(seen.sum(), np.int64), np.array([len(seen)])
    )
    options = BootstrapOptions(replicates=20_000, seed=3)
    rank = np.array([rank_of(Decimal(level), options.replicates)])
    point = int(quantiles(history, fixed(np.array([LEAD])), rank, options)[0])
    table = (chance.random((SKUS, 600)) < share).astype(np.int64)
    # Asked for on the first day, so that all take part.
    table[:, 0] = 1
    reached, error = _reached(_replayed(table, point, 12))
    assert abs(reached - _binomial(point, share)) < STANDARD_ERRORS * error
    assert reached > float(level) - STANDARD_ERRORS * error
    assert _binomial(point - 1, share) < float(level)
    assert error < 0.006


def _binomial(most: int, share: float) -> float:
    """The probability of at most so many days with demand in a lead time."""
    return sum(
        comb(LEAD, days) * share**days * (1 - share) ** (LEAD - days) for days in range(most + 1)
    )


@pytest.mark.parametrize("method", ["cycle_service", "empirical"])
def test_what_is_proposed_from_the_past_reaches_the_level(method: str) -> None:
    """Steady demand with a history to learn from, through the policy that is backtested.

    It orders for some days at a time and the position falls below the reorder point by less than a
    day's demand, while a whole day is protected: so it reaches the level and more.
    """
    chance = np.random.default_rng(14)
    table = chance.poisson(50, (SKUS, 560)).astype(np.int64)
    asked = Settings(
        warm_up_days=364, revise_days=28, lead_days_min=LEAD, lead_days_max=LEAD, backorders=True
    )
    proposer = Proposer(targets={"": Target(method, Decimal("0.9"))}, settings=asked)
    reached, error = _reached(simulate(_demand(table), proposer, asked))
    assert reached > 0.9 - STANDARD_ERRORS * error
    bare = Proposer(targets={"": Target("none")}, settings=asked)
    assert _reached(simulate(_demand(table), bare, asked))[0] < 0.9
