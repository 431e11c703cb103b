"""What a run comes to: rows of the result tables, in the order of their keys, and their digest."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from sqlalchemy import Table

from projections.database import Database
from projections.planning import run_classes, run_health, run_level_columns
from projections.planning.criteria import unranked
from projections.planning.health.groups import Measured
from projections.planning.parameters import Parameters
from projections.planning.run_classes import classes_of
from projections.planning.run_columns import FIELDS
from projections.planning.run_fields import (
    BY_NAME,
    planning_forecasts,
    planning_health,
    planning_results,
)
from projections.planning.run_forecasts import forecast_rows
from projections.planning.run_inputs import Inputs, read_inputs
from projections.planning.run_levels import plan
from projections.planning.run_stored import stored
from projections.planning.run_writer import Row

# One transaction of a run writes so many rows: short enough for the projector to wait for.
ROWS_A_TRANSACTION: Final = 5_000

# The tables that hold results, with the run as the first part of their key.
RESULT_TABLES: Final[tuple[Table, ...]] = (
    planning_results,
    planning_forecasts,
    planning_health,
)
Key = tuple[str, str]
Read = Callable[[Mapping[int, int]], Awaitable[None]]
_encode = msgspec.json.Encoder().encode


class Rows(Protocol):
    """Rows of one table in the order of their keys, made when they are asked for.

    All at once they would take several times the memory of the columns that they are made of.
    """

    def __len__(self) -> int:
        """How many there are."""
        ...

    def portion(self, first: int, until: int) -> list[Row]:
        """Some of them, without the run's id."""
        ...


class SeriesRows:
    """One row a series, from columns of arrays or lists."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        """Keys, scale and every column of the results."""
        if columns.keys() != {"sku", "site", "scale", *BY_NAME}:
            raise AssertionError(f"columns differ: {sorted(columns.keys() ^ BY_NAME.keys())}")
        self._columns = columns

    def __len__(self) -> int:
        """How many series there are."""
        return len(self._columns["sku"])

    def portion(self, first: int, until: int) -> list[Row]:
        """Key, scale, and every column in its order."""
        some = slice(first, until)
        lists: list[Sequence[Any]] = [
            self._columns[name][some] for name in ("sku", "site", "scale")
        ]
        lists += [stored(field.kind, self._columns[field.name][some]) for field in FIELDS]
        return list(zip(*lists, strict=True))


class ListedRows:
    """Rows that are there already."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """In the order of their keys."""
        self._rows = rows

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def portion(self, first: int, until: int) -> list[Row]:
        """Some of them."""
        return list(self._rows[first:until])


@dataclass(frozen=True, slots=True)
class Results:
    """Rows by table, and how many of what there are."""

    tables: Mapping[Table, Rows]
    counts: Mapping[str, int]

    def portions(self) -> Iterator[tuple[Table, list[Row]]]:
        """All rows without the run's id, as many at a time as one transaction writes."""
        for table in self.tables:
            for rows in self.of_table(table):
                yield table, rows

    def of_table(self, table: Table) -> Iterator[list[Row]]:
        """Those of one table."""
        rows = self.tables[table]
        for first in range(0, len(rows), ROWS_A_TRANSACTION):
            yield rows.portion(first, first + ROWS_A_TRANSACTION)


class Digest:
    """SHA-256 over the rows of a run: equal if and only if every digit is."""

    def __init__(self) -> None:
        """Of nothing."""
        self._hash = hashlib.sha256()

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Take in rows; the same ones in the same order give the same digest."""
        for row in rows:
            self._hash.update(_encode((str(table.name), *row)))

    def text(self) -> str:
        """In hexadecimal digits."""
        return self._hash.hexdigest()


async def make_results(database: Database, parameters: Parameters, read: Read) -> Results:
    """Everything that a run says. `read` is told the positions as soon as they are known.

    What is computed is pure, and the same on every machine; it is done in a thread. Raises
    DatabaseUnavailable, DemandNotReady, PlanningError and ForecastExtraMissing.
    """
    inputs = await read_inputs(database, parameters)
    await read(inputs.positions)
    skus, sites, left_out = inputs.days.skus, inputs.days.sites, len(inputs.days.left_out)
    columns, forecasts, uncounted = await asyncio.to_thread(_of_demand, inputs)
    positions = inputs.positions
    # Classes and levels need a third of the columns; both at once would not fit where these do.
    del inputs
    classes = dict(zip(zip(skus, sites, strict=True), columns["abc"], strict=True))
    of_series, of_groups = await _health(database, parameters, positions, classes)
    columns |= of_series
    counts = {"series": len(skus), "skus": len(set(skus)), "forecasts": len(forecasts)}
    counts |= uncounted | ({"left_out": left_out} if left_out else {})
    tables: dict[Table, Rows] = {
        planning_results: SeriesRows(columns),
        planning_forecasts: ListedRows(forecasts),
        planning_health: ListedRows(of_groups),
    }
    return Results(tables, counts)


def _of_demand(inputs: Inputs) -> tuple[dict[str, Any], list[Row], dict[str, int]]:
    """All columns but those of stock health, the rows of forecasts, and what ABC could not count.

    Raises PlanningError, also where ABC is by margin and there is no margin at all.
    """
    days, parameters = inputs.days, inputs.parameters
    classes = classes_of(days, inputs.items, parameters)
    margin = classes.margin
    uncounted = {} if margin is None else unranked(margin)
    columns = {
        "sku": list(days.skus),
        "site": list(days.sites),
        "scale": days.scales.tolist(),
        **run_classes.columns_of(classes),
        **run_level_columns.columns_of(days, plan(inputs, classes)),
    }
    return columns, forecast_rows(days, columns["abc"], parameters), uncounted


async def _health(
    database: Database,
    parameters: Parameters,
    positions: Mapping[int, int],
    classes: Mapping[Key, str],
) -> tuple[dict[str, list[Any]], list[Row]]:
    """The columns of stock health, of series in the order of `classes`, and its rows by group."""
    if not parameters.health.enabled:
        return {name: [None] * len(classes) for name in run_health.FIGURES}, []
    async with database.reader() as reader:
        days = await run_health.read_health_days(reader, parameters, positions)
    # A series with amounts beyond any sense is left out by the columns that have them.
    known = [number for number, key in enumerate(_keys(days)) if key in classes]
    days = days if len(known) == len(days) else days.only(np.array(known, np.int64))
    columns = await asyncio.to_thread(run_health.columns_of, days, parameters)
    found = _keys(days)
    of_series = [classes[key] for key in found]
    rows = await asyncio.to_thread(run_health.group_rows, days, of_series, parameters)
    place = {key: number for number, key in enumerate(found)}
    where = [place.get(key) for key in classes]
    in_order = {
        name: [None if one is None else values[one] for one in where]
        for name, values in columns.items()
    }
    return in_order, rows


def _keys(days: Measured) -> list[Key]:
    return list(zip(days.skus, days.sites, strict=True))
