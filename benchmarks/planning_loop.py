"""The same planning as a loop over SKUs in plain Python, in two ways of writing it.

`plainly` makes a list of all days of a SKU and takes textbook sums over it. `carefully` knows that
most days have no demand and never writes them down. Both give class, steadiness, pattern, order
quantity and reorder point of each SKU, with the normal distribution.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

from projections.planning.days import Days

COLUMNS = ("issued", "issued_value", "unmet", "available_net")
LEVELS = (0.98, 0.97, 0.95, 0.97, 0.95, 0.93, 0.95, 0.92, 0.9)
Z_VALUES = {
    0.98: 2.053749, 0.97: 1.880794, 0.95: 1.644854, 0.93: 1.475791, 0.92: 1.405072, 0.9: 1.281552,
}  # fmt: skip
PROTECTED_DAYS = 15  # the default lead time and a day between two looks
DEAD_DAYS = 180
UNIT_COST = 2.55


class Known(NamedTuple):
    """Demand of a SKU by day, the days without stock on which nobody asked, and all its days."""

    asked: dict[int, int]
    without: set[int]
    first_day: int
    last_day: int


class Planned(NamedTuple):
    """What the loop finds for a SKU."""

    abc: int
    xyz: int
    pattern: int
    order_quantity: int
    reorder_point: int


class Moments(NamedTuple):
    """Number, mean, deviation; and the interval and squared variation of what is not zero."""

    buckets: int
    mean: float
    deviation: float
    interval: float
    size_cv_squared: float


def plan(days: Days, last_day: int, moments: Callable[[Known, int], Moments]) -> list[Planned]:
    """All SKUs, one after the other."""
    starts, day = days.starts.tolist(), days.day.tolist()
    columns = {name: days.columns[name].tolist() for name in COLUMNS}
    values = [sum(columns["issued_value"][begin:end]) for begin, end in itertools.pairwise(starts)]
    found = []
    for number, value_class in enumerate(_classes(values)):
        rows = range(starts[number], starts[number + 1])
        known = _known(rows, day, columns, last_day)
        found.append(_planned(value_class, known, moments(known, 7), moments(known, 1)))
    return found


def _planned(value_class: int, known: Known, weekly: Moments, daily: Moments) -> Planned:
    if not weekly.mean or math.isnan(weekly.deviation):
        steadiness = 2
    else:
        variation = round(weekly.deviation / weekly.mean, 6)
        steadiness = 0 if variation <= 0.5 else 1 if variation <= 1 else 2
    rare, uneven = round(weekly.interval, 6) >= 1.32, round(weekly.size_cv_squared, 6) >= 0.49
    pattern = 4 if math.isinf(weekly.interval) else (2 if rare else 0) + (1 if uneven else 0)
    a_year = daily.mean * 365
    best = min(math.sqrt(2 * a_year * 10 / (0.25 * UNIT_COST)), a_year)
    dead = known.last_day - max(known.asked, default=known.first_day) >= DEAD_DAYS
    z = 0.0 if dead else Z_VALUES[LEVELS[value_class * 3 + steadiness]]
    deviation = 0.0 if math.isnan(daily.deviation) else daily.deviation
    safety = z * deviation * math.sqrt(PROTECTED_DAYS)
    point = math.ceil(round(daily.mean * PROTECTED_DAYS + safety, 6))
    return Planned(value_class, steadiness, pattern, max(math.floor(best + 0.5), 1), point)


def _classes(values: list[int]) -> list[int]:
    """A, B or C of each value, the same for equal ones."""
    whole, before, classes, last = sum(values), 0, [2] * len(values), (-1, 2)
    for number in sorted(range(len(values)), key=lambda one: -values[one]):
        value = values[number]
        if value != last[0]:
            share = before * 100
            last = (value, 0 if share < 80 * whole else 1 if share < 95 * whole else 2)
        classes[number] = last[1] if value else 2
        before += value
    return classes


def _known(rows: range, day: list[int], columns: dict[str, list[int]], last_day: int) -> Known:
    asked: dict[int, int] = {}
    without: set[int] = set()
    available = 0
    for row in rows:
        quantity = columns["issued"][row] + columns["unmet"][row]
        if quantity:
            asked[day[row]] = quantity
        available += columns["available_net"][row]
        if available <= 0:
            until = day[row + 1] if row + 1 < rows.stop else last_day + 1
            without.update(range(day[row], until))
    return Known(asked, without - asked.keys(), day[rows[0]], last_day)


def plainly(known: Known, days_each: int) -> Moments:
    """By a list of every bucket."""
    count = (known.last_day - known.first_day + 1) // days_each
    sums, lost = [0] * count, [0] * count
    for day in range(known.last_day - count * days_each + 1, known.last_day + 1):
        bucket = (known.last_day - day) // days_each
        sums[bucket] += known.asked.get(day, 0)
        lost[bucket] += day in known.without
    counted = [x for x, days in zip(sums, lost, strict=True) if x or days < days_each]
    sizes = [x for x in counted if x]
    mean, deviation = _by_definition(counted)
    size_mean, size_deviation = _by_definition(sizes)
    interval = len(counted) / len(sizes) if sizes else math.inf
    single = len(sizes) < 2
    variation = 0.0 if single else size_deviation**2 / size_mean**2
    return Moments(len(counted), mean, deviation, interval, variation)


def _by_definition(values: list[int]) -> tuple[float, float]:
    if not values:
        return 0.0, math.nan
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, math.nan
    return mean, math.sqrt(sum((x - mean) ** 2 for x in values) / (len(values) - 1))


def carefully(known: Known, days_each: int) -> Moments:
    """By the sums over buckets with demand alone."""
    count = (known.last_day - known.first_day + 1) // days_each
    sums: dict[int, int] = {}
    for day, quantity in known.asked.items():
        bucket = (known.last_day - day) // days_each
        if bucket < count:
            sums[bucket] = sums.get(bucket, 0) + quantity
    lost: dict[int, int] = {}
    for day in known.without:
        bucket = (known.last_day - day) // days_each
        if bucket < count:
            lost[bucket] = lost.get(bucket, 0) + 1
    for bucket, days in lost.items():
        count -= days == days_each and bucket not in sums
    total, squares, some = sum(sums.values()), sum(x * x for x in sums.values()), len(sums)
    mean, deviation = _by_sums(total, squares, count)
    size_mean, size_deviation = _by_sums(total, squares, some)
    interval = count / some if some else math.inf
    variation = 0.0 if some < 2 else size_deviation**2 / size_mean**2
    return Moments(count, mean, deviation, interval, variation)


def _by_sums(total: int, squares: int, count: int) -> tuple[float, float]:
    if not count:
        return 0.0, math.nan
    if count == 1:
        return float(total), math.nan
    spread = count * squares - total * total
    return total / count, math.sqrt(spread / (count * (count - 1)))
