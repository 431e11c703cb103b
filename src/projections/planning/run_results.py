"""What a run comes to: rows of the result tables, in the order of their keys, and their digest."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Table

from projections.planning.run_classes import classes_of, columns_of
from projections.planning.run_fields import BY_NAME, FIELDS, planning_results
from projections.planning.run_inputs import Inputs
from projections.planning.run_stored import stored
from projections.planning.run_writer import Row

# One transaction of a run writes so many rows: short enough for the projector to wait for.
ROWS_A_TRANSACTION: Final = 5_000

# The tables that hold results, with the run as the first part of their key.
RESULT_TABLES: Final[tuple[Table, ...]] = (planning_results,)
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


def compute(inputs: Inputs) -> Results:
    """Everything that a run says; pure, and the same on every machine."""
    columns = columns_of(classes_of(inputs.days, inputs.parameters))
    rows = series_rows(inputs, columns)
    counts = {"series": len(inputs.days), "skus": len(set(inputs.days.skus))}
    return Results({planning_results: rows}, counts)


def series_rows(inputs: Inputs, columns: Mapping[str, Any]) -> list[Row]:
    """One row a series: key, scale, and every column in its order."""
    if columns.keys() != BY_NAME.keys():
        raise AssertionError(f"columns differ: {sorted(columns.keys() ^ BY_NAME.keys())}")
    days = inputs.days
    lists: list[Sequence[Any]] = [days.skus, days.sites, days.scales.tolist()]
    lists += [stored(field.kind, columns[field.name]) for field in FIELDS]
    return list(zip(*lists, strict=True))


Compute = Callable[[Inputs], Results]
