"""Numbers that come out the same on every processor: exact sums, and one rounding at the end.

Integers are exact: where 64 bits do not suffice, Python's own integers take over (arrays of dtype
`object`). Floats see only + - * / and square root, which IEEE 754 rounds correctly everywhere, and
are rounded to `DECIMALS` before anything else is computed from them or shown.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import numpy.typing as npt

from projections.planning.errors import PlanningError

Integers = npt.NDArray[np.int64]
# int64 where that is enough, else Python integers in an array of dtype `object`.
Exact = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]
# What a parameter may be given as. A float is taken as the shortest decimal that means it.
Number = Decimal | int | float | str

DECIMALS = 6
_SCALE = 10.0**DECIMALS
_NO_DECIMALS = 2.0**53
INT64_MAX = 2**63 - 1
# Sums are bounded in floats first; this leaves room for the rounding of the bound itself.
_SAFE = 2.0**62


def rounded(values: Floats) -> Floats:
    """Half to even at `DECIMALS`; NaN and what is too large to have decimals stay as they are."""
    result = values * _SCALE
    kept = ~(np.abs(result) < _NO_DECIMALS)
    np.rint(result, out=result)
    result /= _SCALE
    # Turns -0.0 into 0.0.
    result += 0.0
    if kept.any():
        result[kept] = values[kept]
    return result


def floats(values: Exact) -> Floats:
    """The nearest floats to integers, of whatever size."""
    return values.astype(np.float64)


def quotients(numerators: Floats, denominators: Floats) -> Floats:
    """Rounded quotients; NaN where the denominator is zero or either is NaN."""
    result = np.full(len(numerators), np.nan)
    np.divide(numerators, denominators, out=result, where=denominators != 0)
    return rounded(result)


def fits(*bounds: Floats | Integers) -> Flags:
    """Whether integers whose magnitudes are at most the product of `bounds` fit 64 bits."""
    product = np.ones(len(bounds[0]))
    for bound in bounds:
        product = product * bound
    return np.asarray(product < _SAFE)


def compact(values: Exact) -> Exact:
    """The same integers, as int64 if all of them fit."""
    if values.dtype != object:
        return values
    if all(-INT64_MAX <= value <= INT64_MAX for value in values.tolist()):
        return values.astype(np.int64)
    return values


def total(values: Exact) -> int:
    """The exact sum."""
    if values.dtype != object and len(values):
        largest = max(int(values.max()), -int(values.min()))
        if largest * len(values) <= INT64_MAX:
            return int(values.sum())
    return sum(values.tolist())


def segment_sums(values: Exact, starts: Integers) -> Exact:
    """The sums of `values[starts[i]:starts[i + 1]]`, each of which fits the values' dtype.

    The running sum may pass 64 bits: it wraps around, and so do the differences, back to the truth.
    """
    before = np.zeros(len(values) + 1, dtype=values.dtype)
    np.cumsum(values, out=before[1:])
    return np.asarray(before[starts[1:]] - before[starts[:-1]])


def running_total(values: Exact) -> Exact:
    """The exact cumulative sums of integers that are not negative."""
    if values.dtype == object or total(values) > INT64_MAX:
        return np.asarray(np.cumsum(values.astype(object)))
    return np.cumsum(values)


def round_up(values: Floats, field: str) -> Integers:
    """Quantities rounded up to whole smallest units, after `rounded` took the float's noise off."""
    return _whole(np.ceil(rounded(values)), field)


def round_down(values: Floats, field: str) -> Integers:
    """Quantities rounded down to whole smallest units."""
    return _whole(np.floor(rounded(values)), field)


def _whole(values: Floats, field: str) -> Integers:
    if not bool(np.all(np.abs(values) < _SAFE)):
        raise PlanningError(field, "a quantity would leave the exact range of 64 bits")
    return values.astype(np.int64)


def decimal(value: Number, field: str) -> Decimal:
    """A parameter as an exact decimal; a float is what its shortest text says."""
    try:
        parsed = Decimal(str(value))
    except InvalidOperation as error:
        raise PlanningError(field, f"{value!r} is not a decimal number") from error
    if not parsed.is_finite():
        raise PlanningError(field, f"{value} is not a finite number")
    return parsed


def at_least(value: Number, minimum: Number, field: str) -> Decimal:
    """A parameter that is not below `minimum`."""
    parsed = decimal(value, field)
    if parsed < Decimal(str(minimum)):
        raise PlanningError(field, f"{value} is less than {minimum}")
    return parsed
