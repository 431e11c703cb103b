"""Exact numbers: quantities as integers scaled by the item, costs as integers of a millionth.

A quantity of 1.25 at scale 2 is the integer 125. A unit cost or value of 2.55 is 2,550,000.
"""

import re

from ledger.domain.memo import Memo
from ledger.domain.rejections import Rejected, malformed

SCALE_MAX = 6
# Keeps every sum inside a signed 64-bit integer, which is what the databases hold.
SCALED_MAX = 10**18
COST_SCALE = 6
COST_UNIT = 10**COST_SCALE

Number = str | int | float
_TEXT_LENGTH_MAX = 40
_TOO_LARGE = "the number is beyond 10^18"
_COST_TOO_LARGE = f"a cost is 0 to {SCALED_MAX // COST_UNIT}"
_NO_NUMBER = 'expected a decimal number such as "6" or "-1.25"'
_TOO_LONG = "a number has at most 19 digits before the point and 18 behind it"
_DIGITS = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_DECIMAL = re.compile(r"(-?)([0-9]{1,19})(?:\.([0-9]{1,18}))?", re.ASCII)


def parse(number: Number, scale: int) -> tuple[int, str] | Rejected:
    """The integer behind a decimal string or integer at `scale`, and its canonical text.

    A float is refused because it cannot carry a decimal exactly; so are exponents, blanks, NaN,
    more digits behind the point than `scale`, and anything beyond 10^18 scaled. Whether the
    answer `needs_state` does not depend on `scale`: it does if another scale could have a say.
    """
    if type(number) is str:
        return PARSED[scale][number]
    if type(number) is int:
        result: int = number * 10**scale
        if -SCALED_MAX <= result <= SCALED_MAX:
            return result, str(number)
        return _too_large(scale, needs_state=-SCALED_MAX <= number <= SCALED_MAX)
    return malformed(
        "invalid_quantity",
        'a JSON number with a point or exponent is not exact; send a string such as "1.5"',
    )


def _parse_text(number: str, scale: int) -> tuple[int, str] | Rejected:
    if len(number) > _TEXT_LENGTH_MAX:
        return malformed("invalid_quantity", _TOO_LARGE)
    match = _DECIMAL.fullmatch(number)
    if match is None:
        too_long = _DIGITS.fullmatch(number) is not None
        return malformed("invalid_quantity", _TOO_LONG if too_long else _NO_NUMBER)
    sign, whole, fraction = match[1], match[2], (match[3] or "").rstrip("0")
    if int(whole) + bool(fraction) > SCALED_MAX:
        return malformed("invalid_quantity", _TOO_LARGE)
    if len(fraction) > scale:
        return Rejected(
            "invalid_quantity",
            f"more than {scale} digits behind the point",
            # Up to six digits another item could take; beyond that nothing could.
            needs_state=len(fraction) <= SCALE_MAX,
            numbers={"scale": str(scale)},
        )
    result = int(whole + fraction.ljust(scale, "0"))
    if result > SCALED_MAX:
        return _too_large(scale, needs_state=True)
    result = -result if sign else result
    return result, text(result, scale)


def _parser(scale: int) -> Memo[str, tuple[int, str] | Rejected]:
    return Memo(lambda number: _parse_text(number, scale))


# By scale, what `parse` says of a text, for who saves the call.
PARSED = [_parser(scale) for scale in range(SCALE_MAX + 1)]


def _too_large(scale: int, *, needs_state: bool) -> Rejected:
    """Beyond 10^18 in the smallest unit; up to 10^18 itself an item of scale 0 could take."""
    if not needs_state:
        return malformed("invalid_quantity", _TOO_LARGE)
    detail = f"{_TOO_LARGE} in the smallest unit of an item with {scale} decimals"
    return Rejected("invalid_quantity", detail, needs_state=True, numbers={"scale": str(scale)})


def scaled(number: Number, scale: int) -> int | Rejected:
    """The integer behind a decimal string or integer at `scale`; see `parse`."""
    parsed = parse(number, scale)
    return parsed if type(parsed) is Rejected else parsed[0]


def canonical(number: Number) -> Number:
    """The shortest string of the same number; anything that is no exact decimal as it is."""
    if type(number) is int:
        return str(number)
    match = _DECIMAL.fullmatch(number) if type(number) is str else None
    if match is None:
        return number
    whole, fraction = match[2].lstrip("0") or "0", (match[3] or "").rstrip("0")
    exact = f"{whole}.{fraction}" if fraction else whole
    return f"-{exact}" if match[1] and exact != "0" else exact


def text(quantity: int, scale: int) -> str:
    """The shortest exact decimal string of a scaled integer: 1250 at scale 3 is "1.25"."""
    if scale == 0:
        return str(quantity)
    sign, digits = ("-", str(-quantity)) if quantity < 0 else ("", str(quantity))
    digits = digits.rjust(scale + 1, "0")
    fraction = digits[-scale:].rstrip("0")
    whole = digits[:-scale]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def cost(number: Number) -> tuple[int, str] | Rejected:
    """A cost per unit of measure in millionths, and its canonical text; not negative."""
    return COSTS[number] if type(number) is str else _cost(number)


def _cost(number: Number) -> tuple[int, str] | Rejected:
    result = parse(number, COST_SCALE)
    if type(result) is Rejected:
        too_large = result.detail.startswith(_TOO_LARGE)
        return malformed("invalid_cost", _COST_TOO_LARGE if too_large else result.detail)
    if result[0] < 0:
        return malformed("invalid_cost", "a cost is not negative")
    return result


# What `cost` says of a text, for who saves the call.
COSTS: Memo[str, tuple[int, str] | Rejected] = Memo(_cost)


# The numbers of three digits as they are and without zeros at their end, each half a fraction: two
# looks take half the time that formatting six digits does.
_THREE_DIGITS = tuple(f"{number:03d}" for number in range(1000))
_SHORTENED = tuple(digits.rstrip("0") for digits in _THREE_DIGITS)


def cost_text(amount: int) -> str:
    """The shortest exact decimal string of a cost or value in millionths; not negative."""
    whole, fraction = amount // COST_UNIT, amount % COST_UNIT
    if not fraction:
        return str(whole)
    high, low = fraction // 1000, fraction % 1000
    digits = _THREE_DIGITS[high] + _SHORTENED[low] if low else _SHORTENED[high]
    return f"{whole}.{digits}"


def divide_half_even(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest integer, ties to the even one; denominator > 0."""
    quotient, rest = divmod(numerator, denominator)
    double = rest * 2
    if double > denominator or (double == denominator and quotient & 1):
        return quotient + 1
    return quotient
