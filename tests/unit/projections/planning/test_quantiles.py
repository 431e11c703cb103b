"""Safety factors: scipy agrees, printed tables agree, and levels without sense are refused."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from projections.planning.errors import PlanningError
from projections.planning.quantiles import safety_factors, service_level, z_value

levels = st.decimals("0.5", "0.999999", places=6)


def loss(k: float) -> float:
    """The standard normal loss function, by scipy."""
    return float(norm.pdf(k) - k * norm.sf(k))


@given(levels)
def test_z_agrees_with_scipy_to_six_decimals(level: Decimal) -> None:
    assert z_value(level) == pytest.approx(norm.ppf(float(level)), abs=5.000001e-7)
    assert round(z_value(level), 6) == z_value(level)


@pytest.mark.parametrize(
    ("level", "z"), [("0.5", 0.0), ("0.9", 1.281552), ("0.95", 1.644854), ("0.99", 2.326348)]
)
def test_z_of_common_levels(level: str, z: float) -> None:
    assert z_value(Decimal(level)) == z


@given(levels, levels)
def test_z_rises_with_the_level(one: Decimal, other: Decimal) -> None:
    assert (z_value(one) <= z_value(other)) or one > other


@pytest.mark.parametrize(
    "level", ["0", "0.499999", "1", "1.2", "95", "-0.95", "NaN", "Infinity", "0.9999999", "95 %"]
)
def test_levels_without_sense_are_refused(level: str) -> None:
    with pytest.raises(PlanningError) as refused:
        service_level(level, "service_level")
    assert refused.value.field == "service_level"


@pytest.mark.parametrize("level", [0.5, "0.5", 0.95, "0.999999"])
def test_levels_from_one_half_on_are_taken(level: float | str) -> None:
    assert service_level(level) == Decimal(str(level))


def test_factors_of_a_printed_table() -> None:
    """G(k) as tables of the unit normal loss print it: 0.3989, 0.1978, 0.0833, 0.0085."""
    assert safety_factors(np.array([0.39895, 0.1978, 0.0833, 0.0085])).round(1).tolist() == [
        0.0, 0.5, 1.0, 2.0,
    ]  # fmt: skip


@given(st.floats(0, 7.99))
def test_the_factor_is_the_least_of_three_decimals(k: float) -> None:
    found = float(safety_factors(np.array([loss(k)]))[0])
    # The loss by scipy has some noise of its own far out, where it is the difference of two.
    assert -1e-4 < found - k < 0.001 + 1e-4
    assert round(found, 3) == found


def test_the_factor_stays_between_0_and_8() -> None:
    assert safety_factors(np.array([0.5, 100.0, 0.0, 1e-300])).tolist() == [0.0, 0.0, 8.0, 8.0]


def test_an_exact_hit_is_met() -> None:
    at_one = norm.pdf(1) - norm.sf(1)
    assert safety_factors(np.array([at_one * (1 + 1e-12), at_one * (1 - 1e-12)])).tolist() == [
        1.0, 1.001,
    ]  # fmt: skip
