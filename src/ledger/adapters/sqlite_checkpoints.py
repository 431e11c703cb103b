"""Checkpoints of a SQLite log: what lies in its write-ahead log is moved into the file.

Left to SQLite, a commit does it when much has gathered there, and whoever commits waits for that: a
tenth of a second for 32 MB. Here a thread of its own moves most of it meanwhile. Only the last,
what was written while it did, is left to the writer, behind which the write-ahead log begins again
from its start.

Each is made as `ledger.sqlite_checkpoint` says, and SQLite makes none by itself.
"""

import sqlite3
import threading
from contextlib import ExitStack, closing, suppress
from typing import Final

from ledger.adapters.sqlite_file import DURABLE, PAGE_BYTES, LogFile
from ledger.errors import LedgerError
from ledger.sqlite_checkpoint import ALONE_WAIT_MS, checkpoint

# So many bytes get into the write-ahead log between two of them; and until the writer makes one.
CHECKPOINT_BYTES: Final = 16 * 1024 * 1024
FINISH_BYTES: Final = 64 * 1024 * 1024
# Pages that an append changes beside those that its values fill.
_PAGES_MORE: Final = 2


class Checkpoints:
    """Made whenever enough was written. For the one thread that writes, but for its own."""

    def __init__(self, file: LogFile) -> None:
        """There is no thread before it has something to do."""
        self._file = file
        # About so many bytes are in the write-ahead log, and so many since the thread was told.
        self._held = file.ahead_bytes()
        self._bytes = 0
        self._due = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._opened = ExitStack()
        self._reading: sqlite3.Connection | None = None

    def written(self, size: int, appends: int) -> None:
        """So many bytes of values were committed, in so many appends."""
        size += appends * _PAGES_MORE * PAGE_BYTES
        self._held += size
        self._bytes += size
        if self._bytes < CHECKPOINT_BYTES:
            return
        self._bytes = 0
        self._due.set()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="log-checkpoint", daemon=True)
            with suppress(RuntimeError):  # there may be no room for one more, for a while
                thread.start()
                self._thread = thread

    def finish(self, connection: sqlite3.Connection) -> None:
        """Between two commits of the writer's `connection`: move the rest if there is much.

        The next commit begins the write-ahead log again unless somebody still reads what was
        written before. So it is looked at behind every commit until it has become short.
        """
        if self._held < FINISH_BYTES:
            return
        # Where it fails nothing is lost, and it is tried again behind the next commit.
        with suppress(Exception):
            if self._reading is None:
                self._reading = self._opened.enter_context(closing(self._connected()))
                self._reading.execute(f"PRAGMA busy_timeout = {ALONE_WAIT_MS}")
            # Other processes may write too.
            ahead = checkpoint(connection, self._reading, alone=True)
            if ahead >= 0:
                self._held = ahead * PAGE_BYTES

    def stop(self) -> None:
        """Finish the one at hand; returns when all connections are closed."""
        self._stopping = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()
        self._opened.close()

    def _run(self) -> None:
        with ExitStack() as opened:
            pair: list[sqlite3.Connection] = []
            while self._due.wait():
                self._due.clear()
                if self._stopping:
                    return
                # Where it fails, the next one does its work too, or the writer.
                with suppress(sqlite3.Error, LedgerError):
                    while len(pair) < 2:  # noqa: PLR2004
                        pair.append(opened.enter_context(closing(self._connected())))
                    checkpoint(*pair)

    def _connected(self) -> sqlite3.Connection:
        """One more connection to the file that the writer has open."""
        self._file.confirm_identity()
        connection = self._file.connect()
        try:
            connection.execute(DURABLE)
        except sqlite3.Error:
            connection.close()
            raise
        return connection
