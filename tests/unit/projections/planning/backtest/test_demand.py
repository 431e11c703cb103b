"""The demand of a replay: what may be known of it, what chance draws, and what is no demand."""

import numpy as np
import pytest

from projections.planning.backtest.demand import (
    NEVER,
    Demand,
    drawn,
    keys_of,
    past_of,
    shuffled,
)
from projections.planning.errors import PlanningError


def _demand(rows: list[list[int]]) -> Demand:
    skus = [f"S{number}" for number in range(len(rows))]
    return Demand(skus, 15_000, np.array(rows, np.int64), np.ones(len(rows), np.int64))


def test_what_a_policy_sees_leads_to_nothing_else() -> None:
    """It is a copy that ends with yesterday; what it does to it changes no replay."""
    demand = _demand([[1, 2, 3], [0, 0, 7]])
    past = past_of(demand, 2)
    assert past.quantities.tolist() == [[1, 2], [0, 0]]
    assert past.first_demand.tolist() == [0, NEVER]
    assert past.quantities.base is None
    past.quantities[:] = 9
    assert demand.quantities.tolist() == [[1, 2, 3], [0, 0, 7]]


def test_lead_times_are_drawn_evenly_and_alone() -> None:
    """Each number about as often; a SKU's do not depend on the others; another seed, others."""
    keys = keys_of([f"SKU-{number}" for number in range(20_000)])
    counts = np.bincount(drawn(7, keys, 3, 2, 5), minlength=6)
    assert counts[:2].tolist() == [0, 0]
    # Four values, 5,000 each; 6 standard deviations are 367.
    assert abs(counts[2:] - 5_000).max() < 367
    assert drawn(7, keys[5:6], 3, 2, 5) == drawn(7, keys, 3, 2, 5)[5]
    for other in (drawn(8, keys, 3, 2, 5), drawn(7, keys, 4, 2, 5)):
        agreeing = (drawn(7, keys, 3, 2, 5) == other).mean()
        assert 0.2 < agreeing < 0.3
    assert drawn(2**63 - 1, keys_of(["A", "B", "C"]), 40_000, 0, 9).tolist() == DRAWN


# The same on every machine.
DRAWN = [1, 5, 6]


def test_shuffled_demand_is_the_same_in_another_order() -> None:
    """Each SKU's own days move, closed ones stay; alone as among others, another with a seed."""
    rows = [list(range(28)), [0, 5] * 14]
    closed = frozenset({1})
    demand = _demand(rows)
    found = shuffled(demand, closed, 4)
    assert [sorted(row) for row in found.quantities.tolist()] == [sorted(row) for row in rows]
    # Day 15,000 is a Wednesday, so the sixth is the first Tuesday.
    assert found.quantities[0, 6::7].tolist() == [6, 13, 20, 27]
    assert found.quantities.tolist() != rows
    assert shuffled(_demand(rows[:1]), closed, 4).quantities[0].tolist() == (
        found.quantities[0].tolist()
    )
    assert shuffled(demand, closed, 5).quantities.tolist() != found.quantities.tolist()


def test_what_is_no_demand_is_refused() -> None:
    """Negative amounts, and tables that do not fit."""
    one, none = np.ones((1, 3), np.int64), np.ones(1, np.int64)
    for skus, quantities, costs, name in (
        (["A"], -one, none, "quantities"),
        (["A", "B"], one, none, "quantities"),
        (["A"], one, -none, "unit_costs"),
        (["A"], one, np.ones(2, np.int64), "unit_costs"),
    ):
        with pytest.raises(PlanningError) as caught:
            Demand(skus, 0, quantities, costs)
        assert caught.value.field == name
