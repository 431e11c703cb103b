"""What ABC ranks by: units of any decimals, and margins that are not rounded."""

from decimal import Decimal, localcontext

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from projections.planning import abc
from projections.planning.criteria import NO_PRICE, margin, units

MONEY = 10**6


def test_units_of_different_decimals_compare() -> None:
    found = units(np.array([3, 250, 1]), np.array([0, 2, 6], dtype=np.int8))
    assert found.tolist() == [3_000_000, 2_500_000, 1]


def test_large_units_stay_exact() -> None:
    found = units(np.array([10**18]), np.array([0], dtype=np.int8))
    assert found.tolist() == [10**24]


def test_margins_with_and_without_a_price() -> None:
    found, known = margin(
        issued=np.array([10, 10, 150, 10]),
        issued_value=np.array([20 * MONEY, 20 * MONEY, 1, 50 * MONEY]),
        price=np.array([3 * MONEY, NO_PRICE, 1, 3 * MONEY]),
        scales=np.array([0, 0, 2, 0], dtype=np.int8),
    )
    assert known.tolist() == [True, False, True, True]
    assert found.tolist() == [10 * MONEY**2, 0, MONEY // 2, -20 * MONEY**2]
    assert abc.classify(found).classes.tolist() == [0, 2, 2, 2]


@given(
    st.integers(-(10**18), 10**18),
    st.integers(0, 10**18),
    st.integers(0, 10**18),
    st.integers(0, 6),
)
def test_margins_are_exact(issued: int, value: int, price: int, scale: int) -> None:
    found, _ = margin(
        np.array([issued]), np.array([value]), np.array([price]), np.array([scale], dtype=np.int8)
    )
    with localcontext(prec=60):
        expected = (Decimal(issued).scaleb(-scale) * price - value) * MONEY
        assert int(found[0]) == expected
