"""Stock health in a run: figures of each series over the window, and of groups by month."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np

from projections.database import ReadConnection
from projections.planning.health.documents import date_text, shown_figures
from projections.planning.health.figures import Figure
from projections.planning.health.groups import Grouping, Measured, by_groupings, by_series
from projections.planning.health.measures import COLUMNS
from projections.planning.health.parameters import HealthParameters, buckets
from projections.planning.health.sites import SiteValues
from projections.planning.parameters import Parameters, millionths
from projections.planning.run_inputs import at_site, everywhere, read_series
from projections.planning.run_writer import Row

# The columns of a run's results, and the figures that they are.
FIGURES: Final = {
    "turnover_per_year": "turnover_per_year",
    "days_of_cover": "days_of_cover",
    "fill_rate_units": "fill_rate_units",
    "excess": "excess",
    "excess_value": "excess_value",
    "slow": "slow",
    "carrying_cost": "carrying_cost",
}
_encode = msgspec.json.Encoder().encode


def options_of(parameters: Parameters) -> HealthParameters:
    """The window and the limits as stock health takes them. Raises PlanningError."""
    wanted = parameters.health
    return HealthParameters(
        first_day=parameters.first_day,
        last_day=parameters.as_of_day,
        bucket="whole",
        demand_days=wanted.demand_days,
        excess_cover_days=wanted.excess_cover_days,
        slow_cover_days=wanted.slow_cover_days,
        carrying_rate=millionths(parameters.costs.carrying_rate),
    )


async def read_health_days(
    reader: ReadConnection,
    parameters: Parameters,
    positions: Mapping[int, int],
    sku: str | None = None,
) -> Measured:
    """The series of the run, or of one SKU, with what stock health is made from.

    The value of a SKU at one site is its share of all, so that all sites are read for it.
    """
    days = await read_series(reader, everywhere(parameters), positions, COLUMNS, sku)
    if not (parameters.each_site or parameters.site is not None):
        return days
    values = await asyncio.to_thread(SiteValues, days)
    return values if parameters.site is None else of_site(values, parameters.site)


def of_site(days: Measured, site: str) -> Measured:
    """The series of one site."""
    return days.only(at_site(days.sites, site))


def columns_of(days: Measured, parameters: Parameters) -> dict[str, list[Any]]:
    """The figures of each series over the window, as the results hold them."""
    columns: dict[str, list[Any]] = {name: [] for name in FIGURES}
    for _, figures in by_series(days, options_of(parameters)):
        for name, figure in FIGURES.items():
            columns[name] += _values(figures[figure])
    return columns


def group_rows(days: Measured, classes: Sequence[str], parameters: Parameters) -> list[Row]:
    """Rows of `planning_health` without the run's id, in the order of their keys.

    Of everything, of each class (`classes[i]` is that of series `i`), and of each site where the
    run looks at sites apart; by month.
    """
    options = replace(options_of(parameters), bucket="month")
    names: dict[str, Sequence[str]] = {"class": classes, "total": [""] * len(days)}
    if parameters.each_site:
        names["site"] = days.sites
    known = {one: sorted(set(names[one])) for one in sorted(names)}
    groupings = [_grouping(names[one], known[one]) for one in known]
    found = by_groupings(days, options, groupings)
    return [
        row
        for (one, groups), figures in zip(known.items(), found, strict=True)
        for number, name in enumerate(groups)
        for row in _rows(one, name, figures, (number, options))
    ]


def _grouping(names: Sequence[str], known: Sequence[str]) -> Grouping:
    number = {name: index for index, name in enumerate(known)}
    return Grouping(np.array([number[name] for name in names], np.int64), len(known))


def _rows(
    grouping: str, name: str, figures: Mapping[str, Figure], of: tuple[int, HealthParameters]
) -> Iterator[Row]:
    group, options = of
    cut = buckets(options)
    for bucket, (first, last) in enumerate(zip(cut.first.tolist(), cut.last.tolist(), strict=True)):
        document = {
            "until": date_text(last + 1),
            **shown_figures(figures, options, (group, bucket)),
        }
        yield grouping, name, first, _encode(document).decode()


def _values(figure: Figure) -> list[Any]:
    """Of the one bucket; None where it is not defined."""
    values, reasons = figure.values[:, 0].tolist(), figure.reasons[:, 0].tolist()
    return [None if reason else one for one, reason in zip(values, reasons, strict=True)]
