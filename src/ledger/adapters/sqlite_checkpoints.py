"""Checkpoints of a SQLite log, in a thread of their own.

SQLite moves what lies in its write-ahead log into the file when a commit finds much of it there,
and whoever commits waits for that: a tenth of a second for 32 MB. Moved from another connection it
holds no writer up. Only the last of it, what was written meanwhile, is left to a commit, behind
which the write-ahead log begins again from its start.
"""

import contextlib
import sqlite3
import threading
from typing import Final

from ledger.adapters.sqlite_file import DURABLE, LogFile
from ledger.errors import LedgerError

# So many bytes of values are written between two of them.
CHECKPOINT_BYTES: Final = 8 * 1024 * 1024


class Checkpoints:
    """Made whenever enough was written. `written` and `stop` are for one thread at a time."""

    def __init__(self, file: LogFile) -> None:
        """There is no thread before it has something to do."""
        self._file = file
        self._bytes = 0
        self._due = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def written(self, size: int) -> None:
        """So many bytes more were committed."""
        self._bytes += size
        if self._bytes < CHECKPOINT_BYTES:
            return
        self._bytes = 0
        self._due.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-checkpoint", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the one at hand; returns when the connection is closed."""
        self._stopping = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        # Where one fails nothing is lost: the next one, or a commit, does its work.
        with contextlib.suppress(sqlite3.Error, LedgerError):
            self._file.confirm_identity()
            with contextlib.closing(self._file.connect()) as connection:
                connection.execute(DURABLE)
                while self._due.wait() and not self._stopping:
                    self._due.clear()
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
