"""The SQLite file of an embedded log: how it is made, opened and checked.

A record's place is one integer, partition * 2^40 + offset, and the key of the table: appending to
twelve partitions is then twelve runs of one tree, which was measured faster than a compound key.
The two virtual columns take no room and let people ask by partition and offset.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ledger.errors import LogMisconfigured, LogRegressed, LogUnavailable
from ledger.sqlite_checkpoint import NONE_BY_ITSELF
from ledger.sqlite_reading import BUSY_SECONDS, SqliteReading, missing_beside

APPLICATION_ID = 0x73746B6C  # "stkl"
USER_VERSION = 1
OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1
OPEN_RETRY_SECONDS = 0.05
PAGE_BYTES = 8192
DURABLE = "PRAGMA synchronous = FULL"
CACHE = f"PRAGMA cache_size = -{32 * 1024}"

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS ledger (partitions INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    place INTEGER PRIMARY KEY,
    "partition" INTEGER GENERATED ALWAYS AS (place >> {OFFSET_BITS}) VIRTUAL,
    "offset" INTEGER GENERATED ALWAYS AS (place & {OFFSET_MASK}) VIRTUAL,
    stated INTEGER,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    traceparent BLOB,
    timestamp_ms INTEGER NOT NULL
);
"""

# Errors at which SQLite certainly has not stored a transaction, also if they come at its commit.
SURELY_NOT_STORED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}
# A race of two processes that make the file at once; the loser tries again.
PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
Result = TypeVar("Result")


def place_of(partition: int, offset: int) -> int:
    """Return the key of the record at an offset."""
    return (partition << OFFSET_BITS) + offset


def offset_of(place: int) -> int:
    """Return the offset in a record's key."""
    return place & OFFSET_MASK


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's result code without its detail; -1 where the error has none."""
    code: int = getattr(error, "sqlite_errorcode", -1)
    return code & 0xFF if code >= 0 else -1


def retried(open_file: Callable[[], Result]) -> Result:
    """Open a file, again while another process is making it.

    SQLite does not wait for others where the journal mode changes, whatever its busy timeout.
    Raises sqlite3.Error.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return open_file()
        except sqlite3.Error as error:
            if primary_code(error) not in PASSING or time.monotonic() > deadline:
                raise
            time.sleep(OPEN_RETRY_SECONDS)


class LogFile:
    """One file, known by its inode: a file put in its place is not the same log."""

    def __init__(self, path: Path, partitions: int) -> None:
        """Prepare; `open` touches the file."""
        self.path = path
        self.partitions = partitions
        self._identity: tuple[int, int] | None = None

    def open(self) -> sqlite3.Connection:
        """Make the file if there is none; return the connection to write with.

        Raises LogMisconfigured if the file is something else, LogUnavailable.
        """
        return self._known(lambda: retried(self._open))

    def open_to_read(self) -> None:
        """Know the file from now on, which has to be there. Raises as `open` does."""
        with contextlib.closing(self.reading()) as reading:
            self._known(lambda: self.await_made(reading))
            self._known(lambda: reading.run(self._refuse_foreign))

    @property
    def was_opened(self) -> bool:
        """Whether it is known which file it is."""
        return self._identity is not None

    @property
    def identity(self) -> tuple[int, int]:
        """Which file it is, once it was opened."""
        assert self._identity is not None
        return self._identity

    def join(self, identity: tuple[int, int]) -> sqlite3.Connection:
        """A connection to write with, to a file that another process has opened.

        Raises sqlite3.Error, LogRegressed if it is not there any more.
        """
        self._identity = identity
        self.confirm_identity()
        connection = retried(self._connect_to_write)
        self.confirm_identity()
        return connection

    def _connect_to_write(self) -> sqlite3.Connection:
        connection = self.connect()
        try:
            prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _known(self, open_file: Callable[[], Result]) -> Result:
        try:
            opened = open_file()
        except sqlite3.Error as error:
            if primary_code(error) == sqlite3.SQLITE_NOTADB:
                raise LogMisconfigured(f"{self.path} is not a SQLite file") from error
            why = f"{error}{missing_beside(self.path)}"
            raise LogUnavailable(f"{self.path} cannot be opened: {why}") from error
        self._identity = self._found_identity()
        return opened

    def await_made(self, reading: SqliteReading) -> None:
        """While another process is making the file it is a database without tables."""
        deadline = time.monotonic() + BUSY_SECONDS
        while reading.run(_is_empty) and time.monotonic() < deadline:
            time.sleep(OPEN_RETRY_SECONDS)

    def reading(self) -> SqliteReading:
        """One more connection, to read; it connects when it is used."""
        return SqliteReading(self.path, CACHE)

    def ahead_bytes(self) -> int:
        """How much the write-ahead log may hold: so large it has been since it was made."""
        try:
            return Path(f"{self.path}-wal").stat().st_size
        except OSError:
            return 0

    def confirm_identity(self) -> None:
        """Raise LogRegressed if the path leads to another file than the one that was opened."""
        if self._found_identity() != self._identity:
            raise LogRegressed(f"{self.path} was deleted or replaced")

    def foreign(self, connection: sqlite3.Connection) -> list[str]:
        """Why the file is no log that this version knows, in a sentence. Raises sqlite3.Error."""
        # Asked first: whoever makes the tables marks the file in the same transaction.
        if _is_empty(connection):
            return [f"{self.path} is empty: nobody has made it a log."]
        if _application(connection) != APPLICATION_ID:
            return [f"{self.path} is a SQLite file of something else."]
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != USER_VERSION:
            return [f"{self.path} has format {version}; this version knows {USER_VERSION}."]
        return []

    def connect(self, *, make: bool = False) -> sqlite3.Connection:
        """One more connection that may write; the file is there, or is to be made.

        Raises sqlite3.Error.
        """
        # Python's own check would forbid closing it from another thread than the one it works in.
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={'rwc' if make else 'rw'}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    def _open(self) -> sqlite3.Connection:
        connection = self.connect(make=True)
        try:
            empty = _is_empty(connection)
            if not empty:
                self._refuse_foreign(connection)
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            connection.execute("PRAGMA journal_mode = WAL")
            prepare(connection)
            if empty:
                self._make(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")  # another process may be making it
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO ledger SELECT ? WHERE NOT EXISTS (SELECT * FROM ledger)",
            (self.partitions,),
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {USER_VERSION}")
        connection.execute("COMMIT")

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        foreign = self.foreign(connection)
        if foreign:
            raise LogMisconfigured(" ".join(foreign))

    def _found_identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116  (runs at every read and every group)
        except OSError:
            return None
        return found.st_dev, found.st_ino


def prepare(connection: sqlite3.Connection) -> None:
    """Make a connection one to write with. Raises sqlite3.Error."""
    connection.execute(CACHE)
    # Where many rows wait until it is known where partitions end (sqlite_rows.py).
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(DURABLE)
    connection.execute(NONE_BY_ITSELF)


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever put into the database.

    Who makes a log marks it in the same transaction: one that is marked has lost its tables, or
    was made just now.
    """
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not tables and _application(connection) != APPLICATION_ID


def _application(connection: sqlite3.Connection) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return int(application)
