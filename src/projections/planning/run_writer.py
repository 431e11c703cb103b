"""Writing the tables of planning, on both databases: short transactions of one connection each."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import Table, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import NullPool

from ledger.sqlite_checkpoint import NONE_BY_ITSELF
from projections.database import (
    CONNECT_SECONDS,
    SQLITE,
    SQLITE_BUSY_MS,
    DatabaseUnavailable,
    parse_url,
)
from projections.engines import new_engine
from projections.sqlite_writing import BesideEngine
from projections.statements import column_names

Row = tuple[Any, ...]
# The ids of events are random, so that each of a million goes to another page of their index. With
# SQLite's 2 MB such a transaction takes twice as long, and the projector waits ten seconds for it.
SQLITE_CACHE_KIB: Final = 64 * 1024


class PlanningWriter:
    """Transactions that may write. Every method raises DatabaseUnavailable."""

    def __init__(self, database_url: str, *, keeps_connection: bool = False) -> None:
        """Connects for each transaction, or once where there are many in a row.

        Raises DatabaseUnsupported.
        """
        url = parse_url(database_url)
        self.is_sqlite = url.drivername == SQLITE
        timeout = {"timeout": CONNECT_SECONDS}
        pool: dict[str, Any] = (
            {"pool_size": 1, "max_overflow": 0} if keeps_connection else {"poolclass": NullPool}
        )
        self._engine: AsyncEngine = new_engine(url, connect_args=timeout, **pool)
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        self._beside = BesideEngine(url)

    async def close(self) -> None:
        """Let go of everything."""
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Everything inside is written together, or nothing of it."""
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
        if self.is_sqlite:
            await self._beside.committed()

    async def seconds(self, connection: AsyncConnection) -> int:
        """Seconds since 1970 by the database's clock, which all processes share."""
        query = _SECONDS_SQLITE if self.is_sqlite else _SECONDS_POSTGRES
        return int((await connection.execute(text(query))).scalar_one())

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows whose values are in the order of the table's columns."""
        if not rows:
            return
        names = column_names(table)
        if self.is_sqlite:
            marks = ", ".join("?" for _ in names)
            statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
            await connection.exec_driver_sql(statement, list(rows))
            return
        import asyncpg  # a driver that an embedded ledger never needs

        held: Any = (await connection.get_raw_connection()).driver_connection
        try:
            await held.copy_records_to_table(table.name, records=rows, columns=names)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


_SECONDS_SQLITE = "SELECT CAST(strftime('%s', 'now') AS INTEGER)"
_SECONDS_POSTGRES = "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint"


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Transactions begin where `_begin_sqlite` says so.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")
    cursor.execute(NONE_BY_ITSELF)
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # IMMEDIATE: the right to write comes first, so that what was compared still holds at the end.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
