"""Supply of a run: what is on order, and how long orders took, as known at its position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from projections.database import ReadConnection
from projections.planning.days import Days, Integers
from projections.planning.lead_times import NO_SUPPLIER, Observed, by_order
from projections.views.supply_reading import OpenLine, OrderReceipt, lead_times, open_orders

DAY_US: Final = 86_400_000_000
MINUTE_US: Final = 60_000_000

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Supply:
    """Lines that were open at the end of the run's last day, and receipts that occurred by then.

    So what is on order belongs to the same moment as what is on hand.
    """

    lines: Sequence[OpenLine]
    receipts: Sequence[OrderReceipt]

    def on_order(self, days: Days) -> Integers:
        """What is still to come of each series, scaled by its scale."""
        place = _places(days)
        coming = np.zeros(len(days), dtype=np.int64)
        for line in self.lines:
            number = _place_of(place, line.sku, line.location)
            if number is not None:
                coming[number] += _scaled(line.outstanding, line.scale, int(days.scales[number]))
        return coming

    def observed(self, days: Days, suppliers: Sequence[str | None]) -> tuple[Integers, Observed]:
        """The number of each series' supplier, and the observations with the same numbers.

        One more series than there are, without a supplier, has what was received of others: it
        says nothing about these, and much about their suppliers.
        """
        names = {one for one in suppliers if one is not None}
        names |= {receipt.supplier for receipt in self.receipts}
        numbers = {name: number for number, name in enumerate(sorted(names))}
        of_series = [NO_SUPPLIER if one is None else numbers[one] for one in suppliers]
        place, others = _places(days), len(days)
        found = (_place_of(place, one.sku, one.location) for one in self.receipts)
        series = np.array([others if one is None else one for one in found], dtype=np.int64)
        supplier = np.array([numbers[one.supplier] for one in self.receipts], dtype=np.int64)
        first, minutes = by_order(
            np.array(_order_numbers(self.receipts), dtype=np.int64),
            np.array([_minutes(one) for one in self.receipts], dtype=np.int64),
            np.array([one.quantity for one in self.receipts], dtype=np.int64),
        )
        return (
            np.array([*of_series, NO_SUPPLIER], dtype=np.int64),
            Observed(series[first], supplier[first], minutes),
        )

    def of_series(self, days: Days) -> list[OrderReceipt]:
        """The receipts of these series."""
        place = _places(days)
        return [one for one in self.receipts if _place_of(place, one.sku, one.location) is not None]


async def read_supply(
    reader: ReadConnection, positions: Mapping[int, int], as_of_day: int
) -> Supply:
    """What was open and received by the end of that day. Raises DatabaseUnavailable."""
    until_us = _end_of(as_of_day)
    lines = await open_orders(reader, positions, until_us)
    return _by(until_us, lines, await lead_times(reader, positions))


async def read_supply_of(
    reader: ReadConnection,
    positions: Mapping[int, int],
    as_of_day: int,
    series: tuple[str, str | None],
) -> Supply:
    """As much of it as a SKU and its supplier need. Raises DatabaseUnavailable.

    Its lead time is that of its orders from this supplier, or of all orders from this one; without
    a supplier no receipt says anything about it.
    """
    sku, supplier = series
    until_us = _end_of(as_of_day)
    lines = await open_orders(reader, positions, until_us, sku)
    receipts = [] if supplier is None else await lead_times(reader, positions, supplier)
    return _by(until_us, lines, receipts)


def _end_of(day: int) -> int:
    return (day + 1) * DAY_US


def _by(until_us: int, lines: Sequence[OpenLine], receipts: Sequence[OrderReceipt]) -> Supply:
    return Supply(
        [line for line in lines if line.placed_us < until_us],
        [receipt for receipt in receipts if receipt.received_us < until_us],
    )


def _places(days: Days) -> dict[Key, int]:
    keys = zip(days.skus, days.sites, strict=True)
    return {key: number for number, key in enumerate(keys)}


def _place_of(place: Mapping[Key, int], sku: str, location: str) -> int | None:
    """The series that a line belongs to: of its site, or of all sites together."""
    found = place.get((sku, location.partition("/")[0]))
    return place.get((sku, "")) if found is None else found


def _scaled(quantity: int, scale: int, wanted: int) -> int:
    result: int = quantity * 10 ** max(wanted - scale, 0) // 10 ** max(scale - wanted, 0)
    return result


def _minutes(receipt: OrderReceipt) -> int:
    return (receipt.received_us - receipt.placed_us) // MINUTE_US


def _order_numbers(receipts: Sequence[OrderReceipt]) -> list[int]:
    """Numbers that tell orders apart, and are the same in every run."""
    numbers: dict[tuple[int, int], int] = {}
    keys = ((receipt.partition, receipt.order_offset) for receipt in receipts)
    return [numbers.setdefault(key, len(numbers)) for key in keys]
