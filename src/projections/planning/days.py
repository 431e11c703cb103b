"""Days: what became of a SKU at a site on a day, in columns. Every planning number comes from it.

A **series** is a SKU at a site, or a SKU at all sites together (its site is then the empty text).
The rows of series `i` are `starts[i]:starts[i + 1]`, in the order of their days. A day on which
nothing happened has no row. Rows go back to the first movement, so that the sums of the `_net`
columns up to a day are the balances at its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from projections.planning.columns import COLUMNS as COLUMNS

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Days:
    """Rows of days by series. `day` counts days since 1970-01-01, by the UTC calendar.

    Series are in the order of (SKU, site). Every series has rows, unless a window was cut out;
    `columns` are those that were asked for. Sums over the days and sites of one SKU stay inside 64
    bits; a SKU of which that is not true is not here, but named in `left_out`.
    """

    skus: Sequence[str]
    sites: Sequence[str]
    scales: npt.NDArray[np.int8]
    starts: Integers
    day: npt.NDArray[np.int32]
    columns: Mapping[str, Integers]
    left_out: Sequence[str] = ()

    def __len__(self) -> int:
        """How many series there are."""
        return len(self.skus)

    def first_of_skus(self) -> Integers:
        """The number of the first series of each SKU; those of one SKU stand together."""
        new = [number for number, (one, after) in enumerate(pairwise(self.skus), 1) if one != after]
        return np.array([0, *new] if len(self) else [], np.int64)

    def sku_numbers(self) -> Integers:
        """The number of each series' SKU, in the order of the SKUs."""
        first = self.first_of_skus()
        return np.repeat(np.arange(len(first)), np.diff(np.append(first, len(self))))

    def series(self) -> Integers:
        """The number of the series of each row."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def sums(self, name: str) -> Integers:
        """The sum of a column over the rows of each series; 0 where it has none."""
        return ranges_summed(self.columns[name], self.starts[:-1], self.starts[1:])

    def balances(self, name: str) -> Integers:
        """The sum of a `_net` column from the first row to each, that row included.

        So it is the balance at the end of the row's day, and until the day of the next row.
        """
        total = np.cumsum(self.columns[name])
        before = np.concatenate((np.zeros(1, np.int64), total))[self.starts[:-1]]
        return total - np.repeat(before, np.diff(self.starts))

    def first_rows_from(self, day: int) -> Integers:
        """Of each series the first of its rows whose day is `day` or later, or its end."""
        earlier = (self.day < day).astype(np.int64)
        return self.starts[:-1] + ranges_summed(earlier, self.starts[:-1], self.starts[1:])

    def balance_before(self, name: str, day: int) -> Integers:
        """The sum of a `_net` column over the rows before `day`: the balance as the day began."""
        return ranges_summed(self.columns[name], self.starts[:-1], self.first_rows_from(day))

    def window(self, first_day: int, until_day: int) -> "Days":
        """The rows with first_day <= day < until_day. All series stay, some perhaps without rows.

        Its `_net` columns no longer add up to balances.
        """
        inside = (self.day >= first_day) & (self.day < until_day)
        counts = ranges_summed(inside.astype(np.int64), self.starts[:-1], self.starts[1:])
        return replace(
            self,
            starts=np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))),
            day=self.day[inside],
            columns={name: column[inside] for name, column in self.columns.items()},
        )

    def part(self, first: int, until: int) -> "Days":
        """The series with first <= number < until, to work on a bounded number at a time.

        Copies nothing.
        """
        rows = slice(int(self.starts[first]), int(self.starts[until]))
        return replace(
            self,
            skus=self.skus[first:until],
            sites=self.sites[first:until],
            scales=self.scales[first:until],
            starts=self.starts[first : until + 1] - self.starts[first],
            day=self.day[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
        )

    def only(self, numbers: Integers) -> "Days":
        """The series with these numbers, in their order."""
        lengths = np.diff(self.starts)[numbers]
        ends = np.cumsum(lengths)
        rows = np.arange(int(lengths.sum())) + np.repeat(
            self.starts[:-1][numbers] - (ends - lengths), lengths
        )
        return replace(
            self,
            skus=[self.skus[one] for one in numbers.tolist()],
            sites=[self.sites[one] for one in numbers.tolist()],
            scales=self.scales[numbers],
            starts=np.concatenate((np.zeros(1, np.int64), ends)),
            day=self.day[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
        )

    def by_sku(self) -> "Days":
        """All sites of a SKU together, at the largest of their scales; the site is empty."""
        from projections.planning.assembling import sites_together

        return sites_together(self)


def ranges_summed(values: Integers, first: Integers, until: Integers) -> Integers:
    """The sum of `values` over each range of rows. Exact where the sums fit 64 bits.

    The running total may pass 64 bits on the way; the differences are right all the same, because
    numpy's integers wrap around.
    """
    total = np.concatenate((np.zeros(1, np.int64), np.cumsum(values)))
    return total[until] - total[first]
