"""Exact arithmetic on arrays of integers: 64 bits where they provably suffice, else Python's.

Additions and multiplications of 64-bit integers are exact modulo 2^64. So a result is exact if it
fits itself, whatever happened on the way; a bound on the result is all that has to be checked.
"""

from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from projections.planning.days import Integers

# int64, or object that holds Python integers.
Exact = npt.NDArray[Any]

# Bounds are computed in floats; what they miss by rounding is far below the factor of two.
SAFE = 2.0**62


def peak(values: Exact) -> int:
    """The largest absolute value; 0 of nothing."""
    if values.size == 0:
        return 0
    return max(int(values.max()), -int(values.min()))


def product(left: Exact, right: Exact) -> Exact:
    """left · right, broadcast, exact."""
    if object not in (left.dtype, right.dtype) and peak(left) * peak(right) >= SAFE:
        left = left.astype(object)
    made: Exact = left * right
    return made


def total(left: Exact, right: Exact) -> Exact:
    """left + right, broadcast, exact."""
    if object not in (left.dtype, right.dtype) and peak(left) + peak(right) >= SAFE:
        left = left.astype(object)
    made: Exact = left + right
    return made


def divided(numerator: Exact, denominator: Exact, *factors: Exact | int) -> Exact:
    """numerator · factors ÷ denominator, rounded half to even; all broadcast.

    Denominators are positive, the rest is any integer. Exact by long division, factor by factor.
    """
    whole = [np.asarray(factor) for factor in factors]
    arrays = np.broadcast_arrays(numerator, denominator, *whole)
    if any(one.dtype == object for one in arrays):
        return _divided_objects([one.astype(object) for one in arrays])
    fits = _fits(arrays)
    if fits.all():
        return _divided_words(arrays)
    result = np.empty(arrays[0].shape, object)
    result[fits] = _divided_words([one[fits] for one in arrays])
    result[~fits] = _divided_objects([one[~fits].astype(object) for one in arrays])
    return narrowed(result)


def narrowed(values: Exact) -> Exact:
    """As 64-bit integers where all of them fit."""
    if values.dtype == object and peak(values) < SAFE:
        return values.astype(np.int64)
    return values


def _fits(arrays: Any) -> npt.NDArray[np.bool_]:
    numerator, denominator, *factors = (np.abs(one.astype(np.float64)) for one in arrays)
    fits: npt.NDArray[np.bool_] = np.ones(numerator.shape, bool)
    quotient = numerator / denominator + 1
    for factor in factors:
        fits &= denominator * factor < SAFE
        quotient = quotient * factor + factor + 1
    fits &= (quotient < SAFE) & (denominator < SAFE / 2)
    return fits


def _divided_words(arrays: Any) -> Integers:
    numerator, denominator, *factors = arrays
    quotient, rest = np.divmod(numerator, denominator)
    for factor in factors:
        carried, next_rest = np.divmod(rest * factor, denominator)
        quotient, rest = quotient * factor + carried, next_rest
    twice = rest * 2
    up = (twice > denominator) | ((twice == denominator) & (quotient & 1 == 1))
    rounded: Integers = quotient + up
    return rounded


def _divided_objects(arrays: Any) -> Exact:
    numerator, denominator, *factors = arrays
    multiplied = reduce(np.multiply, factors, numerator)
    quotient, rest = multiplied // denominator, multiplied % denominator
    twice = rest * 2
    up = (twice > denominator) | ((twice == denominator) & (quotient % 2 == 1))
    rounded: Exact = quotient + up.astype(bool).astype(object)
    return rounded
