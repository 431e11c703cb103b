"""SQLite files that are read by whoever may not write them, and beside which nothing is made.

In WAL mode who writes keeps a `-wal` and a `-shm` beside the file, and who reads needs both. They
are there while anybody has the file open to write, and then `mode=ro` is all it takes. Where nobody
does, a reader would have to make them: it could not in a folder that it may not write, and should
not in any other. Such a file is **still**: everything is in it, and it is opened as `immutable`,
without locks and without files beside it.

Of an immutable file SQLite does not notice that somebody begins to write to it. So a mark is taken
of it before, and compared behind every reading: whoever writes makes a `-wal` first, and what has
left it again has changed the file's time. What was read meanwhile is read once more.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from ledger.errors import LedgerError
from ledger.presence import exists

BUSY_SECONDS: Final = 5.0
# Whoever opens a file to write and closes it again, all the time, is waited for so often.
ATTEMPTS_MAX: Final = 20
_WAL_VERSIONS: Final = b"\x02\x02"
_WAL_VERSIONS_AT: Final = 18

_Result = TypeVar("_Result")


class Mark(NamedTuple):
    """What a still file is known by: it changes with whatever is written to the file."""

    device: int
    inode: int
    size: int
    changed_ns: int


def mark_of(path: Path) -> Mark | None:
    """The mark of a still file; None where somebody may be writing, or there is no file."""
    try:
        found = path.stat()
        # What SQLite keeps lies beside the file itself, wherever a link to it is.
        if exists(path.resolve().with_name(f"{path.resolve().name}-wal")):
            return None
    except OSError:
        return None
    return Mark(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def read_only_uri(path: Path, mark: Mark | None) -> str:
    """A file as it is opened to be read; `mark` is its mark of this moment."""
    still = "" if mark is None else "&immutable=1"
    return f"{path.absolute().as_uri()}?mode=ro{still}"


def is_wal(path: Path) -> bool:
    """Whether a still file is in WAL mode; a connection to it does not say. Raises OSError.

    The system drops all locks of a process on a file when the process closes any handle of it.
    Connections to a still file have none.
    """
    with path.open("rb") as file:
        file.seek(_WAL_VERSIONS_AT)
        return file.read(len(_WAL_VERSIONS)) == _WAL_VERSIONS


def missing_beside(path: Path) -> str:
    """What keeps a file with a `-wal` from being opened to be read, as a part of a sentence."""
    beside = path.resolve()
    if not exists(beside.with_name(f"{beside.name}-wal")):
        return ""
    if exists(beside.with_name(f"{beside.name}-shm")):
        return ""
    return "; beside it is a -wal without its -shm, which cannot be made here"


class SqliteReading:
    """One connection that reads a file, made anew when somebody begins to write to a still one.

    It connects when it is first used. For one thread at a time.
    """

    def __init__(self, path: Path, *settings: str) -> None:
        """`settings` are executed on each connection."""
        self._path = path
        self._settings = settings
        self._connection: sqlite3.Connection | None = None
        self._mark: Mark | None = None
        # How often it has connected: what a connection counted by itself is of no use to the next.
        self.connected = 0

    @property
    def is_still(self) -> bool:
        """Whether nobody wrote to the file when it was opened."""
        return self._mark is not None

    def run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """What `work` finds in the file, of one state of it as far as `work` is one transaction.

        It is done again where somebody began to write meanwhile. Raises sqlite3.Error, and what
        `work` raises.
        """
        for _ in range(ATTEMPTS_MAX):
            try:
                found = work(self._connected())
            except (sqlite3.Error, LedgerError):
                if mark_of(self._path) == self._mark:
                    raise
            else:
                if self._mark is None or mark_of(self._path) == self._mark:
                    return found
            self.close()
        raise sqlite3.OperationalError("the file is opened to be written again and again")

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._mark = mark_of(self._path)
            # Python's own check would forbid closing it from another thread than the one it works
            # in.
            connection = sqlite3.connect(
                read_only_uri(self._path, self._mark),
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection = connection
            self.connected += 1
            for setting in self._settings:
                connection.execute(setting)
        return self._connection
