"""What became of each SKU at all sites together: what its unit cost and value are made from.

A SKU has one average cost wherever it lies. What receipts, issues and moves add to and take from
the value of one site is only what went by, so no cost and no value of stock comes out of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from projections.planning.days import Days, Integers, ranges_summed
from projections.planning.health.exact import Exact, divided, narrowed, product


@dataclass(frozen=True, slots=True)
class Sums:
    """A quantity and its value of each SKU, in smallest units and in millionths."""

    quantity: Exact
    value: Exact


@dataclass(frozen=True, slots=True)
class SkuSums:
    """Sums over all sites of each SKU, in units of the largest of the `scales` of its sites."""

    skus: Sequence[str]
    scales: Integers
    stock: Sums
    received_in_window: Sums
    received: Sums
    issued_in_window: Sums
    issued: Sums

    def numbers(self, days: Days) -> Integers:
        """The number of each series' SKU."""
        number = {sku: index for index, sku in enumerate(self.skus)}
        return np.array([number[sku] for sku in days.skus], np.int64)


def sku_sums(days: Days, first_day: int) -> SkuSums:
    """The sums up to the end of `days`, which are of all sites; `first_day` begins the window."""
    first, sku = days.first_of_skus(), days.sku_numbers()
    scales = np.zeros(len(first), np.int64)
    np.maximum.at(scales, sku, days.scales)
    digits = scales[sku] - days.scales
    begins = (days.starts[:-1], days.first_rows_from(first_day))

    def sums(quantity: str, value: str, begin: Integers) -> Sums:
        amounts, worth = (
            ranges_summed(days.columns[name], begin, days.starts[1:]) for name in (quantity, value)
        )
        return Sums(_of_skus(product(amounts, _power(digits)), first), _of_skus(worth, first))

    return SkuSums(
        skus=[days.skus[one] for one in first.tolist()],
        scales=scales,
        stock=sums("on_hand_net", "value_net", begins[0]),
        received_in_window=sums("received", "received_value", begins[1]),
        received=sums("received", "received_value", begins[0]),
        issued_in_window=sums("issued", "issued_value", begins[1]),
        issued=sums("issued", "issued_value", begins[0]),
    )


def on_hand_values(days: Days, sums: SkuSums) -> Exact:
    """What each series' stock is worth: of all sites together the SKU's value, of one site its
    share of that by quantity, to the millionth, half to even; none where the SKU has no stock."""
    number = sums.numbers(days)
    held, value = sums.stock.quantity[number], sums.stock.value[number]
    own = product(days.sums("on_hand_net"), _power(sums.scales[number] - days.scales))
    share = np.where(held > 0, divided(value, np.maximum(held, 1), own), 0)
    whole = np.array([not site for site in days.sites], np.bool_)
    return narrowed(np.where(whole, value, share))


def _power(digits: Integers) -> Exact:
    """Ten to the power of each number of digits, as Python's integers where one is not 1.

    Only what was asked for before the item got its scale gives the sites of a SKU different ones.
    Then sums in the larger scale may leave 64 bits, which those of the days do not.
    """
    return 10 ** digits.astype(object) if digits.any() else np.ones(len(digits), np.int64)


def _of_skus(values: Exact, first: Integers) -> Exact:
    return np.add.reduceat(values, first) if len(first) else values
