"""The value of stock at a site: its share, by quantity, of the SKU's value.

A SKU has one average cost wherever it lies, so what receipts, issues and moves add to and take
from a site's value by themselves is no value of its stock; only for all sites together it is.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.health.exact import Exact, divided, narrowed, product

# Rows that are made at once, each of some 30 numbers: a quarter of a gigabyte.
ROWS_AT_ONCE = 1_000_000


class SiteValues:
    """Series of SKUs at sites, whose `value_net` is to run up to the site's share of value.

    While a site holds anything of a SKU, it gets a row on each day on which any site of the SKU
    has one, since each of them may change the average: with many sites there are many times the
    rows that were read. So they are made of some series at a time (`parts`).
    """

    def __init__(self, days: Days) -> None:
        """Takes all sites of each SKU, in the order of SKU and site."""
        self._days = days
        self._numbers = np.arange(len(days), dtype=np.int64)
        sku = days.sku_numbers()
        self._base, self._span = _span(days.day)
        keys = sku[days.series()] * self._span + days.day - self._base
        # Each day on which a SKU has a row at all, SKU by SKU, and which of them a row lies on.
        asked, place = np.unique(keys, return_inverse=True)
        self._place = place.astype(np.int64)
        self._day = asked % self._span + self._base
        begins = np.searchsorted(asked, asked // self._span * self._span)
        changes = _in_one_scale(days, sku)
        self._held_of_sku = _running_at(changes, self._place, begins)
        self._value_of_sku = _running_at(days.columns["value_net"], self._place, begins)
        self._held = replace(days, columns={"held": changes}).balances("held")
        after = np.append(self._place[1:], 0)[: len(keys)]
        known = np.diff(days.starts) > 0
        after[days.starts[1:][known] - 1] = np.searchsorted(asked, (sku[known] + 1) * self._span)
        # Once a site is empty, nothing that happens elsewhere is worth anything there.
        self._count = np.where(self._held != 0, after - self._place, 1)

    def __len__(self) -> int:
        """How many series there are."""
        return len(self._numbers)

    @property
    def skus(self) -> Sequence[str]:
        """The SKU of each series."""
        return [self._days.skus[one] for one in self._numbers.tolist()]

    @property
    def sites(self) -> Sequence[str]:
        """The site of each series."""
        return [self._days.sites[one] for one in self._numbers.tolist()]

    @property
    def left_out(self) -> Sequence[str]:
        """As of the days that these are made of."""
        return self._days.left_out

    def only(self, numbers: Integers) -> "SiteValues":
        """The series with these numbers, in their order; worth what they are among all."""
        some = copy(self)
        some._numbers = self._numbers[numbers]
        return some

    def rows(self) -> Integers:
        """How many rows each series gets."""
        total = np.concatenate(([0], np.cumsum(self._count)))
        starts = self._days.starts
        found: Integers = (total[starts[1:]] - total[starts[:-1]])[self._numbers]
        return found

    def parts(self, series_max: int) -> Iterator[tuple[int, Days]]:
        """The series, so many at a time, or fewer with many rows; each part with the number of
        its first one."""
        total = np.concatenate(([0], np.cumsum(self.rows())))
        first = 0
        while first < len(self):
            fitting = int(np.searchsorted(total, total[first] + ROWS_AT_ONCE, "right")) - 1
            until = min(max(fitting, first + 1), first + series_max, len(self))
            yield first, self._valued(self._numbers[first:until])
            first = until

    def all(self) -> Days:
        """All series at once: the running sum of `value_net` is the site's share of value."""
        return self._valued(self._numbers)

    def _valued(self, numbers: Integers) -> Days:
        """Shares are rounded, half to even, so that the sites of a SKU may miss its value by a
        millionth. Where a SKU's on hand is not positive, its sites have no value."""
        days = self._days
        begin, end = days.starts[:-1][numbers], days.starts[1:][numbers]
        own = _ranges(begin, end - begin)
        count = self._count[own]
        source, at = np.repeat(own, count), _ranges(self._place[own], count)
        first = np.zeros(len(source), bool)
        first[np.cumsum(count) - count] = True
        columns = {
            name: np.where(first, values[source], 0) for name, values in days.columns.items()
        }
        rows = np.concatenate(([0], np.cumsum(count)))
        starts = rows[np.concatenate(([0], np.cumsum(end - begin)))]
        held, value = self._held_of_sku[at], self._value_of_sku[at]
        share = divided(value, np.maximum(held, 1), self._held[source])
        columns["value_net"] = narrowed(_steps(np.where(held > 0, share, 0), starts))
        return Days(
            [days.skus[one] for one in numbers.tolist()],
            [days.sites[one] for one in numbers.tolist()],
            days.scales[numbers],
            starts,
            self._day[at].astype(np.int32),
            columns,
            days.left_out,
        )


def _span(day: Exact) -> tuple[int, int]:
    """The first day, and how many days there are from it to the last."""
    return (int(day.min()), int(day.max()) - int(day.min()) + 1) if len(day) else (0, 1)


def _in_one_scale(days: Days, sku: Integers) -> Exact:
    """`on_hand_net` in units that the sites of a SKU have in common.

    Only what was asked for before the item got its scale makes one site's other than another's.
    """
    largest = np.zeros(len(days), np.int64)
    np.maximum.at(largest, sku, days.scales)
    digits = largest[sku] - days.scales
    changes = days.columns["on_hand_net"]
    return product(changes, 10 ** digits[days.series()]) if digits.any() else changes


def _running_at(values: Exact, place: Integers, begins: Integers) -> Exact:
    """Sums of the rows at each place and those before it, from the place in `begins` on."""
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(np.bincount(place, minlength=len(begins)))
    running = np.concatenate(([0], np.cumsum(values[order])))
    before = np.concatenate(([0], ends))[begins]
    found: Exact = running[ends] - running[before]
    return found


def _ranges(first: Integers, count: Integers) -> Integers:
    """first[0], first[0] + 1, …, `count[0]` numbers, then those of first[1], and so on."""
    ends = np.cumsum(count)
    within: Integers = np.arange(int(count.sum())) - np.repeat(ends - count, count)
    return within + np.repeat(first, count)


def _steps(values: Exact, starts: Integers) -> Exact:
    """The changes whose running sums inside each series are the values."""
    steps = values.copy()
    steps[1:] -= values[:-1]
    begins = starts[:-1][np.diff(starts) > 0]
    steps[begins] = values[begins]
    return steps
