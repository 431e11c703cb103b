"""What one unit costs: as the item says, else as its stock or its movements say on average.

Stock that is there tells best what it cost. Of a SKU that is sold out, which is the one to be
ordered, the last receipts do: those of the window, else all of them. What was never received at a
cost, such as goods that came from another site, has the cost at which it was issued.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ledger.domain import quantities
from ledger.domain.items import Item
from ledger.domain.quantities import divide_half_even
from ledger.domain.rejections import Rejected
from projections.planning.days import Days, ranges_summed
from projections.planning.formulas import Formula
from projections.planning.numbers import Codes, Integers
from projections.planning.order_quantities import NO_COST

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
        "unit of measure, of the first where both are above 0: on hand, received in the window, "
        "received, issued in the window, issued",
    ),
)


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """The cost of each series, and what it comes from; see `FORMULAS` and `SOURCES`."""

    source: Codes
    quantity: Integers
    value: Integers
    unit_cost: Integers


def unit_costs(days: Days, described: Sequence[Item], first_day: int) -> UnitCosts:
    """The unit cost of each series, exact, from its item and its days.

    `days` end with the run's last day and have the columns of stock, receipts and issues;
    `described` are the items of the series, `first_day` begins the window.
    """
    source, quantity, value = _averaged(days, first_day)
    costs = np.full(len(days), NO_COST, dtype=np.int64)
    rows = zip(
        described, source.tolist(), quantity.tolist(), value.tolist(), days.scales.tolist(),
        strict=True,
    )  # fmt: skip
    for number, (item, basis, amount, worth, scale) in enumerate(rows):
        if item.unit_cost is not None:
            stated = quantities.cost(item.unit_cost)
            assert not isinstance(stated, Rejected)
            costs[number], source[number] = stated[0], ITEM
            quantity[number] = value[number] = NOT_AVERAGED
        elif basis != NONE:
            costs[number] = divide_half_even(worth * 10**scale, amount)
    return UnitCosts(source, quantity, value, costs)


def _averaged(days: Days, first_day: int) -> tuple[Codes, Integers, Integers]:
    """Of each series the first pair of quantity and value that there is something of."""
    inside = days.first_rows_from(first_day)

    def in_window(name: str) -> Integers:
        return ranges_summed(days.columns[name], inside, days.starts[1:])

    pairs = {
        STOCK: (days.sums("on_hand_net"), days.sums("value_net")),
        RECEIVED_IN_WINDOW: (in_window("received"), in_window("received_value")),
        RECEIVED: (days.sums("received"), days.sums("received_value")),
        ISSUED_IN_WINDOW: (in_window("issued"), in_window("issued_value")),
        ISSUED: (days.sums("issued"), days.sums("issued_value")),
    }
    known = [(quantity > 0) & (value > 0) for quantity, value in pairs.values()]
    source = np.select(known, list(pairs), NONE).astype(np.int8)
    quantity = np.select(known, [one for one, _ in pairs.values()], NOT_AVERAGED)
    value = np.select(known, [one for _, one in pairs.values()], NOT_AVERAGED)
    return source, quantity, value
