"""Proposals brought together by supplier: one order each, with its lines and its value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ledger.domain.quantities import divide_half_even
from projections.planning.numbers import Codes, Integers
from projections.planning.order_quantities import NO_COST


@dataclass(frozen=True, slots=True)
class SupplierOrder:
    """What to order from one supplier; `lead_times.NO_SUPPLIER` for what has none.

    `series` are the numbers of the series with a proposal, in order, `quantities` those of each.
    `value` is in millionths of the currency; `unpriced` of the lines have no cost and count nothing
    in it.
    """

    supplier: int
    series: Sequence[int]
    quantities: Sequence[int]
    value: int
    unpriced: int


def by_supplier(
    supplier: Integers, quantity: Integers, unit_cost: Integers, scales: Codes
) -> list[SupplierOrder]:
    """One order for each supplier that anything is proposed from, in the order of their numbers.

    Values are exact; each line is rounded half to even to a millionth.
    """
    lines = np.flatnonzero(quantity > 0)
    order = lines[np.argsort(supplier[lines], kind="stable")]
    names, first = np.unique(supplier[order], return_index=True)
    ends = np.searchsorted(supplier[order], names, side="right")
    return [
        _order(int(name), order[begin:end], (quantity, unit_cost, scales))
        for name, begin, end in zip(names.tolist(), first.tolist(), ends.tolist(), strict=True)
    ]


def _order(
    supplier: int, series: Integers, columns: tuple[Integers, Integers, Codes]
) -> SupplierOrder:
    quantities, costs, scales = (column[series].tolist() for column in columns)
    value = sum(
        divide_half_even(quantity * cost, 10**scale)
        for quantity, cost, scale in zip(quantities, costs, scales, strict=True)
        if cost != NO_COST
    )
    return SupplierOrder(supplier, series.tolist(), quantities, value, costs.count(NO_COST))
