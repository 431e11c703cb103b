"""What ABC may rank by, as exact integers that can be compared over all series.

Consumption value (`issued_value`) and issue lines are such integers as they are. Units of items
with different decimals are brought to the same number of them; the margin needs prices.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ledger.domain import quantities
from ledger.domain.items import ITEM_DEFAULT, Item
from ledger.domain.quantities import SCALE_MAX, divide_half_even
from ledger.domain.rejections import Rejected
from projections.planning.days import Days
from projections.planning.errors import PlanningError
from projections.planning.formulas import Formula
from projections.planning.numbers import INT64_MAX, Codes, Exact, Flags, Integers, compact
from projections.planning.run_demand import WindowDemand

NO_PRICE = -1
UNIT = 10**SCALE_MAX

FORMULAS = (
    Formula("issued", "q", "what left for customers in the window", "smallest unit"),
    Formula("price", "p", "price of one unit of measure; -1: not known", "millionths"),
    Formula("cost", "k", "what that cost, as frozen in the movements", "millionths"),
    Formula(
        "margin",
        "m",
        "gross margin; 0 without a price, and where 64 bits cannot hold it",
        "millionths",
        "m = q p - k, to the millionth, half to even",
    ),
)


@dataclass(frozen=True, slots=True)
class Margin:
    """What each series earned in the window, and from what. For the arrays see `FORMULAS`.

    `beyond` says where 64 bits cannot hold the margin, which then counts as none.
    """

    issued: Integers
    price: Integers
    cost: Integers
    margin: Integers
    beyond: Flags


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


def margin_of(days: Days, window: WindowDemand, price: Integers) -> Margin:
    """The margin of each series in a window, rounded once.

    One of more than 64 bits comes of a bar code that was typed as a price. It must not end the run
    of all others, nor be the first of them.
    """
    exact, _ = margin(window.issued, window.issued_value, price, days.scales)
    whole = [divide_half_even(one, UNIT) for one in exact.tolist()]
    beyond = np.array([abs(one) > INT64_MAX for one in whole], dtype=np.bool_)
    earned = np.array([0 if abs(one) > INT64_MAX else one for one in whole], dtype=np.int64)
    return Margin(window.issued, price, window.issued_value, earned, beyond)


def unranked(margin: Margin) -> dict[str, int]:
    """How many series have no price, and how many no margin that 64 bits hold, if any.

    Raises PlanningError if no series has a margin: every SKU would be in the last class then, which
    looks like a result and is none.
    """
    series = len(margin.price)
    missing, beyond = int((margin.price == NO_PRICE).sum()), int(margin.beyond.sum())
    if 0 < missing == series:
        raise PlanningError(
            "abc.basis", f"none of the {series} series has a price, so none has a margin"
        )
    if 0 < missing + beyond == series:
        raise PlanningError("abc.basis", f"none of the {series} series has a margin of 64 bits")
    return {"without_price": missing, **({"margin_beyond": beyond} if beyond else {})}


def prices_of(days: Days, items: Mapping[str, Item]) -> Integers:
    """Millionths for one unit of measure, as the items are described; `NO_PRICE` without one."""
    found = np.full(len(days), NO_PRICE, dtype=np.int64)
    for number, sku in enumerate(days.skus):
        stated = items.get(sku, ITEM_DEFAULT).price
        if stated is not None:
            price = quantities.cost(stated)
            assert not isinstance(price, Rejected)
            found[number] = price[0]
    return found
