"""Stock health of many series: each for itself in bounded memory, or summed by group."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.health.exact import SAFE, Exact, narrowed, peak
from projections.planning.health.figures import Figure, figures
from projections.planning.health.lookups import at_scale
from projections.planning.health.measures import COLUMNS, QUANTITIES, Sums, measure
from projections.planning.health.parameters import HealthParameters, buckets
from projections.planning.health.sites import SiteValues

CHUNK_CELLS = 250_000
SCALE_OF_GROUPS = 6
_NO_DAYS = Days(
    [],
    [],
    np.zeros(0, np.int8),
    np.zeros(1, np.int64),
    np.zeros(0, np.int32),
    dict.fromkeys(COLUMNS, np.zeros(0, np.int64)),
)


# What is measured: series as they are, or at sites, whose rows are made when they are needed.
Measured = Days | SiteValues


def by_series(
    days: Measured, parameters: HealthParameters
) -> Iterator[tuple[int, dict[str, Figure]]]:
    """The figures of all series, a slice at a time, each with its first series' number."""
    for first, sums in _measured(days, parameters):
        yield first, figures(sums, parameters)


class Grouping(NamedTuple):
    """Which group each series belongs to: `labels[i]` is the number of that of series `i`."""

    labels: Integers
    groups: int


def by_group(
    days: Measured, parameters: HealthParameters, labels: Integers, groups: int
) -> dict[str, Figure]:
    """The figures of groups: sums first, then one division.

    Quantities of a group are at six decimals, and are added as numbers whatever their units: the
    figures by value and by lines are those to go by. Cover is taken from demand over as many days
    as the group's longest known series allows.
    """
    return by_groupings(days, parameters, [Grouping(labels, groups)])[0]


def by_groupings(
    days: Measured, parameters: HealthParameters, groupings: Sequence[Grouping]
) -> list[dict[str, Figure]]:
    """The same for several groupings of the same series, which are measured once for all."""
    for labels, groups in groupings:
        if len(labels) != len(days):
            raise ValueError("every series has one label")
        if len(labels) and not (labels.min() >= 0 and labels.max() < groups):
            raise ValueError("a label is the number of a group")
    number = len(buckets(parameters))
    # Nothing, so that there are sums even without any series.
    nothing = measure(_NO_DAYS, parameters).amounts
    summed = [
        {name: np.full((groups, number), 0, object) for name in nothing} for _, groups in groupings
    ]
    for first, sums in _measured(days, parameters):
        for (labels, groups), whole in zip(groupings, summed, strict=True):
            _add(whole, sums, labels[first : first + len(sums.scales)], groups)
    return [
        _of_sums(whole, groups, parameters)
        for (_, groups), whole in zip(groupings, summed, strict=True)
    ]


def _add(whole: dict[str, Exact], sums: Sums, labels: Integers, groups: int) -> None:
    for name, values in sums.amounts.items():
        if name == "recent_days":
            np.maximum.at(whole[name], labels, values.astype(object))
        else:
            whole[name] += _grouped(_comparable(name, values, sums.scales), labels, groups)


def _of_sums(
    whole: dict[str, Exact], groups: int, parameters: HealthParameters
) -> dict[str, Figure]:
    scales = np.full(groups, SCALE_OF_GROUPS, np.int64)
    amounts = {name: narrowed(values) for name, values in whole.items()}
    return figures(Sums(scales, buckets(parameters).days, amounts), parameters)


def _measured(days: Measured, parameters: HealthParameters) -> Iterator[tuple[int, Sums]]:
    cells = len(buckets(parameters)) * (len(parameters.ageing_days) + 3)
    step = max(CHUNK_CELLS // cells, 1)
    parts = days.parts(step) if isinstance(days, SiteValues) else _parts(days, step)
    for first, part in parts:
        yield first, measure(part, parameters)


def _parts(days: Days, step: int) -> Iterator[tuple[int, Days]]:
    for first in range(0, len(days), step):
        yield first, days.part(first, min(first + step, len(days)))


def _comparable(name: str, values: Exact, scales: Integers) -> Exact:
    """Quantities at one scale; anything else has one already."""
    if name in QUANTITIES or (name.startswith("aged_") and "value" not in name):
        return at_scale(values, scales, SCALE_OF_GROUPS)
    return values


def _grouped(values: Exact, labels: Integers, groups: int) -> Exact:
    """Sums of rows by label, as Python integers."""
    if values.dtype != object and peak(values) * len(values) >= SAFE:
        values = values.astype(object)
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=groups))
    running = np.zeros((len(values) + 1, values.shape[1]), values.dtype)
    np.cumsum(values[order], axis=0, out=running[1:])
    found: Exact = np.diff(running[np.append(0, ends)], axis=0).astype(object)
    return found
