"""What one unit costs: as the item says, else as its stock or its movements say on average.

Stock that is there tells best what it cost. Of a SKU that is sold out, which is the one to be
ordered, the last receipts do: those of the window, else all of them. What was never received at a
cost, such as goods that came from another site, has the cost at which it was issued.

All of it is of all sites together, also where sites are planned apart: a SKU has one average cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ledger.domain import quantities
from ledger.domain.items import Item
from ledger.domain.quantities import divide_half_even
from ledger.domain.rejections import Rejected
from projections.planning.days import Days
from projections.planning.formulas import Formula
from projections.planning.health.exact import Exact, divided
from projections.planning.numbers import INT64_MAX, Codes, Integers
from projections.planning.order_quantities import NO_COST
from projections.planning.sku_sums import SkuSums

# In the order in which they are asked, after `none`.
SOURCES: Final = (
    "none",
    "item",
    "stock",
    "received_in_window",
    "received",
    "issued_in_window",
    "issued",
)
NONE, ITEM, STOCK, RECEIVED_IN_WINDOW, RECEIVED, ISSUED_IN_WINDOW, ISSUED = range(len(SOURCES))
NOT_AVERAGED: Final = -1

FORMULAS = (
    Formula("source", "", "where c comes from", ""),
    Formula("quantity", "n", "what c is averaged over; -1: nothing", "smallest unit"),
    Formula("value", "w", "what that cost; -1: nothing", "millionths"),
    Formula(
        "unit_cost",
        "c",
        "cost of one unit of measure; -1: not known",
        "millionths",
        "the item's; else c = w u / n to the millionth, half to even, u the smallest units in a "
        "unit of measure, of the first where both are above 0 at all sites together: on hand, "
        "received in the window, received, issued in the window, issued",
    ),
)


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """The cost of each series, and what it comes from; see `FORMULAS` and `SOURCES`."""

    source: Codes
    quantity: Exact
    value: Exact
    unit_cost: Integers


def unit_costs(days: Days, described: Sequence[Item], sums: SkuSums) -> UnitCosts:
    """The unit cost of each series, exact, from its item and the sums of its SKU.

    `described` are the items of the series.
    """
    number = sums.numbers(days)
    source, quantity, value = (one[number] for one in _averaged(sums))
    digits = sums.scales[number]
    costs = np.full(len(days), NO_COST, dtype=np.int64)
    rows = zip(
        described, source.tolist(), quantity.tolist(), value.tolist(), digits.tolist(),
        strict=True,
    )  # fmt: skip
    for series, (item, basis, amount, worth, scale) in enumerate(rows):
        if item.unit_cost is not None:
            stated = quantities.cost(item.unit_cost)
            assert not isinstance(stated, Rejected)
            costs[series], source[series] = stated[0], ITEM
            quantity[series] = value[series] = NOT_AVERAGED
        elif basis != NONE:
            cost = divide_half_even(worth * 10**scale, amount)
            if cost <= INT64_MAX:
                costs[series] = cost
            else:
                # One smallest unit was worth a fortune.
                source[series] = NONE
                quantity[series] = value[series] = NOT_AVERAGED
    return UnitCosts(source, _in_own_scale(quantity, digits - days.scales), value, costs)


def _averaged(sums: SkuSums) -> tuple[Codes, Exact, Exact]:
    """Of each SKU the first pair of quantity and value that there is something of."""
    pairs = {
        STOCK: sums.stock,
        RECEIVED_IN_WINDOW: sums.received_in_window,
        RECEIVED: sums.received,
        ISSUED_IN_WINDOW: sums.issued_in_window,
        ISSUED: sums.issued,
    }
    known = [(one.quantity > 0) & (one.value > 0) for one in pairs.values()]
    source = np.select(known, list(pairs), NONE).astype(np.int8)
    quantity = np.select(known, [one.quantity for one in pairs.values()], NOT_AVERAGED)
    value = np.select(known, [one.value for one in pairs.values()], NOT_AVERAGED)
    return source, quantity, value


def _in_own_scale(quantity: Exact, digits: Integers) -> Exact:
    """What is shown in units of the series, rounded where those of another site are smaller."""
    if not digits.any():
        return quantity
    shown = divided(quantity, 10 ** digits.astype(object))
    return np.where(quantity == NOT_AVERAGED, NOT_AVERAGED, shown)
