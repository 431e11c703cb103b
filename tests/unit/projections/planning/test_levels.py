"""From demand to reorder points in one go, on the retailer's sample and on odd series."""

from dataclasses import replace

import numpy as np
import pytest

from projections.planning import (
    abc,
    demand_statistics,
    empirical,
    lead_demand,
    lead_times,
    matrix,
    order_quantities,
    patterns,
    proposals,
    safety_stock,
    velocity,
    xyz,
)
from projections.planning.bucket_rows import DailyDemand, only
from projections.planning.demand_statistics import statistics
from projections.planning.lead_demand import Scenario
from projections.planning.lead_times import NO_SUPPLIER, LeadTimes, Observed, choose
from projections.planning.levels import LevelOptions, Levels, Supplied, plan_levels
from projections.planning.matrix import Assigned, Classified, Policy, assign
from projections.planning.order_quantities import NO_COST, Terms
from projections.planning.safety_stock import METHODS
from tests.unit.projections.planning import retail


def lead_times_of(count: int) -> LeadTimes:
    none = np.zeros(0, dtype=np.int64)
    return choose(Observed(none, none, none), np.full(count, NO_SUPPLIER), np.full(count, np.nan))


def supplied(names: list[str]) -> Supplied:
    count = len(names)
    return Supplied(
        names=names,
        scales=np.zeros(count, dtype=np.int8),
        unit_cost=np.full(count, NO_COST),
        terms=Terms(np.ones(count, np.int64), np.zeros(count, np.int64)),
        lead_times=lead_times_of(count),
    )


def assigned_of(demand: DailyDemand) -> Assigned:
    found = statistics(demand, "day")
    return assign(
        Classified(
            abc=abc.classify(found.total).classes,
            xyz=xyz.classify(found).classes,
            pattern=patterns.classify(found),
            dead=found.demand_buckets == 0,
        )
    )


def planned(
    names: list[str], demand: DailyDemand, options: LevelOptions | None = None
) -> tuple[Assigned, Levels]:
    assigned = assigned_of(demand)
    return assigned, plan_levels(demand, supplied(names), assigned, options)


def test_the_retailers_reorder_points() -> None:
    names, demand = retail.daily_demand()
    assigned, levels = planned(names, demand)
    methods = {METHODS[code] for code in assigned.targets.method}
    assert methods == {"cycle_service", "empirical"}
    empirical_ones = assigned.targets.has(METHODS.index("empirical"))
    assert not np.isnan(levels.safety.quantile[empirical_ones]).any()
    assert np.isnan(levels.safety.factor[empirical_ones]).all()
    assert (levels.safety.reorder_point >= np.floor(levels.lead_demand.expected)).all()
    assert (levels.orders.quantity >= 1).all()


def test_a_series_gets_the_same_alone() -> None:
    """Nothing but its own demand decides a series' levels, once its policy is known."""
    names, demand = retail.daily_demand()
    assigned, levels = planned(names, demand)
    chosen = np.arange(5, len(names), 97)[::-1]
    part = replace(
        assigned,
        targets=replace(
            assigned.targets,
            **{
                name: getattr(assigned.targets, name)[chosen]
                for name in ("method", "level", "cover_days", "buffer_days")
            },
        ),
        replenishment=assigned.replenishment[chosen],
        review_days=assigned.review_days[chosen],
    )
    alone = plan_levels(only(demand, chosen), supplied([names[one] for one in chosen]), part)
    for name in ("quantity", "reorder_point", "quantile", "exact"):
        np.testing.assert_array_equal(
            getattr(alone.safety, name), getattr(levels.safety, name)[chosen]
        )


def test_more_demand_raises_every_reorder_point() -> None:
    names, demand = retail.daily_demand()
    _, levels = planned(names, demand)
    _, more = planned(names, demand, LevelOptions(scenario=Scenario(demand_change="50")))
    assert (more.safety.reorder_point >= levels.safety.reorder_point).all()
    assert more.safety.reorder_point.sum() > 1.4 * levels.safety.reorder_point.sum()


def test_odd_series_have_levels_too() -> None:
    """No history at all, one day of it, only returns, more returns than demand."""
    demand = DailyDemand(
        starts=np.array([0, 0, 1, 3, 5]),
        day=np.array([99, 10, 20, 10, 20], dtype=np.int32),
        quantity=np.array([8, -3, -2, 4, -9]),
        first_day=np.array([100, 99, 0, 0]),
        last_day=99,
    )
    _, levels = planned(list("abcd"), demand)
    assert levels.safety.reorder_point.tolist()[0] == 0
    # A day of 8 may be followed by fifteen of them: with one day nothing speaks against it.
    assert levels.safety.reorder_point.tolist()[1] == 15 * 8
    assert levels.safety.reorder_point.tolist()[2] == 0
    assert (levels.safety.quantity >= 0).all()


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_rare_demand_over_lead_times_that_vary(level: float) -> None:
    """One to nine pieces on one day of five: fresh ones, over fresh lead times, are covered."""
    chance = np.random.default_rng(23)

    def fresh(days: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.where(chance.random(days) < 0.2, chance.integers(1, 10, days), 0)

    past = fresh(20_000)
    demand = DailyDemand(
        starts=np.array([0, len(past)]),
        day=np.arange(len(past), dtype=np.int32),
        quantity=past,
        first_day=np.zeros(1, np.int64),
        last_day=len(past) - 1,
    )
    one = np.zeros(1, np.int8)
    own = Policy("empirical", level=level)
    assigned = assign(Classified(one, one, one, np.zeros(1, bool), {0: own}))
    points = []
    for deviation in (0.0, 6.0):
        times = LeadTimes(np.full(1, 14.0), np.full(1, deviation), one, np.zeros(1, int))
        found = plan_levels(
            demand,
            replace(supplied(["S"]), lead_times=times),
            assigned,
            LevelOptions(bootstrap=empirical.BootstrapOptions(20_000)),
        )
        points.append(int(found.safety.reorder_point[0]))
    steady, varying = points
    lead = np.ceil(np.maximum(chance.normal(14, 6, 20_000), 0) + 1).astype(np.int64)
    total = np.concatenate(([0], np.cumsum(fresh(int(lead.sum())))))
    ends = np.cumsum(lead)
    asked = total[ends] - total[ends - lead]
    # The lead times are cut into parts, so that the longest of them all is missing.
    assert (asked <= varying).mean() == pytest.approx(level, abs=0.012)
    assert (asked <= steady).mean() < level - 0.02


ON_MEAN, DEVIATION, LEAD_DAYS = 10_000, 5_000, 7


def met_at_a_level(up_to: int, review_days: int, days: int = 100_000) -> float:
    """The share of normal demand that is met where each review orders up to a level.

    What a review orders at a day's end is there on the morning after the lead time; who is not
    served waits.
    """
    chance = np.random.default_rng(17)
    asked = np.rint(chance.normal(ON_MEAN, DEVIATION, days)).clip(0).astype(np.int64)
    total = np.concatenate(([0], np.cumsum(asked)))
    day = np.arange(LEAD_DAYS + review_days, days)
    # All orders up to the last review that can be there: what is left of the level since then.
    reviewed = (day - LEAD_DAYS) // review_days * review_days
    stock = up_to - (total[day] - total[reviewed])
    return 1 - float((asked[day] - np.clip(stock, 0, asked[day])).sum() / asked[day].sum())


@pytest.mark.parametrize(
    ("replenishment", "review_days"), [("periodic", 7), ("periodic", 1), ("base_stock", 1)]
)
def test_a_simulation_reaches_the_fill_rate_at_a_level(
    replenishment: str, review_days: int
) -> None:
    """However much an order should be by its costs: it is what was asked for since the last."""
    level, demand = 0.98, over_days(ON_MEAN, DEVIATION)
    own = Policy("fill_rate", level=level, replenishment=replenishment, review_days=review_days)
    one = np.zeros(1, np.int8)
    assigned = assign(Classified(one, one, one, np.zeros(1, bool), {0: own}))
    terms = replace(
        supplied(["S"]), lead_times=LeadTimes(np.full(1, 7.0), np.zeros(1), one, np.zeros(1, int))
    )
    # Thirty days of demand at a time are far more than are ordered.
    found = plan_levels(demand, terms, assigned)
    assert found.orders.quantity[0] > 25 * ON_MEAN
    mean = float(found.a_day[0])
    assert found.safety.at_a_time.tolist() == [pytest.approx(mean * review_days, abs=1e-5)]
    reached = met_at_a_level(int(found.safety.reorder_point[0]), review_days)
    assert abs(reached - level) < 0.004
    # And it could fail: with the demand of a lead time and a review period alone.
    assert met_at_a_level(ON_MEAN * (LEAD_DAYS + review_days), review_days) < 0.93


def over_days(mean: int, deviation: int) -> DailyDemand:
    """A long history of one series with just this mean and deviation, of a sample."""
    days = 3_600
    high = np.arange(days) % 2 == 0
    return DailyDemand(
        starts=np.array([0, days]),
        day=np.arange(days, dtype=np.int32),
        quantity=np.where(high, mean + deviation, mean - deviation),
        first_day=np.zeros(1, np.int64),
        last_day=days - 1,
    )


def test_a_part_of_the_series_keeps_its_spells_without_stock() -> None:
    demand = DailyDemand(
        starts=np.array([0, 1, 3, 3]),
        day=np.array([5, 1, 7, ], dtype=np.int32),
        quantity=np.array([1, 2, 3]),
        first_day=np.array([0, 1, 2]),
        last_day=9,
        out_starts=np.array([0, 2, 2, 3]),
        out_first=np.array([0, 4, 6], dtype=np.int32),
        out_until=np.array([2, 5, 8], dtype=np.int32),
    )  # fmt: skip
    whole = statistics(demand, "day")
    part = statistics(only(demand, np.array([2, 0])), "day")
    assert part.buckets.tolist() == whole.buckets[[2, 0]].tolist() == [6, 7]
    assert part.total.tolist() == whole.total[[2, 0]].tolist() == [0, 1]


def test_every_formula_names_a_number_that_is_there() -> None:
    """What an explanation prints comes from these fields."""
    results: list[tuple[object, type]] = [
        (abc.FORMULAS, abc.Abc),
        (xyz.FORMULAS, xyz.Xyz),
        (velocity.FORMULAS, velocity.Velocity),
        (demand_statistics.FORMULAS, demand_statistics.DemandStatistics),
        (lead_times.FORMULAS, lead_times.LeadTimes),
        (lead_demand.FORMULAS, lead_demand.LeadDemand),
        (safety_stock.FORMULAS, safety_stock.SafetyStock),
        (order_quantities.FORMULAS, order_quantities.OrderQuantities),
        (proposals.FORMULAS, proposals.Proposals),
        (matrix.FORMULAS, matrix.Assigned),
    ]
    for formulas, result in results:
        assert {one.name for one in formulas} <= set(result.__slots__)  # type: ignore[attr-defined]
    assert {one.name for one in empirical.FORMULAS} >= {"quantile", "replicates", "seed"}
