"""Stock health of many series: each for itself in bounded memory, or summed by group."""

from collections.abc import Iterator

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.health.exact import SAFE, Exact, narrowed, peak
from projections.planning.health.figures import Figure, figures
from projections.planning.health.lookups import at_scale
from projections.planning.health.measures import QUANTITIES, Sums, measure
from projections.planning.health.parameters import HealthParameters, buckets

CHUNK_CELLS = 250_000
SCALE_OF_GROUPS = 6


def by_series(days: Days, parameters: HealthParameters) -> Iterator[tuple[int, dict[str, Figure]]]:
    """The figures of all series, a slice at a time, each with its first series' number."""
    for first, sums in _measured(days, parameters):
        yield first, figures(sums, parameters)


def by_group(
    days: Days, parameters: HealthParameters, labels: Integers, groups: int
) -> dict[str, Figure]:
    """The figures of groups: sums first, then one division. `labels[i]` is the group of series `i`.

    Quantities of a group are at six decimals, and are added as numbers whatever their units: the
    figures by value and by lines are those to go by. Cover is taken from demand over as many days
    as the group's longest known series allows.
    """
    if len(labels) != len(days):
        raise ValueError("every series has one label")
    if len(labels) and not (labels.min() >= 0 and labels.max() < groups):
        raise ValueError("a label is the number of a group")
    summed: dict[str, Exact] = {}
    shape = (groups, len(buckets(parameters)))
    for first, sums in _measured(days, parameters):
        chosen = labels[first : first + len(sums.scales)]
        for name, values in sums.amounts.items():
            before = summed.setdefault(name, np.full(shape, 0, object))
            if name == "recent_days":
                np.maximum.at(before, chosen, values.astype(object))
                continue
            comparable = _comparable(name, values, sums.scales)
            before += _grouped(comparable, chosen, groups)
    if not summed:
        empty = measure(_slice(days, 0, 0), parameters).amounts
        summed = {name: np.full(shape, 0, object) for name in empty}
    scales = np.full(groups, SCALE_OF_GROUPS, np.int64)
    amounts = {name: narrowed(values) for name, values in summed.items()}
    return figures(Sums(scales, buckets(parameters).days, amounts), parameters)


def _measured(days: Days, parameters: HealthParameters) -> Iterator[tuple[int, Sums]]:
    cells = len(buckets(parameters)) * (len(parameters.ageing_days) + 3)
    step = max(CHUNK_CELLS // cells, 1)
    for first in range(0, len(days), step):
        yield first, measure(_slice(days, first, min(first + step, len(days))), parameters)


def _slice(days: Days, first: int, last: int) -> Days:
    begin, end = int(days.starts[first]), int(days.starts[last])
    return Days(
        days.skus[first:last],
        days.sites[first:last],
        days.scales[first:last],
        days.starts[first : last + 1] - begin,
        days.day[begin:end],
        {name: rows[begin:end] for name, rows in days.columns.items()},
    )


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
