"""Numbers as parameters give them."""

from decimal import Decimal

import pytest

from projections.planning.errors import PlanningError
from projections.planning.numbers import Number, decimal


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("x", "'x' is not a decimal number"),
        ("NaN", "NaN is not a finite number"),
        (float("nan"), "nan is not a finite number"),
        (Decimal("-Infinity"), "-Infinity is not a finite number"),
    ],
)
def test_what_is_no_number(value: Number, says: str) -> None:
    """It is named as it was written, without the words of a programming language."""
    with pytest.raises(PlanningError) as told:
        decimal(value, "level")
    assert (told.value.field, told.value.detail) == ("level", says)


def test_a_float_is_its_shortest_text() -> None:
    """And not its binary neighbour."""
    assert decimal(0.95, "level") == Decimal("0.95")
