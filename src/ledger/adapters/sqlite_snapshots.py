"""Snapshots in a SQLite file of their own, so that they never hold up the log."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ledger.adapters.sqlite_file import retried
from ledger.errors import LogMisconfigured, LogReadOnly, LogUnavailable
from ledger.sqlite_checkpoint import NONE_BY_ITSELF, BehindCommits
from ledger.sqlite_reading import BUSY_SECONDS, SqliteReading

APPLICATION_ID = 0x73746B73  # "stks"
USER_VERSION = 1

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS manifests (ledger_partition INTEGER, generation INTEGER,"
    " manifest BLOB NOT NULL, PRIMARY KEY (ledger_partition, generation))",
    "CREATE TABLE IF NOT EXISTS parts (ledger_partition INTEGER, generation INTEGER, part INTEGER,"
    " data BLOB NOT NULL, PRIMARY KEY (ledger_partition, generation, part))",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {USER_VERSION}",
)
Result = TypeVar("Result")


class SqliteSnapshots:
    """A `SnapshotStore` in the file `path`, which is not the file of a log."""

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        """Prepare; `open` makes or opens the file.

        A `read_only` store is of a file that is there, and whatever writes raises LogReadOnly.
        """
        self._path = Path(path)
        self._reading = SqliteReading(self._path) if read_only else None
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._behind = BehindCommits(lambda: self._connect("rw"))

    async def open(self) -> None:
        """Make or open the file. Raises LogMisconfigured, LogUnavailable."""
        if self._thread is not None:
            return
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        try:
            if self._reading is not None:
                await self._run(self._reading.run, self._refuse_foreign)
            else:
                self._connection = await self._run(retried, self._open)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop, after what has been begun."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown)
        for connection in (self._behind, self._connection, self._reading):
            if connection is not None:
                connection.close()
        self._connection = None

    async def put(self, partition: int, generation: int, part: int, data: bytes) -> None:
        """Store one part. It is on disk at the latest when its generation is committed."""
        self._refuse_to_write()
        await self._run(self._put, partition, generation, part, data)

    async def commit(self, partition: int, generation: int, manifest: bytes) -> None:
        """Make the generation readable and durable, and drop what came before it.

        A commit of an older generation than the newest one changes nothing.
        """
        self._refuse_to_write()
        await self._run(self._commit, partition, generation, manifest)

    async def newest(self, partition: int) -> tuple[int, bytes] | None:
        """Return generation and manifest of the newest committed snapshot, or None."""
        rows = await self._execute(
            "SELECT generation, manifest FROM manifests WHERE ledger_partition = ?"
            " ORDER BY generation DESC LIMIT 1",
            (partition,),
        )
        return (rows[0][0], rows[0][1]) if rows else None

    async def parts(self, partition: int, generation: int) -> AsyncIterator[bytes]:
        """Give the parts of a generation in order of their number, one at a time."""
        last = -1
        while True:
            rows = await self._execute(
                "SELECT part, data FROM parts WHERE ledger_partition = ? AND generation = ?"
                " AND part > ? ORDER BY part LIMIT 1",
                (partition, generation, last),
            )
            if not rows:
                return
            last, data = rows[0]
            yield data

    async def delete_all(self) -> None:
        """Forget every snapshot."""
        self._refuse_to_write()
        await self._execute("DELETE FROM manifests")
        await self._execute("DELETE FROM parts")

    def _refuse_to_write(self) -> None:
        if self._reading is not None:
            raise LogReadOnly

    async def _execute(
        self, statement: str, values: tuple[object, ...] = ()
    ) -> list[tuple[Any, ...]]:
        return await self._run(self._fetch, statement, values)

    async def _run(self, work: Callable[..., Result], *arguments: object) -> Result:
        if self._thread is None:
            raise LogUnavailable("the snapshot store is not open")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work, *arguments)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", -1) == sqlite3.SQLITE_NOTADB:
                raise LogMisconfigured(f"{self._path} is not a SQLite file") from error
            raise LogUnavailable(f"{self._path}: {error}") from error

    # In the thread.

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    def _open(self) -> sqlite3.Connection:
        connection = self._connect("rwc")
        try:
            self._refuse_foreign(connection)
            connection.execute(NONE_BY_ITSELF)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if tables and (application, version) != (APPLICATION_ID, USER_VERSION):
            raise LogMisconfigured(f"{self._path} is a SQLite file of something else")

    def _fetch(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if self._reading is not None:
            return self._reading.run(lambda one: _rows(one, statement, values))
        return self._opened().execute(statement, values).fetchall()

    def _put(self, partition: int, generation: int, part: int, data: bytes) -> None:
        connection = self._opened()
        connection.execute(
            "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", (partition, generation, part, data)
        )
        self._behind.committed(connection, len(data))

    def _commit(self, partition: int, generation: int, manifest: bytes) -> None:
        connection = self._opened()
        # Parts are not synced one by one. Syncing this transaction syncs all that lie before it.
        connection.execute("PRAGMA synchronous = FULL")
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR REPLACE INTO manifests VALUES (?, ?, ?)",
                (partition, generation, manifest),
            )
            # A reader may be in the middle of the one before the newest: that one stays.
            keep = connection.execute(
                "SELECT generation FROM manifests WHERE ledger_partition = ?"
                " ORDER BY generation DESC LIMIT 2",
                (partition,),
            ).fetchall()
            oldest = (partition, keep[-1][0])
            for table in ("manifests", "parts"):
                connection.execute(
                    f"DELETE FROM {table} WHERE ledger_partition = ? AND generation < ?",  # noqa: S608
                    oldest,
                )
            connection.execute("COMMIT")
            self._behind.committed(connection, len(manifest))
        finally:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            connection.execute("PRAGMA synchronous = NORMAL")

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise LogUnavailable("the snapshot store is not open")
        return self._connection


def _rows(
    connection: sqlite3.Connection, statement: str, values: tuple[object, ...]
) -> list[tuple[Any, ...]]:
    """What a file that others make has; none where it has no tables yet."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection.execute(statement, values).fetchall() if tables else []
