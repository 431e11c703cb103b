"""From rows as they lie in the tables to `Days`: ordered, added up, each series in one scale.

Rows may come in any order and several times; what is to be taken off comes with its sign changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from projections.planning.days import Days, Integers
from projections.planning.demand_rules import MEASURES

# Every sum of absolute values over the rows of a SKU has to be at most this.
SUM_MAX: Final = 2**62

# A slot is day, scale (3 bits) and power (4 bits) in one number, in this order.
_SCALE_SHIFT, _DAY_SHIFT, _SERIES_SHIFT = 4, 7, 32
_SLOT_ZERO: Final = 2**31
# What a row of each power counts in: 10^0 to 10^15.
_FACTORS: Final = 10 ** np.arange(1 << _SCALE_SHIFT, dtype=np.int64)
SLOT: Final = f"CAST(day AS bigint) * {1 << _DAY_SHIFT} + scale * {1 << _SCALE_SHIFT} + power"


@dataclass(slots=True)
class Rows:
    """Rows of series by their numbers. `entries` only where something was taken off."""

    series: npt.NDArray[np.int32]
    slot: Integers
    entries: Integers | None
    columns: dict[str, Integers]


def slots(day: Integers, scale: Integers, power: Integers) -> Integers:
    """What `SLOT` says in the database."""
    return (day << _DAY_SHIFT) | (scale << _SCALE_SHIFT) | power


def assemble(names: Sequence[tuple[str, str]], rows: Rows) -> Days:
    """`names` are SKU and site of the series by number, in their order. Uses `rows` up."""
    key = _ordered(rows)
    if rows.entries is not None:
        key = _existing(key, rows)
    key, left_out = _in_one_scale(key, rows, names)
    starts = _starts(key >> _SERIES_SHIFT)
    numbers = (key[starts[:-1]] >> _SERIES_SHIFT).tolist()
    scales = _scale(key[starts[:-1]]).astype(np.int8)
    days = Days(
        [names[number][0] for number in numbers],
        [names[number][1] for number in numbers],
        scales,
        starts,
        _day(key).astype(np.int32),
        rows.columns,
    )
    return without_overflow(days, left_out)


def sites_together(days: Days) -> Days:
    """Each SKU as one series, at the largest scale of its sites."""
    skus = [days.skus[one] for one in days.first_of_skus().tolist()]
    numbers = days.sku_numbers().astype(np.int32)
    counts = np.diff(days.starts)
    slot = (days.day.astype(np.int64) << _DAY_SHIFT) | (
        np.repeat(days.scales.astype(np.int64), counts) << _SCALE_SHIFT
    )
    rows = Rows(np.repeat(numbers, counts), slot, None, dict(days.columns))
    together = assemble([(sku, "") for sku in skus], rows)
    return replace(together, left_out=sorted({*days.left_out, *together.left_out}))


def without_overflow(days: Days, left_out: set[str]) -> Days:
    """The same without SKUs that are `left_out` or have sums beyond `SUM_MAX`."""
    first_of_sku = days.first_of_skus()
    starts = days.starts[np.append(first_of_sku, len(days))]
    beyond = np.zeros(len(first_of_sku), np.bool_)
    for column in days.columns.values():
        beyond |= _beyond(column, starts)
    left_out = left_out | {days.skus[first_of_sku[one]] for one in np.flatnonzero(beyond)}
    if not left_out:
        return days
    keep = np.array([sku not in left_out for sku in days.skus], np.bool_)
    counts = np.diff(days.starts)
    of_rows = np.repeat(keep, counts)
    return Days(
        [sku for sku, kept in zip(days.skus, keep, strict=True) if kept],
        [site for site, kept in zip(days.sites, keep, strict=True) if kept],
        days.scales[keep],
        np.concatenate((np.zeros(1, np.int64), np.cumsum(counts[keep]))),
        days.day[of_rows],
        {name: column[of_rows] for name, column in days.columns.items()},
        sorted(left_out),
    )


def _ordered(rows: Rows) -> Integers:
    """Bring rows into order, add up equal ones, and give each its key: series and slot."""
    key = (rows.series.astype(np.int64) << _SERIES_SHIFT) + (rows.slot + _SLOT_ZERO)
    rows.series, rows.slot = np.empty(0, np.int32), np.empty(0, np.int64)
    order = None if np.all(key[1:] >= key[:-1]) else np.argsort(key, kind="stable")
    if order is not None:
        key = key[order]
    starts = _starts(key)[:-1]
    together = len(starts) < len(key)

    def arranged(values: Integers) -> Integers:
        values = values if order is None else values[order]
        return np.add.reduceat(values, starts) if together else values

    for name in list(rows.columns):
        rows.columns[name] = arranged(rows.columns[name])
    if rows.entries is not None:
        rows.entries = arranged(rows.entries)
    return key[starts] if together else key


def _existing(key: Integers, rows: Rows) -> Integers:
    """Drop rows of which every entry was taken off again; their numbers are zero."""
    assert rows.entries is not None
    if not len(key):
        return key
    starts = _starts(key >> _SCALE_SHIFT)
    entries = np.add.reduceat(rows.entries, starts[:-1])
    keep = np.repeat(entries > 0, np.diff(starts))
    for name, column in rows.columns.items():
        rows.columns[name] = column[keep]
    return key[keep]


def _in_one_scale(
    key: Integers, rows: Rows, names: Sequence[tuple[str, str]]
) -> tuple[Integers, set[str]]:
    """One row a day, and one scale a series: the largest. SKUs whose numbers get too large."""
    series = key >> _SERIES_SHIFT
    starts = _starts(series)
    scale = _scale(key)
    several = np.zeros(len(key), np.bool_)
    several[1:] = (series[1:] == series[:-1]) & (scale[1:] != scale[:-1])
    mixed = several | (_power(key) != 0)
    if not mixed.any():
        return key, set()

    def of_series(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        return np.repeat(np.logical_or.reduceat(flags, starts[:-1]), np.diff(starts))

    regular = ~of_series(mixed)
    slow = of_series(several | _may_overflow(key, rows, np.flatnonzero(~regular)))
    slow_rows = _SlowRows(list(rows.columns))
    slow_rows.add(key[slow], [column[slow] for column in rows.columns.values()])
    slow_keys, slow_columns, too_large = slow_rows.result()
    fast = np.flatnonzero(~(regular | slow))
    # The powers of a day come one after the other.
    first = _starts(key[fast] >> _SCALE_SHIFT)[:-1]
    factor = _FACTORS[_power(key[fast])]
    fast_keys = key[fast[first]] >> _SCALE_SHIFT << _SCALE_SHIFT
    key = np.concatenate((key[regular], fast_keys, slow_keys))
    order = np.argsort(key)
    for name, column in rows.columns.items():
        sums = np.add.reduceat(column[fast] * factor, first) if len(fast) else column[:0]
        parts = (column[regular], sums, slow_columns[name])
        rows.columns[name] = np.concatenate(parts)[order]
    return key[order], {names[number][0] for number in too_large}


def _may_overflow(key: Integers, rows: Rows, some: Integers) -> npt.NDArray[np.bool_]:
    """Of some rows, whether one is so large that the sum of a day's might pass `SUM_MAX`.

    A day of one scale has a row of each power at most, so each may have that share of it.
    """
    found = np.zeros(len(key), np.bool_)
    most = SUM_MAX // len(_FACTORS) // _FACTORS[_power(key[some])]
    for column in rows.columns.values():
        amount = column[some]
        found[some] |= (amount > most) | (amount < -most)
    return found


class _SlowRows:
    """The few series of more than one scale, or of numbers that may pass 64 bits: row by row."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._days: dict[int, dict[int, list[int]]] = {}
        self._scales: dict[int, int] = {}

    def add(self, key: Integers, columns: Sequence[Integers]) -> None:
        scales, days = _scale(key).tolist(), _day(key).tolist()
        numbers = (key >> _SERIES_SHIFT).tolist()
        powers = _power(key).tolist()
        for series, scale in zip(numbers, scales, strict=True):
            self._scales[series] = max(scale, self._scales.get(series, 0))
        rows = zip(numbers, days, scales, powers, *(one.tolist() for one in columns), strict=True)
        for series, day, scale, power, *amounts in rows:
            sums = self._days.setdefault(series, {}).setdefault(day, [0] * len(amounts))
            digits = self._scales[series] - scale
            for index, amount in enumerate(amounts):
                quantity = MEASURES[self._names[index]] == "quantity"
                sums[index] += amount * 10 ** (power + (digits if quantity else 0))

    def result(self) -> tuple[Integers, Mapping[str, Integers], set[int]]:
        """Keys in order, columns, and the series whose numbers are too large (without rows)."""
        too_large = {
            series
            for series, days in self._days.items()
            if any(abs(amount) > SUM_MAX for sums in days.values() for amount in sums)
        }
        keys: list[int] = []
        rows: list[list[int]] = []
        for series in self._days.keys() - too_large:
            for day, sums in self._days[series].items():
                slot = (day << _DAY_SHIFT) + (self._scales[series] << _SCALE_SHIFT)
                keys.append((series << _SERIES_SHIFT) + slot + _SLOT_ZERO)
                rows.append(sums)
        table = np.array(rows, np.int64).reshape(len(rows), len(self._names))
        columns = {name: table[:, index] for index, name in enumerate(self._names)}
        return np.array(keys, np.int64), columns, too_large


def _starts(values: Integers) -> Integers:
    """Where runs of equal values begin, and the end."""
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    first = [0] if len(values) else []
    return np.concatenate((first, changes, [len(values)])).astype(np.int64)


def _power(key: Integers) -> Integers:
    return key & ((1 << _SCALE_SHIFT) - 1)


def _scale(key: Integers) -> Integers:
    return (key >> _SCALE_SHIFT) & ((1 << (_DAY_SHIFT - _SCALE_SHIFT)) - 1)


def _day(key: Integers) -> Integers:
    return ((key & ((1 << _SERIES_SHIFT) - 1)) - _SLOT_ZERO) >> _DAY_SHIFT


def _beyond(column: Integers, starts: Integers) -> npt.NDArray[np.bool_]:
    """For each range, whether the sum of absolute values passes `SUM_MAX`; exactly."""
    if not len(column):
        return np.zeros(len(starts) - 1, np.bool_)
    largest = max(int(column.max()), -int(column.min()))
    if largest * int(np.diff(starts).max()) <= SUM_MAX:
        return np.zeros(len(starts) - 1, np.bool_)
    # In two halves, since the sum may not fit.
    amount = np.abs(column)
    high = np.add.reduceat(amount >> 31, starts[:-1])
    low = np.add.reduceat(amount & (2**31 - 1), starts[:-1])
    high, low = high + (low >> 31), low & (2**31 - 1)
    beyond: npt.NDArray[np.bool_] = (high > SUM_MAX >> 31) | ((high == SUM_MAX >> 31) & (low > 0))
    return beyond
