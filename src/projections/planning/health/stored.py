"""Stock health as a planning run keeps it: one row for each group and bucket.

A group is everything (`total`), a site, a class, or a reason for which goods were lost. Numbers are
integers as `formulas` says, inside one JSON document; a figure that is not defined is null, and
`why` says the reason.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.health.figures import REASONS, Figure
from projections.planning.health.groups import by_group
from projections.planning.health.losses import ReasonRows, losses_by_reason
from projections.planning.health.parameters import HealthParameters, buckets
from projections.planning.health.sites import valued_by_site

Kind = Literal["total", "site", "class", "reason"]


class HealthRow(NamedTuple):
    """One group in one bucket; `name` of a reason is its type and code, `scrap/expired`."""

    kind: Kind
    name: str
    first_day: int
    last_day: int
    figures: str


def health_rows(
    days: Days,
    losses: ReasonRows,
    parameters: HealthParameters,
    classes: Mapping[str, Integers],
) -> list[HealthRow]:
    """All rows of a run, in the order of their keys.

    `classes` names the series of each class by their numbers. Series of sites are valued by their
    share of the SKU; sites are listed only where series are of sites.
    """
    rows: list[HealthRow] = []
    by_site = any(days.sites)
    if by_site:
        days = valued_by_site(days)
        labels, sites = _labels(days.sites)
        rows += _grouped("site", sites, by_group(days, parameters, labels, len(sites)), parameters)
    names = sorted(classes)
    # A series without a class is in the last group, which is not listed.
    of_class = np.full(len(days), len(names), np.int64)
    for number, name in enumerate(names):
        of_class[classes[name]] = number
    found = by_group(days, parameters, of_class, len(names) + 1)
    rows += _grouped("class", names, found, parameters)
    everything = by_group(days, parameters, np.zeros(len(days), np.int64), 1)
    rows += _grouped("total", [""], everything, parameters)
    rows += _lost(losses, parameters)
    return sorted(rows)


def _labels(sites: Sequence[str]) -> tuple[Integers, list[str]]:
    names = sorted(set(sites))
    numbers = {name: number for number, name in enumerate(names)}
    return np.array([numbers[site] for site in sites], np.int64), names


def _grouped(
    kind: Kind, names: Sequence[str], found: Mapping[str, Figure], parameters: HealthParameters
) -> Iterator[HealthRow]:
    cut = buckets(parameters)
    for group, name in enumerate(names):
        for bucket, (first, last) in enumerate(
            zip(cut.first.tolist(), cut.last.tolist(), strict=True)
        ):
            yield HealthRow(kind, name, first, last, document(found, group, bucket))


def document(found: Mapping[str, Figure], series: int, bucket: int) -> str:
    """The figures of one series or group in one bucket as a JSON text."""
    figures: dict[str, Any] = {}
    why: dict[str, str] = {}
    for name, figure in found.items():
        reason = int(figure.reasons[series, bucket])
        figures[name] = None if reason else int(figure.values[series, bucket])
        if reason:
            why[name] = REASONS[reason]
    return _encoded({**figures, "why": why})


def _lost(losses: ReasonRows, parameters: HealthParameters) -> Iterator[HealthRow]:
    cut = buckets(parameters)
    for one in losses_by_reason(losses, parameters):
        for bucket in range(len(cut)):
            amounts = {name: values[bucket] for name, values in one.amounts.items()}
            yield HealthRow(
                "reason",
                f"{one.type}/{one.reason}",
                int(cut.first[bucket]),
                int(cut.last[bucket]),
                _encoded({**amounts, "why": {}}),
            )


def _encoded(figures: Mapping[str, Any]) -> str:
    # The standard library writes integers of any size; of a group they may pass 64 bits.
    return json.dumps(figures, sort_keys=True, separators=(",", ":"))
