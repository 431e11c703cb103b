"""What a run comes to: rows of the result tables, in the order of their keys, and their digest."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Table

from projections.database import Database
from projections.planning import run_classes, run_health, run_level_columns
from projections.planning.parameters import Parameters
from projections.planning.run_classes import classes_of
from projections.planning.run_columns import FIELDS
from projections.planning.run_fields import BY_NAME, planning_forecasts, planning_results
from projections.planning.run_forecasts import forecast_rows
from projections.planning.run_inputs import Inputs, read_inputs, read_series
from projections.planning.run_levels import plan
from projections.planning.run_stored import stored
from projections.planning.run_writer import Row

# One transaction of a run writes so many rows: short enough for the projector to wait for.
ROWS_A_TRANSACTION: Final = 5_000

# The tables that hold results, with the run as the first part of their key.
RESULT_TABLES: Final[tuple[Table, ...]] = (planning_results, planning_forecasts)
Read = Callable[[Mapping[int, int]], Awaitable[None]]
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Results:
    """Rows by table, each without the run's id, which `rows` puts before them."""

    tables: Mapping[Table, Sequence[Row]]
    counts: Mapping[str, int]

    def rows(self, run_id: str) -> Iterator[tuple[Table, list[Row]]]:
        """Portions to be written, each in one transaction."""
        for table, found in self.tables.items():
            for first in range(0, len(found), ROWS_A_TRANSACTION):
                portion = found[first : first + ROWS_A_TRANSACTION]
                yield table, [(run_id, *row) for row in portion]

    def digest(self) -> str:
        """SHA-256 over all rows: equal if and only if every digit is."""
        digest = hashlib.sha256()
        for table, rows in self.tables.items():
            digest.update(table.name.encode())
            for row in rows:
                digest.update(_encode(row))
        return digest.hexdigest()


async def make_results(database: Database, parameters: Parameters, read: Read) -> Results:
    """Everything that a run says. `read` is told the positions as soon as they are known.

    What is computed is pure, and the same on every machine; it is done in a thread. Raises
    DatabaseUnavailable, DemandNotReady, PlanningError and ForecastExtraMissing.
    """
    inputs = await read_inputs(database, parameters)
    await read(inputs.positions)
    skus, sites = inputs.days.skus, inputs.days.sites
    columns, forecasts = await asyncio.to_thread(_of_demand, inputs)
    positions = inputs.positions
    # Classes and levels need a third of the columns; both at once would not fit where these do.
    del inputs
    columns |= await _health(database, parameters, positions, (skus, sites))
    rows = await asyncio.to_thread(series_rows, columns)
    counts = {"series": len(rows), "skus": len(set(skus)), "forecasts": len(forecasts)}
    return Results({planning_results: rows, planning_forecasts: forecasts}, counts)


def _of_demand(inputs: Inputs) -> tuple[dict[str, Any], list[Row]]:
    """All columns but those of stock health, and the rows of forecasts."""
    days, parameters = inputs.days, inputs.parameters
    classes = classes_of(days, parameters)
    columns = {
        "sku": list(days.skus),
        "site": list(days.sites),
        "scale": days.scales.tolist(),
        **run_classes.columns_of(classes),
        **run_level_columns.columns_of(
            days, plan(days, inputs.items, inputs.supply, classes, parameters)
        ),
    }
    return columns, forecast_rows(days, columns["abc"], parameters)


async def _health(
    database: Database,
    parameters: Parameters,
    positions: Mapping[int, int],
    series: tuple[Sequence[str], Sequence[str]],
) -> dict[str, list[Any]]:
    """The columns of stock health, in the order of these series."""
    keys = list(zip(*series, strict=True))
    if not parameters.health.enabled:
        return {name: [None] * len(keys) for name in run_health.FIGURES}
    async with database.reader() as reader:
        days = await read_series(reader, parameters, positions, run_health.COLUMNS)
    columns = await asyncio.to_thread(run_health.columns_of, days, parameters)
    found = list(zip(days.skus, days.sites, strict=True))
    if found == keys:
        return columns
    # A series with amounts beyond any sense is left out by the columns that have them.
    place = {key: number for number, key in enumerate(found)}
    where = [place.get(key) for key in keys]
    return {
        name: [None if one is None else values[one] for one in where]
        for name, values in columns.items()
    }


def series_rows(columns: Mapping[str, Any]) -> list[Row]:
    """One row a series: key, scale, and every column in its order."""
    if columns.keys() != {"sku", "site", "scale", *BY_NAME}:
        raise AssertionError(f"columns differ: {sorted(columns.keys() ^ BY_NAME.keys())}")
    lists: list[Sequence[Any]] = [columns["sku"], columns["site"], columns["scale"]]
    lists += [stored(field.kind, columns[field.name]) for field in FIELDS]
    return list(zip(*lists, strict=True))
