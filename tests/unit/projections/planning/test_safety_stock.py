"""Safety stock: printed examples, simulations that reach the level asked for, and the edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from projections.planning.errors import PlanningError
from projections.planning.lead_demand import REASONS, Scenario, lead_demand
from tests.unit.projections.planning.given_demand import (
    daily,
    lead_times,
    over_lead_time,
    stock_for,
)

positive = st.floats(0.001, 1e6)


def test_a_printed_example_with_variable_demand_and_lead_time() -> None:
    """Stevenson (2021), Operations Management, 14th ed., ch. 12, solved problems, p. 543.

    A motel replaces 25 glasses a day, deviation 3; the lead time is 10 days, deviation 2; for a
    service level of 95 %, ROP = 25(10) + 1.65 √(10(3)² + (25)²(2)²) = 334 glasses.
    """
    demand = over_lead_time((25, 3), (10, 2))
    assert demand.expected.tolist() == [250.0]
    assert round(float(demand.expected[0] + 1.65 * demand.spread[0])) == 334
    assert stock_for(demand, "cycle_service", level="0.95").reorder_point.tolist() == [334]


def test_a_printed_example_with_constant_demand() -> None:
    """Same page: 600 bottles a day, lead time 6 days, deviation 2, 90 %, ROP 5,136 with z = 1.28.

    The table's z has two decimals; with six the reorder point is 5,138.
    """
    demand = over_lead_time((600, 0), (6, 2))
    assert demand.expected[0] + 1.28 * demand.spread[0] == 5136
    assert stock_for(demand, "cycle_service", level="0.9").reorder_point.tolist() == [5138]


def test_a_printed_example_with_given_deviation_of_lead_time_demand() -> None:
    """Same book, example 8, p. 528: 50 tons, deviation 5, risk of 3 %: 9.40 and 59.40 tons."""
    demand = over_lead_time((5000, 500), (1, 0))
    assert 1.88 * demand.spread[0] == 940
    found = stock_for(demand, "cycle_service", level="0.97")
    assert found.factor.round(2).tolist() == [1.88]
    assert found.exact.tolist() == [940.397]


def test_a_printed_example_with_a_review_period() -> None:
    """Same page 543: 15.2 ml a day, deviation 1.6; review 30 days, lead time 5 days, 95 %.

    The deviation over 35 days is 1.6 √35, the safety stock 1.65 times that, 15.6 ml.
    """
    demand = over_lead_time((15.2, 1.6), (5, 0), review_days=30)
    assert demand.protected.tolist() == [35.0]
    assert demand.expected.tolist() == [532.0]
    assert round(float(1.65 * demand.spread[0]), 1) == 15.6
    assert stock_for(demand, "cycle_service", level="0.95").quantity.tolist() == [16]


def test_the_fill_rate_solves_the_loss_function() -> None:
    demand = over_lead_time((25, 5), (10, 0))
    found = stock_for(demand, "fill_rate", level="0.98", order_quantity=100)
    k, sigma = float(found.factor[0]), float(demand.spread[0])
    short = sigma * float(norm.pdf(k) - k * norm.sf(k))
    assert 100 * 0.02 * 0.995 < short <= 100 * 0.02
    assert found.exact[0] == pytest.approx(k * sigma, abs=1e-6)


def test_a_large_order_needs_no_safety_stock_for_its_fill_rate() -> None:
    demand = over_lead_time((25, 5), (10, 0))
    found = stock_for(demand, "fill_rate", level="0.9", order_quantity=5000)
    assert found.quantity.tolist() == [0]
    assert found.reorder_point.tolist() == [250]


def _units_and_orders(
    reorder_point: int,
    order_quantity: int,
    lead: tuple[float, float],
    generator: np.random.Generator,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Units asked for one by one, at random times, 25 a day; orders at the reorder point.

    Which units were met from stock at once, and which orders came before the stock was out. After
    every `order_quantity` units one is ordered, which serves the units that the stock and the
    orders before do not reach.
    """
    orders = 20_000
    units = orders * order_quantity + reorder_point + 1
    asked = np.cumsum(generator.exponential(1 / 25, units + 1))
    placed = asked[np.arange(orders) * order_quantity]
    come = placed + np.maximum(generator.normal(*lead, orders), 0.0)
    first = np.arange(orders) * order_quantity + reorder_point + 1
    in_time = come <= asked[first]
    served = first[:, np.newaxis] + np.arange(order_quantity)
    return (come[:, np.newaxis] <= asked[np.minimum(served, units)]).mean(axis=1), in_time


def test_a_simulation_reaches_the_cycle_service_level() -> None:
    """Poisson demand of 25 a day (deviation 5), lead times normal around 10 with deviation 2."""
    found = stock_for(over_lead_time((25, 5), (10, 2)), "cycle_service", level="0.95")
    point = int(found.reorder_point[0])
    _, in_time = _units_and_orders(point, 600, (10, 2), np.random.default_rng(11))
    reached, error = in_time.mean(), in_time.std() / len(in_time) ** 0.5
    # One unit less or more, by rounding, is a quarter of a percent of the orders.
    assert abs(reached - 0.95) < 3 * error + 0.0013


def test_a_simulation_reaches_the_fill_rate() -> None:
    found = stock_for(
        over_lead_time((25, 5), (10, 0)), "fill_rate", level="0.98", order_quantity=120
    )
    met, _ = _units_and_orders(int(found.reorder_point[0]), 120, (10, 0), np.random.default_rng(12))
    reached, error = met.mean(), met.std() / len(met) ** 0.5
    assert abs(reached - 0.98) < 3 * error + 0.0013


def test_the_levels_are_missed_without_safety_stock() -> None:
    """The simulation can fail: at the mean demand alone half of the cycles do."""
    met, in_time = _units_and_orders(250, 120, (10, 0), np.random.default_rng(13))
    assert abs(in_time.mean() - 0.5) < 0.03
    assert met.mean() < 0.96


def test_days_of_cover_and_just_in_time() -> None:
    demand = over_lead_time((10, 4), (6, 1), review_days=1)
    fixed = stock_for(demand, "days_of_cover", cover_days=2.5)
    assert (fixed.quantity.tolist(), fixed.reorder_point.tolist()) == ([25], [95])
    lean = stock_for(demand, "just_in_time", cover_days=8)
    assert (lean.quantity.tolist(), lean.reorder_point.tolist()) == ([10], [80])
    # Less than the lead time's demand is no safety stock, and not a negative one.
    short = stock_for(demand, "just_in_time", cover_days=5)
    assert (short.quantity.tolist(), short.reorder_point.tolist()) == ([0], [70])


def test_a_disruption_buffer_comes_on_top_of_any_method() -> None:
    demand = over_lead_time((10, 4), (6, 1))
    for method in ("none", "cycle_service", "fill_rate", "days_of_cover", "just_in_time"):
        without = stock_for(demand, method, level="0.9", order_quantity=50, cover_days=9)
        buffered = stock_for(
            demand, method, level="0.9", order_quantity=50, cover_days=9, buffer_days=3
        )
        assert (buffered.quantity - without.quantity).tolist() == [30]


def test_the_empirical_quantile_is_the_reorder_point() -> None:
    demand = over_lead_time((0.5, 2), (6, 0))
    found = stock_for(demand, "empirical", level="0.95", quantile=11.0)
    assert (found.quantity.tolist(), found.reorder_point.tolist()) == ([8], [11])
    low = stock_for(demand, "empirical", level="0.95", quantile=1.0)
    assert (low.quantity.tolist(), low.reorder_point.tolist()) == ([0], [3])


def test_no_history_returns_only_and_one_day() -> None:
    statistics = daily((np.nan, np.nan), (-2.0, 3.0), (4.0, np.nan))
    statistics.buckets[:] = [0, 9, 1]
    statistics.total[:] = [0, -18, 4]
    demand = lead_demand(statistics, lead_times((5, 1), (5, 0), (5, 0)), np.zeros(3))
    assert [REASONS[code] for code in demand.reason] == ["no_history", "no_demand", "one_day"]
    found = stock_for(demand, "cycle_service", level="0.95")
    assert demand.expected.tolist() == [0.0, 0.0, 20.0]
    # Returns that outweigh demand leave its deviation, which may still empty the shelf.
    assert found.reorder_point.tolist() == [0, 12, 20]


def test_zero_lead_time_needs_nothing() -> None:
    found = stock_for(over_lead_time((25, 3), (0, 0)), "cycle_service", level="0.95")
    assert (found.quantity.tolist(), found.reorder_point.tolist()) == ([0], [0])


def test_level_one_half_needs_no_safety_stock() -> None:
    found = stock_for(over_lead_time((25, 3), (10, 2)), "cycle_service", level="0.5")
    assert (found.quantity.tolist(), found.reorder_point.tolist()) == ([0], [250])


@pytest.mark.parametrize("level", ["0", "1", "1.2", "0.4"])
def test_levels_without_sense_are_refused(level: str) -> None:
    with pytest.raises(PlanningError, match="is not a share from"):
        stock_for(over_lead_time((25, 3), (10, 2)), "cycle_service", level=level)


def test_negative_days_are_refused() -> None:
    with pytest.raises(PlanningError, match="buffer_days: days are not negative"):
        stock_for(over_lead_time((25, 3), (10, 2)), "none", buffer_days=-1.0)


def test_a_quantity_beyond_64_bits_is_refused() -> None:
    with pytest.raises(PlanningError, match="exact range"):
        stock_for(over_lead_time((1e17, 1e17), (3650, 0)), "cycle_service", level="0.9")


def test_more_demand_and_fewer_open_days() -> None:
    changed = over_lead_time((20, 4), (10, 2), 0.0, Scenario(demand_change="25"))
    assert (changed.mean.tolist(), changed.deviation.tolist()) == ([25.0], [5.0])
    gone = over_lead_time((20, 4), (10, 2), 0.0, Scenario(demand_change="-100"))
    assert gone.spread.tolist() == [0.0]
    weekdays = over_lead_time((20, 4), (7, 1.4), 7.0, Scenario(open_share="0.5"))
    assert (weekdays.lead.tolist(), weekdays.lead_deviation.tolist()) == ([3.5], [0.7])
    assert (weekdays.protected.tolist(), weekdays.expected.tolist()) == ([7.0], [140.0])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"open_share": "1.1"}, "open_share"),
        ({"open_share": "-0.1"}, "open_share"),
        ({"demand_change": "-101"}, "demand_change"),
    ],
)
def test_scenarios_without_sense_are_refused(options: dict[str, str], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        Scenario(**options)
    assert refused.value.field == field


@given(positive, positive, st.floats(0, 100), st.floats(0, 20), st.floats(0, 30))
def test_more_of_anything_needs_no_less_stock(
    mean: float, deviation: float, lead: float, lead_deviation: float, review: float
) -> None:
    def stock(level: str, *more: float) -> int:
        demand = over_lead_time(
            (mean, deviation + more[0]), (lead + more[1], lead_deviation + more[2]), review
        )
        return int(stock_for(demand, "cycle_service", level=level).quantity[0])

    base = stock("0.9", 0, 0, 0)
    assert base >= 0
    assert stock("0.95", 0, 0, 0) >= base
    assert stock("0.9", 1, 0, 0) >= base
    assert stock("0.9", 0, 1, 0) >= base
    assert stock("0.9", 0, 0, 1) >= base
