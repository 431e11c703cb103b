"""Quantities as exact integers: millionths of the unit, whatever the scale of the item."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

MICRO_DIGITS: Final = 6
# The largest quantity, in the smallest unit of an item.
SCALED_MAX: Final = 10**18


@lru_cache(maxsize=65_536)
def micro(text: str | int) -> int:
    """The number in millionths. Raises ValueError if it is none, or has more than six decimals."""
    try:
        value = Decimal(text).scaleb(MICRO_DIGITS)
        whole = int(value)
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"{text} is no number") from error
    if whole != value:
        raise ValueError(f"{text} has more than {MICRO_DIGITS} decimals")
    return whole


def of_scaled(number: int, scale: int) -> int:
    """A number of smallest units in millionths."""
    return int(number * 10 ** (MICRO_DIGITS - scale))


def shown(amount: int) -> str:
    """Millionths as a decimal for people."""
    return f"{Decimal(amount).scaleb(-MICRO_DIGITS).normalize():f}"
