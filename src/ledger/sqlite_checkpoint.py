"""Checkpoints of SQLite files: what lies in a write-ahead log is moved into the file.

Before SQLite 3.51.3 (backported to 3.44.6 and 3.50.7) a write-ahead log that begins again while
another connection makes a checkpoint may lose what is written from then on. It cannot begin again
while somebody reads from it, so each checkpoint is made while a connection of its own does
(`checkpoint`), and SQLite makes none by itself (`NONE_BY_ITSELF`), but for the last connection to a
file when it is closed. Where all is moved already that one reads the file alone, and while anybody
does nothing is moved.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

# For every connection that may write.
NONE_BY_ITSELF: Final = "PRAGMA wal_autocheckpoint = 0"
# So much is committed between two checkpoints, or so long.
COMMITTED_BYTES: Final = 4 * 1024 * 1024
COMMITTED_SECONDS: Final = 1.0


def checkpoint(connection: sqlite3.Connection, reading: sqlite3.Connection) -> int:
    """Move what can be moved, waiting for nobody; the answer is how many pages are ahead, moved or
    not, and -1 if somebody else is doing it.

    `reading` sees the file as it is until this is over. Raises sqlite3.Error.
    """
    reading.execute("BEGIN")
    try:
        # The transaction begins with what it reads.
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        busy, ahead, _ = connection.execute("PRAGMA main.wal_checkpoint(PASSIVE)").fetchone()
    finally:
        reading.execute("ROLLBACK")
    return -1 if busy else int(ahead)


class BehindCommits:
    """Checkpoints made by who commits, where that one may take its time. For one thread."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """`connect` gives one more connection to the file, when it is needed."""
        self._connect = connect
        self._reading: sqlite3.Connection | None = None
        self._bytes = 0
        self._last = time.monotonic()

    def committed(self, connection: sqlite3.Connection, size: int) -> None:
        """About so many bytes were committed, by a connection that is in no transaction."""
        self._bytes += size
        now = time.monotonic()
        if self._bytes < COMMITTED_BYTES and now < self._last + COMMITTED_SECONDS:
            return
        # Where it fails nothing is lost, and the next one does its work too.
        with suppress(sqlite3.Error):
            if self._reading is None:
                self._reading = self._connect()
            checkpoint(connection, self._reading)
        self._bytes, self._last = 0, now

    def close(self) -> None:
        """Close the connection of its own."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()
