"""Making a run again from its position and parameters, and comparing it digit by digit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping, Table, select, tuple_

from projections.database import Database
from projections.planning.parameters import read
from projections.planning.run_queries import run_row
from projections.planning.run_results import Digest, Results, make_results
from projections.planning.run_writer import Row

ROWS_AT_A_TIME: Final = 5_000
DIFFERENCES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """One column of one row: what is stored and what came out now; None for a row not there."""

    table: str
    key: tuple[str, ...]
    column: str
    stored: Any
    repeated: Any


@dataclass(slots=True)
class Repeated:
    """What came of a repetition. `compared_rows` is None where the results are deleted already.

    Then the digest alone was compared. `differences` are the first of `count`.
    """

    run_id: str
    digest: str
    stored_digest: str
    compared_rows: int | None = None
    count: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether every digit is the same."""
        return self.digest == self.stored_digest and not self.count

    def note(self, difference: Difference) -> None:
        """Count a difference, and keep it if there are not too many."""
        self.count += 1
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(difference)


async def repeat(database: Database, run: RowMapping) -> Repeated:
    """Make a run that is done again, from what is known at its position; nothing is stored.

    Raises DatabaseUnavailable and DemandNotReady.
    """
    positions: dict[str, int] = msgspec.json.decode(run["positions"])
    parameters = msgspec.structs.replace(read(run["parameters"]), positions=positions)
    results = await make_results(database, parameters, _unheeded)
    digest = Digest()
    for table, rows in results.portions():
        digest.add(table, rows)
    found = Repeated(run["run_id"], digest.text(), run["digest"])
    if run["results_kept"]:
        await _compare(database, run["run_id"], results, found)
        if found.count and not await _are_kept(database, run["run_id"]):
            # What is missing was deleted meanwhile.
            found = Repeated(run["run_id"], digest.text(), run["digest"])
    return found


async def _are_kept(database: Database, run_id: str) -> bool:
    async with database.reader() as reader:
        row = await run_row(reader, run_id)
    return row is not None and bool(row["results_kept"])


async def _unheeded(_positions: Mapping[int, int]) -> None:
    """They are those of the run."""


async def _compare(database: Database, run_id: str, results: Results, found: Repeated) -> None:
    """Both come in the order of their keys, so neither has to be there as a whole."""
    found.compared_rows = 0
    for table in results.tables:
        again = (row for rows in results.of_table(table) for row in rows)
        row = next(again, None)
        async for stored in _stored(database, table, run_id):
            found.compared_rows += 1
            while row is not None and _key(table, row) < _key(table, stored):
                _compare_rows(table, None, row, found)
                row = next(again, None)
            if row is None or _key(table, row) != _key(table, stored):
                _compare_rows(table, stored, None, found)
                continue
            _compare_rows(table, stored, row, found)
            row = next(again, None)
        while row is not None:
            _compare_rows(table, None, row, found)
            row = next(again, None)


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    """Texts are compared by code points here and by UTF-8 there, which is the same order."""
    return row[: len(table.primary_key) - 1]


def _compare_rows(table: Table, stored: Row | None, again: Row | None, found: Repeated) -> None:
    here = stored if stored is not None else again
    assert here is not None
    key = tuple(str(part) for part in _key(table, here))
    if stored is None or again is None:
        found.note(Difference(str(table.name), key, "", stored and "a row", again and "a row"))
        return
    names = [column.name for column in table.columns][1:]
    for name, one, other in zip(names, stored, again, strict=True):
        if one != other:
            found.note(Difference(str(table.name), key, str(name), one, other))


async def _stored(database: Database, table: Table, run_id: str) -> Any:
    """The rows of a run without its id, in the order of their keys."""
    _, *key = table.primary_key
    columns = list(table.columns)[1:]
    after: tuple[Any, ...] | None = None
    while True:
        query = select(*columns).where(table.c.run_id == run_id).order_by(*key)
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        async with database.reader() as reader:
            rows = await reader.all(query.limit(ROWS_AT_A_TIME))
        for row in rows:
            yield tuple(row.values())
        if len(rows) < ROWS_AT_A_TIME:
            return
        after = tuple(rows[-1][column.name] for column in key)
