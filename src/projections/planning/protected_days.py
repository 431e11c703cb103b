"""How long the protected time of a series may turn out to be, in whole open days.

A lead time varies by its deviation, as if it were normal; the bootstrap needs days that can be
drawn. So the normal distribution is cut into `PARTS` parts of equal probability, and the middle of
each stands for it (stratified sampling: Cochran 1977, Sampling Techniques, 3rd ed., chapter 5): as
right on average as lead times drawn one by one, without the chance of drawing many long ones, and
the same whatever the seed and whoever else is in the run.
"""

from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Final

import numpy as np

from projections.planning.lead_demand import LeadDemand
from projections.planning.numbers import DECIMALS, Floats, Integers, round_up, rounded

# The middle of the last part is exceeded by one lead time in 400.
PARTS: Final = 200
# Longer than any lead time that may be agreed. What varies beyond it was typed with a wrong year,
# and a table of so many days is made of nothing but that.
DAYS_MAX: Final = 3_650
# Series of which all parts are in memory at once: some megabytes.
_SERIES_AT_ONCE: Final = 4_096


@dataclass(frozen=True, slots=True)
class ProtectedDays:
    """Days that the protected time of each series may take, and in how many of its cases.

    Those of series `i` are `days[starts[i]:starts[i + 1]]`: at least one, rising, none twice.
    """

    starts: Integers
    days: Integers
    cases: Integers

    def __len__(self) -> int:
        """How many series there are."""
        return len(self.starts) - 1

    def longest(self) -> Integers:
        """The most days of each series."""
        return self.days[self.starts[1:] - 1]


def fixed(days: Integers) -> ProtectedDays:
    """The one protected time of each series."""
    return ProtectedDays(np.arange(len(days) + 1), days, np.ones(len(days), np.int64))


def protected_days(demand: LeadDemand, some: Integers) -> ProtectedDays:
    """The protected times of some series: with the lead time as it varies, and the review period.

    A lead time is not negative, a protected time that varies at least one day, and none is drawn
    that is longer than `DAYS_MAX`.
    """
    parts = [
        _distinct(demand, some[first : first + _SERIES_AT_ONCE])
        for first in range(0, max(len(some), 1), _SERIES_AT_ONCE)
    ]
    count, days, cases = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return ProtectedDays(np.concatenate(([0], np.cumsum(count))), days, cases)


def _distinct(demand: LeadDemand, some: Integers) -> tuple[Integers, Integers, Integers]:
    """How many different times each series may take, those, and how many parts each stands for."""
    lead, deviation = demand.lead[some], demand.lead_deviation[some]
    whole = round_up(demand.protected[some], "protected")
    varies = (deviation > 0) & (whole < DAYS_MAX)
    table = np.repeat(whole[:, np.newaxis], PARTS, axis=1)
    times = _varied(lead[varies], deviation[varies], demand.protected[some][varies])
    table[varies] = round_up(np.clip(times, 1.0, DAYS_MAX), "protected")
    first = np.ones(table.shape, np.bool_)
    first[:, 1:] = table[:, 1:] != table[:, :-1]
    count = first.sum(axis=1)
    cases = np.diff(np.append(np.flatnonzero(first), first.size))
    # Of one time alone the share is exactly one, and nothing is to be rounded.
    cases[np.repeat(count == 1, count)] = 1
    return count, table[first], cases


def _varied(lead: Floats, deviation: Floats, protected: Floats) -> Floats:
    """Protected times of each series, one a part, from the shortest to the longest."""
    turns_out = rounded(lead[:, np.newaxis] + deviation[:, np.newaxis] * _middles())
    return rounded(np.maximum(turns_out, 0.0) + rounded(protected - lead)[:, np.newaxis])


@cache
def _middles() -> Floats:
    """The standard normal values in the middle of each part, to six decimals."""
    normal = NormalDist()
    middles = [normal.inv_cdf((2 * part + 1) / (2 * PARTS)) for part in range(PARTS)]
    return np.array([round(one, DECIMALS) + 0.0 for one in middles])
