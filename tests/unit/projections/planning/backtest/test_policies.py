"""Proposals in the backtest are those of planning's functions over what was known by then."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.planning.backtest.demand import Demand, past_of
from projections.planning.backtest.policies import Proposer, Target
from projections.planning.backtest.simulator import Levels, Settings
from projections.planning.days import Integers
from projections.planning.errors import PlanningError

MONDAY = 14_949
LEAD = Settings(lead_days_min=4, lead_days_max=4)
SERVICE = Target("cycle_service", Decimal("0.95"))
EVERY = [
    {"": Target("none")},
    {"": SERVICE},
    {"": Target("fill_rate", Decimal("0.98"))},
    {"": Target("empirical", Decimal("0.95"))},
    {"": Target("days_of_cover", None, 5)},
    {"A": Target("empirical", Decimal("0.98")), "B": SERVICE, "C": Target("none")},
]


def _proposed(table: Any, proposer: Proposer, day: int | None = None) -> Levels:
    quantities: Integers = np.array(table, np.int64)
    skus = [f"S{number}" for number in range(len(quantities))]
    costs = np.full(len(quantities), 1_000_000, np.int64)
    demand = Demand(skus, MONDAY, quantities, costs)
    return proposer(past_of(demand, quantities.shape[1] if day is None else day))


def test_levels_on_paper() -> None:
    """Mean 10 and deviation √(60 / 5) over six days; 5 protected, of which 4 of lead time."""
    proposer = Proposer(targets={"": SERVICE}, settings=LEAD, order_days=3)
    levels = _proposed([[10, 12, 8, 4, 14, 12]], proposer)
    # 50 + 1.644854 · √(5 · 14) … of a sample: Σ(x - 10)² = 0 + 4 + 4 + 36 + 16 + 4 = 64, / 5.
    assert levels.reorder_point.tolist() == [64]  # 50 + 1.644854 · √(5 · 12.8) = 63.16
    assert levels.order_up_to.tolist() == [64 + 30]


def test_lead_times_that_vary_add_their_variance() -> None:
    """Uniform from 2 to 6: the mean is 4, the variance (5² - 1) / 12 = 2."""
    drawn = Settings(lead_days_min=2, lead_days_max=6)
    proposer = Proposer(targets={"": SERVICE}, settings=drawn, order_days=3)
    levels = _proposed([[10, 12, 8, 4, 14, 12]], proposer)
    # 50 + 1.644854 · √(5 · 12.8 + 10² · 2) = 76.73
    assert levels.reorder_point.tolist() == [77]


def test_days_without_sales_are_no_zeros() -> None:
    """Closed on Sunday, 7 a day otherwise: nothing varies, and 5 days have 30 pieces."""
    week = [7, 7, 7, 7, 7, 7, 0]
    proposer = Proposer(
        targets={"": SERVICE}, settings=LEAD, order_days=7, closed_weekdays=frozenset({6})
    )
    levels = _proposed([week * 4], proposer)
    # 5 days of the calendar hold 5 · 6/7 open ones, 7 pieces each: 30, no spread; 42 a week.
    assert levels.reorder_point.tolist() == [30]
    assert levels.order_up_to.tolist() == [72]


def test_only_the_window_counts() -> None:
    """What lies before it is forgotten."""
    proposer = Proposer(targets={"": Target("none")}, settings=LEAD, order_days=1, window_days=4)
    levels = _proposed([[90, 90, 90, 2, 2, 2, 2]], proposer)
    assert levels.reorder_point.tolist() == [10]
    assert levels.order_up_to.tolist() == [12]


def test_what_was_never_asked_for_is_not_ordered() -> None:
    """Neither without any demand, nor before its first, whatever the method."""
    for targets in EVERY:
        proposer = Proposer(targets=targets, settings=LEAD)
        levels = _proposed([[0] * 9, [0] * 8 + [5], [3] * 9], proposer, day=8)
        assert levels.reorder_point[:2].tolist() == [0, 0]
        assert levels.order_up_to[:2].tolist() == [0, 0]
        assert levels.order_up_to[2] > 0
        nothing = _proposed([[4, 4]], proposer, day=0)
        assert nothing.order_up_to.tolist() == [0]


def test_classes_have_their_own_targets() -> None:
    """The SKU that makes 90 % of the value is A, with safety stock; the smallest is C, without."""
    rows = [[90, 10] * 15, [9, 0] * 15, [1, 0] * 15]
    by_class = Proposer(targets={"A": SERVICE, "B": SERVICE, "C": Target("none")}, settings=LEAD)
    bare = Proposer(targets={"": Target("none")}, settings=LEAD)
    safe = Proposer(targets={"": SERVICE}, settings=LEAD)
    found, least, most = (_proposed(rows, one).reorder_point for one in (by_class, bare, safe))
    assert found[0] == most[0] > least[0]
    assert found[2] == least[2] < most[2]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 30).flatmap(
        lambda days: st.lists(
            st.lists(st.integers(0, 50), min_size=days, max_size=days), min_size=2, max_size=4
        )
    ),
    st.sampled_from(EVERY[:-1]),
    st.data(),
)
def test_neither_the_future_nor_the_neighbours_count(
    rows: list[list[int]], targets: dict[str, Target], data: st.DataObject
) -> None:
    """The proposal of a day is the same with another future, and for each SKU alone."""
    day = data.draw(st.integers(0, len(rows[0])))
    proposer = Proposer(targets=targets, settings=LEAD, replicates=100)
    found = _proposed(rows, proposer, day)
    later = [row[:day] + [99] * (len(row) - day) for row in rows]
    other = _proposed(later, proposer, day)
    assert other.reorder_point.tolist() == found.reorder_point.tolist()
    assert other.order_up_to.tolist() == found.order_up_to.tolist()
    alone = _proposed(rows[:1], proposer, day)
    assert alone.reorder_point.tolist() == found.reorder_point[:1].tolist()


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("method", lambda: Target("guess")),
        ("level", lambda: Target("cycle_service")),
        ("level", lambda: Target("none", Decimal("0.9"))),
        ("cover_days", lambda: Target("days_of_cover", None, -1)),
        ("targets", lambda: Proposer(targets={"A": SERVICE}, settings=LEAD)),
        ("order_days", lambda: Proposer(targets={"": SERVICE}, settings=LEAD, order_days=0)),
        ("window_days", lambda: Proposer(targets={"": SERVICE}, settings=LEAD, window_days=0)),
        (
            "closed_weekdays",
            lambda: Proposer(
                targets={"": SERVICE}, settings=LEAD, closed_weekdays=frozenset(range(7))
            ),
        ),
    ],
)
def test_parameters_out_of_bounds_are_named(field: str, make: Any) -> None:
    """One error, that names the field."""
    with pytest.raises(PlanningError) as caught:
        make()
    assert caught.value.field == field


@pytest.mark.parametrize("level", ["0", "1", "1.2"])
def test_levels_that_no_stock_reaches_are_refused(level: str) -> None:
    """As planning runs refuse them."""
    proposer = Proposer(targets={"": Target("cycle_service", Decimal(level))}, settings=LEAD)
    with pytest.raises(PlanningError):
        _proposed([[1, 2, 3]], proposer)
