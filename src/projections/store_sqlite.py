"""Writing views to SQLite: one transaction is one visit to a thread of its own."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import URL, Table

from ledger.domain.facts import Moved
from ledger.events.decoding import CommandBytes
from ledger.sqlite_checkpoint import BehindCommits
from projections import checkpoints
from projections.changes import Changes
from projections.checkpoints import Advance, Checkpoint, Stale
from projections.database import DatabaseUnavailable, sqlite_path
from projections.failures import FAILURES_UPSERT
from projections.sqlite_writing import committing, connect, finish
from projections.statements import column_names
from projections.stores import ChangesRefused
from projections.tables import (
    item_definitions,
    movements,
    refusals,
    supply_changes,
    supply_orders,
    supply_receipts,
    void_records,
)
from projections.views.items import ITEMS_UPSERT
from projections.views.movement_rows import movement_row
from projections.views.stock import STOCK_UPSERT, TOTALS_UPSERT
from projections.views.supply import UPDATE_ORDERS, UPDATE_RECEIVED

_REFUSED = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    OverflowError,
    UnicodeError,
)
_SELECT = (
    f"SELECT {checkpoints.SELECT_COLUMNS} FROM view_positions"  # noqa: S608
    " WHERE view_group = ? ORDER BY partition"
)
_START = (
    f"INSERT INTO view_positions ({checkpoints.INSERT_COLUMNS})"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_SAVE = (
    "UPDATE view_positions SET position = ?, head = ?, head_offset = ?"
    " WHERE view_group = ? AND partition = ?"
)
_REVERSE = "UPDATE movements SET reversed_by = ? WHERE partition = ? AND log_offset = ?"

_Answer = TypeVar("_Answer")


class SqliteStore:
    """Writes through one connection of its own, made again after it failed."""

    records_max = 20_000

    def __init__(self, url: URL, group: str) -> None:
        """Connects when it is first used."""
        self._group = group
        self._path = sqlite_path(url)
        self._connection: sqlite3.Connection | None = None
        self._behind = BehindCommits(lambda: connect(self._path, make=False))
        self._thread: ThreadPoolExecutor | None = None

    def movement_row(
        self, partition: int, moved: Moved, command: CommandBytes
    ) -> tuple[object, ...]:
        """A row as the driver takes it."""
        return movement_row(partition, moved, command)

    async def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await finish(thread, self._disconnect)

    async def checkpoints(self) -> dict[int, Checkpoint]:
        """The checkpoint of every partition that was ever read."""
        return await self._run(self._stored)

    async def write(self, changes: Sequence[Changes]) -> list[int]:
        """Write all changes and their checkpoints in one transaction, or nothing."""
        return await self._run(lambda: self._write(changes))

    async def note_failure(self, row: tuple[object, ...]) -> None:
        """Write down what stopped a partition, in place of what did before."""
        await self._run(lambda: self._connected().execute(FAILURES_UPSERT.sqlite, row))

    async def defer_indexes(self) -> None:
        """Nothing: it takes as long to make the indexes afterwards as to keep them meanwhile."""

    async def build_indexes(self) -> None:
        """Nothing is ever missing."""

    async def _run(self, work: Callable[[], _Answer]) -> _Answer:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="views")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except _REFUSED as error:
            raise ChangesRefused(f"{type(error).__name__}: {error}") from error
        except (sqlite3.Error, OSError) as error:
            await self.close()
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._behind.close()
        if connection is not None:
            connection.close()

    def _stored(self) -> dict[int, Checkpoint]:
        return checkpoints.from_rows(self._connected().execute(_SELECT, (self._group,)))

    def _write(self, changes: Sequence[Changes]) -> list[int]:
        connection = self._connected()
        advances = [one.advance for one in changes]
        try:
            with committing(connection, self._behind):
                connection.executemany(_START, checkpoints.initial_rows(self._group, advances))
                checkpoints.compare(advances, self._stored())
                connection.executemany(_SAVE, [self._saved(step) for step in advances])
                for one in changes:
                    _write_views(connection, one)
        except Stale as error:
            return error.partitions
        return []

    def _saved(self, step: Advance) -> tuple[object, ...]:
        after = step.after
        return after.position, after.head, after.head_offset, self._group, step.partition


def _write_views(connection: sqlite3.Connection, changes: Changes) -> None:
    partition = changes.partition
    connection.executemany(_insert(movements), changes.movements)
    connection.executemany(_insert(refusals), changes.refusals)
    connection.executemany(_insert(void_records), changes.voids)
    connection.executemany(_insert(item_definitions), changes.definitions)
    stock_rows, totals_rows = changes.stock.rows(partition)
    connection.executemany(STOCK_UPSERT.sqlite, stock_rows)
    connection.executemany(TOTALS_UPSERT.sqlite, totals_rows)
    connection.executemany(ITEMS_UPSERT.sqlite, changes.items.values())
    # After the insertion: a movement may be reversed in the batch that brings it.
    connection.executemany(_REVERSE, changes.reversals)
    supply = changes.supply
    connection.executemany(_insert(supply_orders), supply.orders)
    connection.executemany(_insert(supply_changes), supply.changes)
    connection.executemany(_insert(supply_receipts), supply.receipts)
    # After the insertions, for the same reason.
    connection.executemany(UPDATE_ORDERS.sqlite, supply.order_updates(partition))
    connection.executemany(UPDATE_RECEIVED.sqlite, supply.received_updates(partition))


def _insert(table: Table) -> str:
    marks = ", ".join("?" for _ in table.columns)
    return f"INSERT INTO {table.name} ({', '.join(column_names(table))}) VALUES ({marks})"  # noqa: S608
