"""A line of a supply order with many receipts: its cost grows with them and no faster."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from projections.tables import supply_orders, supply_receipts
from projections.views.supply import UPDATE_RECEIVED
from projections.views.supply_reading import lead_times

_DIALECT = sqlite.dialect()
PLACED, FIRST = 1, 10


class Captured:
    """A reader that keeps the query."""

    sql = ""

    async def parts(self, query: Select[Any], *_: Any) -> AsyncIterator[list[Any]]:
        """Nothing is found."""
        options = {"literal_binds": True}
        self.sql = str(query.compile(dialect=_DIALECT, compile_kwargs=options))
        yield []


def _insert(database: sqlite3.Connection, table: Any, **values: Any) -> None:
    row = {column.name: values.get(column.name, 0) for column in table.columns}
    names, places = ", ".join(row), ", ".join("?" * len(row))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({places})"
    database.execute(statement, [*row.values()])


def _database(receipts: int) -> sqlite3.Connection:
    """One line; every seventh record of it takes back the one in front."""
    database = sqlite3.connect(":memory:")
    for table in (supply_orders, supply_receipts):
        database.execute(str(CreateTable(table).compile(dialect=_DIALECT)))
        for index in table.indexes:
            database.execute(str(CreateIndex(index).compile(dialect=_DIALECT)))
    _insert(database, supply_orders, log_offset=PLACED, sku="A", supplier="ACME", location="MAIN")
    for number in range(receipts):
        back = number % 7 == 6
        _insert(
            database,
            supply_receipts,
            log_offset=FIRST + number,
            order_offset=PLACED,
            occurred_us=number,
            quantity=-1 if back else 1,
            sku="A",
            reverses_offset=FIRST + number - 1 if back else None,
        )
    return database


def _steps(
    database: sqlite3.Connection, statement: str, *values: int
) -> tuple[int, list[tuple[Any, ...]]]:
    """How many hundreds of instructions SQLite needs, and what it finds."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    database.set_progress_handler(tick, 100)
    rows = database.execute(statement, values).fetchall()
    database.set_progress_handler(None, 0)
    return count, rows


def test_summing_up_a_line_grows_with_its_receipts_and_no_faster() -> None:
    """What came in all, and when first and last; what was taken back did not come."""
    needed = {}
    for receipts in (700, 2800):
        database = _database(receipts)
        needed[receipts], _ = _steps(database, UPDATE_RECEIVED.sqlite, 9, 0, PLACED)
        found = database.execute(
            "SELECT received, first_received_us, last_received_us FROM supply_orders"
        ).fetchone()
        database.close()
        assert found == (receipts * 5 // 7, 0, receipts - 3)
    assert needed[2800] < 6 * needed[700]


def test_reading_lead_times_grows_with_the_receipts_and_no_faster() -> None:
    """What was taken back by then is not there; what was later, is."""
    needed = {}
    for receipts in (700, 2800):
        database, captured = _database(receipts), Captured()
        end = FIRST + receipts - 1
        asyncio.run(lead_times(captured, {0: end}))  # type: ignore[arg-type]
        needed[receipts], rows = _steps(database, captured.sql)
        database.close()
        # The last record is a reversal that is not known yet.
        assert len(rows) == receipts * 5 // 7 + 1
    assert needed[2800] < 6 * needed[700]
