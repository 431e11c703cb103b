"""Safety factors of the normal distribution, with the same digits on every processor.

`z_value` inverts the distribution itself, `safety_factors` its **loss function**
G(k) = φ(k) - k (1 - Φ(k)): how much of a standard normal demand exceeds k on average.
"""

from decimal import Decimal, localcontext
from functools import cache
from statistics import NormalDist

import numpy as np

from projections.planning.errors import PlanningError
from projections.planning.formulas import Formula
from projections.planning.numbers import DECIMALS, Floats, Number, decimal

LEVEL_MIN = Decimal("0.5")
# One in a million: beyond it no history tells anything about demand.
LEVEL_MAX = Decimal("0.999999")
FACTOR_DECIMALS = 3
FACTOR_MAX = 8
_STEPS = 10**FACTOR_DECIMALS
_DIGITS = 50

Z_VALUE = Formula(
    "factor",
    "z",
    "safety factor of the cycle service level P1, to 6 decimals",
    "",
    "z = Φ⁻¹(P1)",
    "Wichura (1988), Algorithm AS 241, Applied Statistics 37(3)",
)
LOSS_FACTOR = Formula(
    "factor",
    "k",
    "safety factor of the fill rate P2, up to 3 decimals",
    "",
    "G(k) = (1 - P2) Q / σx with G(k) = φ(k) - k (1 - Φ(k)); 0 if that would be negative",
    "Silver, Pyke and Thomas (2017), Inventory and Production Management in Supply Chains, 4th "
    "ed., section 6.7",
)


def service_level(level: Number, field: str = "level") -> Decimal:
    """A service level as an exact decimal: from 0.5, which needs no safety stock, to 0.999999.

    1 would need infinite stock; below 0.5 the formulas would ask for less than none.
    """
    parsed = decimal(level, field)
    if not LEVEL_MIN <= parsed <= LEVEL_MAX:
        raise PlanningError(
            field, f"{level} is not a share from {LEVEL_MIN} to {LEVEL_MAX}; 95 % is 0.95"
        )
    return parsed


@cache
def z_value(level: Decimal) -> float:
    """The standard normal value that is not exceeded with this probability, to six decimals."""
    z = NormalDist().inv_cdf(float(service_level(level)))
    return round(z, DECIMALS) + 0.0


def safety_factors(losses: Floats) -> Floats:
    """The least k of three decimals, from 0 to 8, whose loss G(k) is at most each of `losses`."""
    # The table falls, so that it rises when negated.
    steps = np.searchsorted(-_loss_table(), -losses)
    return np.asarray(np.minimum(steps, FACTOR_MAX * _STEPS) / float(_STEPS))


@cache
def _loss_table() -> Floats:
    """G(k) for k = 0, 0.001, … 8, the nearest float to each.

    Decimals of fifty digits, because the exponential function of a processor or a C library is not
    correctly rounded and would tie the digits to it. Φ(k) - 1/2 = φ(k) Σ k^(2n+1) / (1·3·…·(2n+1))
    has positive terms only (Abramowitz and Stegun 1964, 26.2.11).
    """
    with localcontext() as context:
        context.prec = _DIGITS
        at_zero = 1 / (2 * _PI).sqrt()
        table = [_loss(Decimal(step) / _STEPS, at_zero) for step in range(FACTOR_MAX * _STEPS + 1)]
    return np.array(table)


_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def _loss(k: Decimal, at_zero: Decimal) -> float:
    density = at_zero * (-k * k / 2).exp()
    term = series = k
    odd = 1
    while term > series.scaleb(-_DIGITS):
        odd += 2
        term = term * k * k / odd
        series += term
    return float(density - k * (Decimal("0.5") - density * series))
