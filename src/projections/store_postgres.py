"""Writing views to PostgreSQL: COPY for what is new, arrays for what changes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, Table
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool, PoolProxiedConnection

from projections import checkpoints, stuck_postgres
from projections.binary_rows import copy_stream, movement_bytes
from projections.changes import Changes
from projections.checkpoints import Checkpoint, Stale
from projections.database import CONNECT_SECONDS, DatabaseUnavailable
from projections.engines import new_engine
from projections.failures import FAILURES_UPSERT
from projections.index_postgres import build_indexes
from projections.postgres_errors import UNAVAILABLE
from projections.statements import Upsert, column_names
from projections.stores import ChangesRefused
from projections.tables import (
    DEFERRED_INDEXES,
    item_definitions,
    movements,
    refusals,
    supply_changes,
    supply_orders,
    supply_receipts,
    void_records,
)
from projections.views.items import ITEMS_UPSERT
from projections.views.stock import STOCK_UPSERT, TOTALS_UPSERT
from projections.views.supply import UPDATE_ORDERS, UPDATE_RECEIVED

STATEMENT_SECONDS = 60
CLOSE_SECONDS = 2
LOCK_WAIT = "1s"
# Rows encoded between two pauses: they hold up the event loop for a few ms, no longer.
ROWS_AT_A_TIME = 2_000

_logger = logging.getLogger(__name__)

Row = tuple[object, ...]
_Part = TypeVar("_Part")

_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.CardinalityViolationError,
    OverflowError,
    UnicodeError,
)

_STORED = f"SELECT {checkpoints.SELECT_COLUMNS} FROM view_positions WHERE view_group = $1"  # noqa: S608
_LOCK = f"{_STORED} AND partition = ANY($2::integer[]) ORDER BY partition FOR UPDATE"
_SAVE = """
UPDATE view_positions AS stored
SET position = step.position, head = step.head, head_offset = step.head_offset
FROM unnest($2::integer[], $3::bigint[], $4::text[], $5::bigint[])
    AS step (partition, position, head, head_offset)
WHERE stored.view_group = $1 AND stored.partition = step.partition
"""
_REVERSE = """
UPDATE movements SET reversed_by = step.reversal
FROM unnest($1::bigint[], $2::integer[], $3::bigint[]) AS step (reversal, partition, log_offset)
WHERE movements.partition = step.partition AND movements.log_offset = step.log_offset
"""


class PostgresStore:
    """Writes through one connection of its own, made again after it failed."""

    records_max = 200_000

    def __init__(self, url: URL, group: str) -> None:
        """Connects when it is first used."""
        self._group = group
        self._engine: AsyncEngine = new_engine(
            url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS}
        )
        self._held: PoolProxiedConnection | None = None
        self._turn = asyncio.Lock()

    # Not a method of this class, because it runs once a movement.
    movement_row = staticmethod(movement_bytes)

    async def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        held, self._held = self._held, None
        if held is not None and held.driver_connection is not None:
            with suppress(*UNAVAILABLE):
                await held.driver_connection.close(timeout=CLOSE_SECONDS)
            held.detach()

    def _give_up(self) -> None:
        """Drop the connection in whatever state it is: an open transaction ends with it."""
        held, self._held = self._held, None
        if held is not None and held.driver_connection is not None:
            held.driver_connection.terminate()
            held.detach()

    async def checkpoints(self) -> dict[int, Checkpoint]:
        """The checkpoint of every partition that was ever read."""
        async with self._connection() as connection:
            return checkpoints.from_rows(await connection.fetch(_STORED, self._group))

    async def write(self, changes: Sequence[Changes]) -> list[int]:
        """Write all changes and their checkpoints in one transaction, or nothing."""
        async with self._connection() as connection:
            try:
                async with connection.transaction():
                    await self._compare(connection, changes)
                    await self._save(connection, changes)
                    await _write_views(connection, changes)
            except Stale as error:
                return error.partitions
            except stuck_postgres.LockTimeout:
                if ended := await stuck_postgres.end_stuck(connection):
                    _logger.warning("%d projectors stood still and were cut off", ended)
                raise  # and this is tried again
        return []

    async def note_failure(self, row: tuple[object, ...]) -> None:
        """Write down what stopped a partition, in place of what did before."""
        async with self._connection() as connection:
            await _upsert(connection, FAILURES_UPSERT, [row])

    async def defer_indexes(self) -> None:
        """Drop what only slows loading, if no movement is there yet.

        The catalogue itself says which indexes are missing, so that a crash forgets nothing.
        """
        async with self._connection() as connection:
            try:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
                    await connection.execute("LOCK TABLE movements IN ACCESS EXCLUSIVE MODE")
                    if await connection.fetchval("SELECT EXISTS (SELECT FROM movements)"):
                        return
                    for index in DEFERRED_INDEXES:
                        await connection.execute(f"DROP INDEX IF EXISTS {index.name}")
            except asyncpg.LockNotAvailableError:
                return  # somebody reads or writes; loading is slower then, and as right

    async def build_indexes(self) -> None:
        """Make every index that is missing, beside others who do. Writers wait meanwhile, readers
        do not."""
        async with self._connection() as connection:
            await build_indexes(connection, DEFERRED_INDEXES)

    async def _compare(self, connection: Any, changes: Sequence[Changes]) -> None:
        """Lock the checkpoints of these partitions alone: others may be written meanwhile.

        In the order of partitions, lest two projectors lock crosswise.
        """
        advances = [one.advance for one in changes]
        fresh = checkpoints.initial_rows(self._group, advances)
        if fresh:
            await connection.executemany(
                f"INSERT INTO view_positions ({checkpoints.INSERT_COLUMNS})"  # noqa: S608
                " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                fresh,
            )
        partitions = [step.partition for step in advances]
        locked = await connection.fetch(_LOCK, self._group, partitions)
        checkpoints.compare(advances, checkpoints.from_rows(locked))

    async def _save(self, connection: Any, changes: Sequence[Changes]) -> None:
        steps = [(one.partition, one.advance.after) for one in changes]
        await connection.execute(
            _SAVE,
            self._group,
            [partition for partition, _ in steps],
            [after.position for _, after in steps],
            [after.head for _, after in steps],
            [after.head_offset for _, after in steps],
        )

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """The driver's own connection; its errors as this port's. A broken one is given up.

        Not by who still waits for it, for then it is somebody else's.
        """
        async with self._turn:
            try:
                if self._held is None:
                    self._held = await self._engine.raw_connection()
                    await stuck_postgres.prepare(self._held.driver_connection)
                yield self._held.driver_connection
            except _REFUSED as error:
                raise ChangesRefused(f"{type(error).__name__}: {error}") from error
            except UNAVAILABLE as error:
                self._give_up()
                raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
            except BaseException:
                self._give_up()
                raise


async def _write_views(connection: Any, changes: Sequence[Changes]) -> None:
    await _copy_movements(connection, [row for one in changes for row in one.movements])
    await _copy(
        connection, refusals.name, refusals, [row for one in changes for row in one.refusals]
    )
    voids = [row for one in changes for row in one.voids]
    await _copy(connection, void_records.name, void_records, voids)
    definitions = [row for one in changes for row in one.definitions]
    await _copy(connection, item_definitions.name, item_definitions, definitions)
    stock_rows: list[Row] = []
    totals_rows: list[Row] = []
    for one in changes:
        of_accounts, of_skus = one.stock.rows(one.partition)
        stock_rows += of_accounts
        totals_rows += of_skus
        await asyncio.sleep(0)
    for upsert, rows in (
        (STOCK_UPSERT, stock_rows),
        (TOTALS_UPSERT, totals_rows),
        (ITEMS_UPSERT, [row for one in changes for row in one.items.values()]),
    ):
        await _upsert(connection, upsert, rows)
    # After the COPY: a movement may be reversed in the batch that brings it.
    reversals = [row for one in changes for row in one.reversals]
    if reversals:
        await connection.execute(_REVERSE, *map(list, zip(*reversals, strict=True)))
    await _write_supply(connection, changes)


async def _write_supply(connection: Any, changes: Sequence[Changes]) -> None:
    parts = [(one.partition, one.supply) for one in changes]
    for table, rows in (
        (supply_orders, [row for _, one in parts for row in one.orders]),
        (supply_changes, [row for _, one in parts for row in one.changes]),
        (supply_receipts, [row for _, one in parts for row in one.receipts]),
    ):
        await _copy(connection, table.name, table, rows)
    for statement, rows in (
        (UPDATE_ORDERS, [row for number, one in parts for row in one.order_updates(number)]),
        (UPDATE_RECEIVED, [row for number, one in parts for row in one.received_updates(number)]),
    ):
        if rows:
            arrays = map(list, zip(*rows, strict=True))
            await connection.execute(statement.postgresql, *arrays, timeout=STATEMENT_SECONDS)


async def _copy_movements(connection: Any, rows: Sequence[Any]) -> None:
    if rows:
        await connection.copy_to_table(
            movements.name,
            source=_with_pauses(copy_stream(rows), 1),
            columns=column_names(movements),
            format="binary",
            timeout=STATEMENT_SECONDS,
        )


async def _copy(connection: Any, into: str, table: Table, rows: list[Row]) -> None:
    if rows:
        await connection.copy_records_to_table(
            into,
            records=rows if len(rows) <= ROWS_AT_A_TIME else _with_pauses(rows, ROWS_AT_A_TIME),
            columns=column_names(table),
            timeout=STATEMENT_SECONDS,
        )


async def _with_pauses(parts: Iterable[_Part], between: int) -> AsyncIterator[_Part]:
    """The same, but the rest of the event loop gets its turn after every so many."""
    for number, part in enumerate(parts, 1):
        yield part
        if number % between == 0:
            await asyncio.sleep(0)


async def _upsert(connection: Any, upsert: Upsert, rows: list[Row]) -> None:
    """Few rows as arrays in one statement; many by way of a table of this connection alone."""
    if len(rows) < ROWS_AT_A_TIME:
        if rows:
            arrays = map(list, zip(*rows, strict=True))
            await connection.execute(upsert.postgresql, *arrays, timeout=STATEMENT_SECONDS)
        return
    staging = f"{upsert.table.name}_changes"
    await connection.execute(
        f"CREATE TEMPORARY TABLE {staging} (LIKE {upsert.table.name}) ON COMMIT DROP"
    )
    await _copy(connection, staging, upsert.table, rows)
    await connection.execute(upsert.from_table(staging), timeout=STATEMENT_SECONDS)
