"""Rebuilding in SQLite: a side is a file beside the live one, copied into it in one transaction.

Files in use cannot change places, and indexes of one file cannot share a name, so the rows are
copied. Where a table is empty, SQLite takes over the entries of the table and of each index as they
are, in their order, without looking into rows or sorting. Readers see the views of before until it
is done, and projectors wait.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import URL

from ledger.presence import exists
from ledger.sqlite_checkpoint import COMMITTED_BYTES, BehindCommits
from projections import checkpoints
from projections.database import Database, DatabaseUnavailable, sqlite_path
from projections.derived import DERIVED, DERIVED_GROUPS
from projections.failures import view_failures
from projections.rebuilding import claim_sqlite
from projections.rebuilding.comparing_sqlite import (
    SIDE,
    SqliteComparing,
    in_thread,
    read_only,
)
from projections.rebuilding.errors import ViewsInUse
from projections.rebuilding.sites import BEFORE, BUILD, Comparing, Note, Positions, Side
from projections.sqlite_writing import connect

NOTE_TABLE = "rebuild_note"
_PASSING = "passing"
_GROUPS = ", ".join(f"'{one}'" for one in DERIVED_GROUPS)
# Of the one transaction for which projectors wait. Pages that are emptied are filled again in it,
# so that zeroes in between, which some builds of SQLite write, are for nothing. And what fits into
# memory (256 MiB, of some 500,000 movements) is written once, at the end.
_EXCHANGE_SETTINGS = ("PRAGMA main.secure_delete = OFF", "PRAGMA main.cache_size = -262144")
_COLUMNS = checkpoints.INSERT_COLUMNS
_SCHEMA = "SELECT sql FROM live.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"

_Answer = TypeVar("_Answer")


class SqliteSite:
    """Works in a thread of its own; a lock on one more file is the right to rebuild."""

    def __init__(self, url: URL) -> None:
        """`url` is that of the live views."""
        self._url = url
        self._path = sqlite_path(url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rebuild")
        self._connection: sqlite3.Connection | None = None
        self._claimed: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Connect."""
        await self._run(self._connected)

    async def claim(self) -> None:
        """Take the right to rebuild, which ends with the process at the latest."""
        await self._run(self._claim)

    async def claimed(self) -> bool:
        """Whether another process holds the lock."""
        return await self._run(lambda: claim_sqlite.is_taken(self._file("lock")))

    async def close(self) -> None:
        """Let go of all files."""
        with suppress(DatabaseUnavailable):
            await self._run(self._disconnect)
        self._thread.shutdown(wait=False)

    def database(self, side: Side) -> Database:
        """The side as a database of its own."""
        url = self._url.set(database=str(self._file(side)))
        return Database(url.render_as_string(hide_password=False))

    async def revision(self) -> str:
        """The revision of the live tables."""
        query = "SELECT version_num FROM alembic_version"
        return await self._run(lambda: str(self._connected().execute(query).fetchone()[0]))

    async def note(self, side: Side) -> Note | None:
        """What is written down of a side."""
        return await self._run(lambda: _read_note(self._file(side)))

    async def make(self, side: Side, note: Note) -> None:
        """Make a side. It is there once its note is."""
        await self._run(lambda: self._make(side, note))

    async def drop(self, side: Side) -> None:
        """Remove a side."""
        await self._run(lambda: _remove(self._file(side)))

    async def positions(self) -> Positions:
        """How far the live views are."""
        return await self._run(lambda: _positions(self._connected()))

    async def analyze(self, side: Side) -> None:
        """Nothing: SQLite plans without."""

    @asynccontextmanager
    async def fence(self) -> AsyncIterator[Positions]:
        """Hold the right to write to the live file. Who reads does not wait."""
        try:
            await self._run(self._begin)
            yield await self.positions()
            await self._run(self._commit)
        finally:
            await self._run(self._end)

    async def prepare(self, kept: Note) -> None:
        """Copy the live rows to a third file, while they are read and written."""
        await self._run(lambda: self._make(_PASSING, None))
        await self._run(lambda: self._copy_out(kept))

    async def exchange(self, side: Side, kept: Note) -> None:
        """Copy the side's rows over the live ones."""
        mark = (checkpoints.EXCHANGE_GROUP, 0, kept.build_id, kept.kept_ms, "", -1)
        await self._run(lambda: self._copy_in(side, mark))

    async def settle(self) -> None:
        """Behind an exchange: the third file is that of the views kept, the side is not needed.

        A third file of an exchange that did not take place is of no use.
        """
        marks = (await self.positions()).get(checkpoints.EXCHANGE_GROUP, {})
        await self._run(lambda: self._put_away(marks[0].ledger_id if marks else ""))

    @asynccontextmanager
    async def comparing(self, side: Side) -> AsyncIterator[Comparing]:
        """One connection to both files, each as it is now."""
        comparing = SqliteComparing(self._path, self._file(side))
        try:
            await comparing.begin()
            yield comparing
        finally:
            await comparing.close()

    async def _run(self, work: Callable[[], _Answer]) -> _Answer:
        return await in_thread(self._thread, work)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
        return self._connection

    def _claim(self) -> None:
        self._claimed = claim_sqlite.take(self._file("lock"))

    def _disconnect(self) -> None:
        for connection in (self._connection, self._claimed):
            if connection is not None:
                connection.close()
        self._connection = self._claimed = None

    def _file(self, side: str) -> Path:
        return self._path.with_name(f"{self._path.stem}.{side}{self._path.suffix}")

    def _make(self, side: str, note: Note | None) -> None:
        """The same tables as the live ones, with the revision that they are of."""
        _remove(self._file(side))
        connection = connect(self._file(side))
        try:
            connection.execute("ATTACH ? AS live", (read_only(self._path),))
            connection.execute("BEGIN")
            for (statement,) in connection.execute(_SCHEMA).fetchall():
                connection.execute(statement)
            connection.execute("INSERT INTO alembic_version SELECT * FROM live.alembic_version")
            connection.execute(f"CREATE TABLE {NOTE_TABLE} (note text)")
            if note is not None:
                connection.execute(f"INSERT INTO {NOTE_TABLE} VALUES (?)", (_encoded(note),))  # noqa: S608
            connection.execute("COMMIT")
        finally:
            connection.close()

    def _begin(self) -> None:
        """Write nothing, which takes the right to write to this file and leaves others alone."""
        connection = self._connected()
        connection.execute("BEGIN")
        try:
            connection.execute("DELETE FROM view_positions WHERE FALSE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise ViewsInUse("another process is writing the live views") from None
            raise

    def _commit(self) -> None:
        connection = self._connected()
        connection.execute("COMMIT")
        # It may be much, and nobody who writes on should have to move it.
        with closing(BehindCommits(lambda: connect(self._path, make=False))) as behind:
            behind.committed(connection, COMMITTED_BYTES)

    def _end(self) -> None:
        connection = self._connected()
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        attached = [row[1] for row in connection.execute("PRAGMA database_list")]
        if SIDE in attached:
            connection.execute(f"DETACH {SIDE}")

    def _copy_out(self, note: Note) -> None:
        """The live views as they are now, in a file of their own, with a note once it is whole."""
        connection = connect(self._file(_PASSING))
        try:
            connection.execute("ATTACH ? AS live", (read_only(self._path),))
            connection.execute("BEGIN")
            _copy(connection, "live", "main")
            connection.execute("DELETE FROM main.view_positions")
            connection.execute(
                f"INSERT INTO main.view_positions ({_COLUMNS}) SELECT {_COLUMNS}"  # noqa: S608
                f" FROM live.view_positions WHERE view_group IN ({_GROUPS})"
            )
            connection.execute(f"INSERT INTO main.{NOTE_TABLE} VALUES (?)", (_encoded(note),))  # noqa: S608
            connection.execute("COMMIT")
        finally:
            connection.close()

    def _copy_in(self, side: Side, mark: tuple[object, ...]) -> None:
        connection = self._connected()
        connection.execute(f"ATTACH ? AS {SIDE}", (read_only(self._file(side)),))
        for setting in _EXCHANGE_SETTINGS:
            connection.execute(setting)
        for table in DERIVED:
            connection.execute(f"DELETE FROM main.{table.name}")  # noqa: S608
        _copy(connection, SIDE, "main")
        connection.execute(f"DELETE FROM main.{view_failures.name}")  # noqa: S608
        connection.execute(
            "DELETE FROM main.view_positions"  # noqa: S608
            f" WHERE view_group IN ({_GROUPS}, '{checkpoints.EXCHANGE_GROUP}')"
        )
        connection.execute(
            f"INSERT INTO main.view_positions ({_COLUMNS}) SELECT {_COLUMNS}"  # noqa: S608
            f" FROM {SIDE}.view_positions WHERE view_group IN ({_GROUPS})"
        )
        connection.execute(
            f"INSERT INTO main.view_positions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            mark,
        )

    def _put_away(self, exchanged: str) -> None:
        passing, built = self._file(_PASSING), self._file(BUILD)
        if _id_of(passing) == exchanged:
            _remove(self._file(BEFORE))
            # Closed in order, everything of it is in the one file.
            passing.replace(self._file(BEFORE))
        _remove(passing)
        if _id_of(built) == exchanged:
            _remove(built)


def _copy(connection: sqlite3.Connection, source: str, target: str) -> None:
    """Between tables of the same revision, whose columns are in the same order."""
    for table in DERIVED:
        connection.execute(
            f"INSERT INTO {target}.{table.name} SELECT * FROM {source}.{table.name}"  # noqa: S608
        )


def _positions(connection: sqlite3.Connection) -> dict[str, dict[int, checkpoints.Checkpoint]]:
    found: dict[str, dict[int, checkpoints.Checkpoint]] = {}
    query = f"SELECT view_group, {checkpoints.SELECT_COLUMNS} FROM view_positions"  # noqa: S608
    for group, *row in connection.execute(query):
        found.setdefault(group, {}).update(checkpoints.from_rows([row]))
    return found


def _encoded(note: Note) -> str:
    return msgspec.json.encode(note).decode()


def _read_note(path: Path) -> Note | None:
    if not exists(path):
        return None
    connection = sqlite3.connect(read_only(path), uri=True)
    try:
        row = connection.execute(f"SELECT note FROM {NOTE_TABLE}").fetchone()  # noqa: S608
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None  # its making was broken off
        raise
    finally:
        connection.close()
    return None if row is None else msgspec.json.decode(row[0], type=Note)


def _id_of(path: Path) -> str | None:
    note = _read_note(path)
    return None if note is None else note.build_id


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
