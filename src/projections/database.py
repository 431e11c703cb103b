"""The database of the read models: connections for reading, and where to write.

Routes get a `ReadConnection`, which cannot write. Only the runner writes, through `ViewStore`.
"""

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Executable, RowMapping, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.errors import LedgerError
from ledger.sqlite_reading import Mark, mark_of, read_only_uri
from projections.engines import new_engine

POSTGRESQL = "postgresql+asyncpg"
SQLITE = "sqlite+aiosqlite"
POSTGRESQL_PORT = 5432
_OF_THIS_MACHINE = frozenset({"", "localhost", "127.0.0.1", "::1"})
POOL_CONNECTIONS_MAX = 20
POOL_WAIT_SECONDS = 10
SQLITE_BUSY_MS = 10_000
CONNECT_SECONDS = 10


class DatabaseUnsupported(LedgerError):
    """The database URL is not one of postgresql+asyncpg:// and sqlite+aiosqlite:///file."""


class DatabaseUnavailable(LedgerError):
    """The database of the views cannot be used at the moment."""


class ReadConnection:
    """One consistent view of the database for one request; it cannot write."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        """Read through this connection, whose transaction is read-only."""
        self._connection = connection

    @property
    def is_sqlite(self) -> bool:
        """Whether the answers come from an SQLite file."""
        return self._connection.dialect.name == "sqlite"

    async def all(
        self, query: Executable, parameters: Mapping[str, Any] | None = None
    ) -> list[RowMapping]:
        """Every row of the answer."""
        result = await self._connection.execute(query, parameters)
        return list(result.mappings().all())

    async def rows(
        self, query: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Sequence[Any]]:
        """Every row of the answer, its values in the order of the columns: for many rows."""
        result = await self._connection.execute(query, parameters)
        return result.all()

    async def first(
        self, query: Executable, parameters: Mapping[str, Any] | None = None
    ) -> RowMapping | None:
        """The first row of the answer, or None."""
        result = await self._connection.execute(query, parameters)
        return result.mappings().first()

    async def parts(
        self, query: Executable, parameters: Mapping[str, Any], rows_max: int
    ) -> AsyncIterator[Sequence[Any]]:
        """The rows of the answer, as many at a time; for answers that are too long for `all`."""
        result = await self._connection.stream(query, parameters)
        async for part in result.partitions(rows_max):
            yield part

    async def driver(self) -> Any:
        """The driver's own connection, in the same transaction: for what only it does fast.

        Something must have been asked before, for that begins the transaction.
        """
        return (await self._connection.get_raw_connection()).driver_connection


class Database:
    """Engines for one database URL. Nothing connects before it is used."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        """A `read_only` file is opened so that nothing of it changes, and nothing is made.

        Raises DatabaseUnsupported.
        """
        self.url = parse_url(url)
        self._engine: AsyncEngine | None = None
        self._read_only = read_only
        # Of a file that nobody wrote to when it was opened (`ledger.sqlite_reading`).
        self._mark: Mark | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether the views lie in an SQLite file."""
        return self.url.drivername == SQLITE

    @property
    def address(self) -> str | None:
        """Server and name of the database, without user and password; None for a file.

        Two that have the same are taken for one. So what is only known on one machine, as
        `localhost` is, has the machine's name in it.
        """
        if self.is_sqlite:
            return None
        url, query = self.url, self.url.query
        host = str(query.get("host") or url.host or "").lower()
        if host in _OF_THIS_MACHINE or host.startswith("/"):
            host = f"{socket.gethostname()}:{host}"
        port = query.get("port") or url.port or POSTGRESQL_PORT
        return f"{host}:{port}/{url.database or ''}"

    async def open(self) -> None:
        """Prepare the pool; the file's folder is made where the database is SQLite."""
        if self._engine is not None:
            return
        if self.is_sqlite:
            self._engine = new_engine(self._file_url())
            event.listen(self._engine.sync_engine, "connect", _read_only_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        else:
            self._engine = new_engine(
                self.url,
                pool_size=POOL_CONNECTIONS_MAX,
                max_overflow=0,
                pool_timeout=POOL_WAIT_SECONDS,
                pool_pre_ping=True,
                isolation_level="REPEATABLE READ",
                execution_options={"postgresql_readonly": True},
                connect_args={"timeout": CONNECT_SECONDS},
            )

    def _file_url(self) -> URL:
        path = sqlite_path(self.url)
        if not self._read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
            return self.url
        self._mark = mark_of(path)
        location, _, flags = read_only_uri(path, self._mark).partition("?")
        return self.url.set(database=location).update_query_string(f"{flags}&uri=true")

    async def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.dispose()

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[ReadConnection]:
        """A connection whose queries all see the database as it was at the first of them.

        Raises DatabaseUnavailable.
        """
        if self._engine is None:
            raise AssertionError("the database is read before open()")
        if self._is_written_now():
            await self._open_again()
        try:
            async with self._engine.connect() as connection:
                yield ReadConnection(connection)
        except (SQLAlchemyError, OSError) as error:
            self._confirm_still()
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
        self._confirm_still()

    async def _open_again(self) -> None:
        """The new engine is there before anything is waited for, or others would find none."""
        engine, self._engine = self._engine, None
        await self.open()
        if engine is not None:
            await engine.dispose()

    def _is_written_now(self) -> bool:
        return self._mark is not None and mark_of(sqlite_path(self.url)) != self._mark

    def _confirm_still(self) -> None:
        """What was read while somebody began to write may be of two states, or of none."""
        if self._is_written_now():
            raise DatabaseUnavailable("somebody began to write the views; try again")


def storable(*texts: str | None) -> bool:
    """Whether the texts can be in a database at all; otherwise no row can match them."""
    return not any(text is not None and "\0" in text for text in texts)


def parse_url(url: str) -> URL:
    """The URL in parts; a plain `postgresql://` or `sqlite:///` gets its driver.

    Raises DatabaseUnsupported.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUnsupported from error
    drivers = {"postgresql": POSTGRESQL, "postgres": POSTGRESQL, "sqlite": SQLITE}
    parsed = parsed.set(drivername=drivers.get(parsed.drivername, parsed.drivername))
    if parsed.drivername not in (POSTGRESQL, SQLITE):
        raise DatabaseUnsupported
    # Reader and writer are connections of their own, so a private memory would be two databases.
    if parsed.drivername == SQLITE and parsed.database in (None, "", ":memory:"):
        raise DatabaseUnsupported
    return parsed


def sqlite_path(url: URL) -> Path:
    """The file of an SQLite database."""
    return Path(url.database or "")


def _read_only_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, and not before reading.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
