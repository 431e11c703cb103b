"""Quantities and costs are exact or refused."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import quantities
from ledger.domain.quantities import (
    SCALED_MAX,
    canonical,
    cost_text,
    divide_half_even,
    scaled,
    text,
)
from ledger.domain.rejections import Rejected


@pytest.mark.parametrize("spelling", [6, "6", "6.0", "06", "0006.000", "6.000000000000000000"])
def test_spellings_of_one_number_are_one_number(spelling: str | int) -> None:
    """6, "6", "6.0" and "06" are the same quantity, and canonically the same text."""
    assert scaled(spelling, 0) == 6
    assert scaled(spelling, 6) == 6_000_000
    assert canonical(spelling) == "6"


@pytest.mark.parametrize("spelling", ["-0", "-0.0", "0", "00.00", 0])
def test_zero_has_no_sign(spelling: str | int) -> None:
    """Negative zero is zero."""
    assert scaled(spelling, 2) == 0
    assert canonical(spelling) == "0"


@pytest.mark.parametrize(
    "spelling",
    ["", " ", "1 ", " 1", "+1", "1e3", "1E3", "0x10", "NaN", "nan", "Infinity", "-inf", "1.", ".5",
     "1_000", "1,5", "١٢", "\uff11", "½", "1\n", "1\x00", "--1", "-", "1.2.3", "1" * 20,
     "0." + "1" * 19, "9" * 10_000, 1.0, 1.5, float("nan"), float("inf"), 10**30, -(10**30), True],
)  # fmt: skip
@pytest.mark.parametrize("scale", [0, 6])
def test_what_is_no_exact_decimal_is_refused(spelling: str | float, scale: int) -> None:
    """Floats, exponents, blanks, words, digits of other scripts, and whatever is too large."""
    refusal = scaled(spelling, scale)
    assert isinstance(refusal, Rejected)
    assert (refusal.code, refusal.needs_state) == ("invalid_quantity", False)


@pytest.mark.parametrize("scale", range(7))
def test_the_bounds_are_exact(scale: int) -> None:
    """10^18 in the smallest unit is the last that is taken."""
    most = text(SCALED_MAX, scale)
    assert scaled(most, scale) == SCALED_MAX
    assert scaled(f"-{most}", scale) == -SCALED_MAX
    assert isinstance(scaled(text(SCALED_MAX + 1, scale), scale), Rejected)
    assert isinstance(scaled(10**18 // 10**scale + 1, scale), Rejected)


@pytest.mark.parametrize(
    ("spelling", "scale", "needs_state"),
    [("1.5", 0, True), ("1.123456", 5, True), ("1.1234567", 6, False), ("0.0000001", 0, False)],
)
def test_too_many_decimals(spelling: str, scale: int, needs_state: bool) -> None:
    """Up to six digits another item could take, so the answer depends on state; more never."""
    refusal = scaled(spelling, scale)
    assert isinstance(refusal, Rejected)
    assert refusal.needs_state is needs_state


@pytest.mark.parametrize("scale", range(7))
@pytest.mark.parametrize(
    ("spelling", "needs_state"),
    [(10**18, None), ("1000000000000000000", None), (-(10**18), None), (10**18 + 1, False),
     ("1000000000000.000001", True), ("999999999999999999.5", True),
     ("-1000000000000000001", False), ("1000000000000000000.5", False),
     ("999999999999.9999999", False)],
)  # fmt: skip
def test_the_scale_decides_only_what_is_of_some_scale(
    spelling: str | int, needs_state: bool | None, scale: int
) -> None:
    """What is refused at one scale for good is refused so at all: None, if some scale fits it."""
    answer = scaled(spelling, scale)
    if needs_state is None:
        assert not isinstance(answer, Rejected) or answer.needs_state
    else:
        assert isinstance(answer, Rejected)
        assert answer.needs_state is needs_state


def test_zeros_behind_the_point_are_no_precision() -> None:
    """1.500000 fits a scale of one."""
    assert scaled("1.500000", 1) == 15


@given(st.integers(-SCALED_MAX, SCALED_MAX), st.integers(0, 6))
def test_text_and_scaled_are_inverse(number: int, scale: int) -> None:
    """Any scaled integer survives as text, in its only canonical form, and is exact."""
    written = text(number, scale)
    assert scaled(written, scale) == number
    assert canonical(written) == written
    assert Decimal(written) == Decimal(number).scaleb(-scale)


@given(st.decimals(-(10**9), 10**9, allow_nan=False, places=6))
def test_canonical_keeps_the_number(number: Decimal) -> None:
    """The canonical text is the same number, whatever zeros stood around it."""
    written = f"{number:f}"
    assert Decimal(str(canonical(written))) == number
    assert canonical(str(canonical(written))) == canonical(written)


@pytest.mark.parametrize("number", ["1e3", "x", 1.5, "1.", ""])
def test_canonical_leaves_what_is_malformed(number: str | float) -> None:
    """It is somebody else's to refuse."""
    assert canonical(number) == number


@pytest.mark.parametrize("number", ["2.55", "02.550", "2.550000"])
def test_a_cost_is_in_millionths(number: str) -> None:
    """And its text is canonical."""
    assert quantities.cost(number) == (2_550_000, "2.55")


@pytest.mark.parametrize("number", ["-1", "-0.000001", "2.5555555", 2.5, "NaN", 10**13, "1e3"])
def test_what_is_no_cost(number: str | float) -> None:
    """Negative, over-precise, inexact and too large ones are refused without any state."""
    refusal = quantities.cost(number)
    assert isinstance(refusal, Rejected)
    assert (refusal.code, refusal.needs_state) == ("invalid_cost", False)


@pytest.mark.parametrize("number", ["1000000000001", "9" * 50, 10**13, 10**30, -(10**30)])
def test_a_cost_that_is_too_large_is_told_of_costs(number: str | int) -> None:
    """No item and no smallest unit has to do with it."""
    refusal = quantities.cost(number)
    assert isinstance(refusal, Rejected)
    assert refusal.detail == "a cost is 0 to 1000000000000"
    assert not isinstance(quantities.cost("1000000000000"), Rejected)


def test_a_float_that_equals_an_integer_is_no_integer() -> None:
    """Whatever was asked first: 1 and 1.0 are equal as keys of a cache."""
    for number in (1, 1.0, 1, 1.0):
        assert isinstance(quantities.cost(number), Rejected) is isinstance(number, float)
        assert isinstance(scaled(number, 0), Rejected) is isinstance(number, float)


@given(st.integers(0, 10**18))
def test_cost_text_is_exact(amount: int) -> None:
    """Costs survive as text."""
    assert quantities.cost(cost_text(amount)) == (amount, cost_text(amount))


@given(st.integers(-(10**24), 10**24), st.integers(1, 10**18))
def test_division_rounds_half_to_even(numerator: int, denominator: int) -> None:
    """As Python rounds the exact fraction."""
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))
