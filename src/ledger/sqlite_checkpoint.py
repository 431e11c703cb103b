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
# Where so many pages are ahead, nobody may write during a checkpoint: of what is written meanwhile
# some would always be ahead, and the write-ahead log would never begin again.
ALONE_PAGES: Final = 4_096
# So long is the right to write waited for then.
ALONE_WAIT_MS: Final = 500


def checkpoint(
    connection: sqlite3.Connection, reading: sqlite3.Connection, *, alone: bool = False
) -> int:
    """Move what can be moved; the answer is how many pages are ahead, moved or not, and -1 if
    somebody else is doing it.

    `reading` sees the file as it is until this is over. `alone`: it keeps others from writing too,
    if it gets the right to write in as long as it waits for it. Raises sqlite3.Error.
    """
    _begin(reading, alone=alone)
    try:
        # The transaction begins with what it reads.
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        busy, ahead, _ = connection.execute("PRAGMA main.wal_checkpoint(PASSIVE)").fetchone()
    finally:
        reading.execute("ROLLBACK")
    return -1 if busy else int(ahead)


def _begin(reading: sqlite3.Connection, *, alone: bool) -> None:
    if alone:
        with suppress(sqlite3.OperationalError):
            reading.execute("BEGIN IMMEDIATE")
            return
    reading.execute("BEGIN")


class BehindCommits:
    """Checkpoints made by who commits, where that one may take its time. For one thread."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """`connect` gives one more connection to the file, which is there; when it is needed."""
        self._connect = connect
        self._reading: sqlite3.Connection | None = None
        self._bytes = self._ahead = 0
        self._last = time.monotonic()

    def committed(self, connection: sqlite3.Connection, size: int) -> None:
        """About so many bytes were committed, by a connection that is in no transaction."""
        self._bytes += size
        now = time.monotonic()
        if self._bytes < COMMITTED_BYTES and now < self._last + COMMITTED_SECONDS:
            return
        self._bytes, self._last = 0, now
        try:
            if self._reading is None:
                self._reading = self._connect()
                self._reading.execute(f"PRAGMA busy_timeout = {ALONE_WAIT_MS}")
            ahead = checkpoint(connection, self._reading, alone=self._ahead > ALONE_PAGES)
        except (sqlite3.Error, OSError):
            # Nothing is lost: what is committed stays so, and the next one does its work too.
            self.close()
        else:
            self._ahead = max(ahead, 0)

    def close(self) -> None:
        """Close the connection of its own."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()
