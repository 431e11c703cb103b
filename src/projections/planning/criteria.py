"""What ABC may rank by, as exact integers that can be compared over all series.

Consumption value (`issued_value`) and issue lines are such integers as they are. Units of items
with different decimals are brought to the same number of them; the margin needs prices.
"""

import numpy as np

from ledger.domain.quantities import SCALE_MAX
from projections.planning.numbers import Codes, Exact, Flags, Integers, compact

NO_PRICE = -1
UNIT = 10**SCALE_MAX


def units(quantity: Exact, scales: Codes) -> Exact:
    """Quantities in millionths of a unit of measure, whatever the decimals of the item."""
    factors = np.array([10 ** (SCALE_MAX - scale) for scale in range(SCALE_MAX + 1)], dtype=object)
    return compact(quantity.astype(object) * factors[scales])


def margin(
    issued: Integers, issued_value: Integers, price: Integers, scales: Codes
) -> tuple[Exact, Flags]:
    """What was earned: quantity at today's price, less the cost frozen in the movements.

    Both in millionths of a millionth of the currency, so that nothing is rounded. `price` is in
    millionths for one unit of measure, or `NO_PRICE`. A series without a price has no margin: 0,
    and it is not `known`. A margin may be negative.
    """
    known = price != NO_PRICE
    earned = units(issued, scales).astype(object) * np.where(known, price, 0).astype(object)
    return compact(np.where(known, earned - issued_value.astype(object) * UNIT, 0)), known
