"""Order quantities: a printed example, packs, minima, and what stands in for a missing cost."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning.errors import PlanningError
from projections.planning.order_quantities import (
    BASES,
    NO_COST,
    CostOptions,
    OrderQuantities,
    Terms,
    order_quantities,
)

MONEY = 10**6


def ordered(  # noqa: PLR0913 - a keyword for each of the book's numbers
    a_day: float,
    unit_cost: int,
    *,
    scale: int = 0,
    pack: int = 1,
    minimum: int = 0,
    options: CostOptions | None = None,
) -> OrderQuantities:
    return order_quantities(
        np.array([a_day]),
        np.array([unit_cost]),
        np.array([scale], dtype=np.int8),
        Terms(np.array([pack]), np.array([minimum])),
        options,
    )


def test_a_printed_example_of_the_order_quantity() -> None:
    """Stevenson (2021), Operations Management, 14th ed., ch. 12, example 2: tyres.

    9,600 a year, 75 dollars an order, 16 dollars a year to keep one: Q = √(2 · 9600 · 75 / 16) =
    300. Here one costs 64 dollars and a quarter of that to keep.
    """
    options = CostOptions(order_cost="75", carrying_rate="0.25")
    found = ordered(9600 / 365, 64 * MONEY, options=options)
    assert found.quantity.tolist() == [300]
    assert found.exact[0] == pytest.approx(300, abs=1e-4)
    assert BASES[found.basis[0]] == "economic"


@given(st.integers(1, 10**5), st.integers(1, 10**9), st.integers(0, 6))
def test_the_unit_of_the_quantity_changes_nothing(a_day: int, cost: int, scale: int) -> None:
    """The same item counted in whole units and in smaller ones."""
    whole = ordered(float(a_day), cost).exact[0]
    small = ordered(float(a_day) * 10**scale, cost, scale=scale).exact[0]
    assert small / 10**scale == pytest.approx(whole, rel=1e-9, abs=1e-5)


@pytest.mark.parametrize("cost", [NO_COST, 0])
def test_without_a_cost_an_order_covers_days(cost: int) -> None:
    found = ordered(2.5, cost, options=CostOptions(days_without_cost="20"))
    assert (found.quantity.tolist(), BASES[found.basis[0]]) == ([50], "days_without_cost")


def test_no_order_covers_more_than_the_longest_time() -> None:
    found = ordered(0.5, 10, options=CostOptions(days_max="100"))
    assert (found.quantity.tolist(), BASES[found.basis[0]]) == ([50], "days_max")


def test_without_demand_the_least_order() -> None:
    found = ordered(0.0, MONEY, pack=12, minimum=20)
    assert (found.quantity.tolist(), BASES[found.basis[0]]) == ([24], "no_demand")


@pytest.mark.parametrize(
    ("pack", "minimum", "expected"),
    [(1, 0, 300), (120, 0, 360), (130, 0, 260), (1000, 0, 1000), (7, 301, 301), (100, 310, 400)],
)
def test_packs_to_the_nearest_and_minima_up(pack: int, minimum: int, expected: int) -> None:
    options = CostOptions(order_cost="75", carrying_rate="0.25")
    found = ordered(9600 / 365, 64 * MONEY, pack=pack, minimum=minimum, options=options)
    assert found.quantity.tolist() == [expected]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"order_cost": "-1"}, "order_cost"),
        ({"carrying_rate": "0"}, "carrying_rate"),
        ({"carrying_rate": "-0.1"}, "carrying_rate"),
        ({"days_max": "0"}, "days_max"),
        ({"days_without_cost": "0.5"}, "days_without_cost"),
        ({"days_without_cost": "40", "days_max": "30"}, "days_without_cost"),
    ],
)
def test_costs_without_sense_are_refused(options: dict[str, str], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        CostOptions(**options)
    assert refused.value.field == field


@pytest.mark.parametrize(("pack", "minimum", "field"), [(0, 0, "pack"), (1, -1, "minimum")])
def test_terms_without_sense_are_refused(pack: int, minimum: int, field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        Terms(np.array([pack]), np.array([minimum]))
    assert refused.value.field == field


def test_a_quantity_beyond_64_bits_is_refused() -> None:
    with pytest.raises(PlanningError, match="exact range"):
        ordered(1e18, NO_COST)


def test_options_may_be_decimals_and_floats() -> None:
    exact = CostOptions(order_cost=Decimal(75), carrying_rate=0.25)
    assert ordered(9600 / 365, 64 * MONEY, options=exact).quantity.tolist() == [300]
