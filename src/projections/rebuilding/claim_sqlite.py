"""The right to rebuild in SQLite: a file that is only ever locked.

The lock is gone with the process that holds it, however that ends.
"""

import sqlite3
from pathlib import Path

from ledger.presence import exists
from projections.rebuilding.comparing_sqlite import read_only
from projections.rebuilding.errors import RebuildRunning

# Whoever only looks at the file reads it for a moment; so long it is waited for.
LOOK_SECONDS_MAX = 1.0


def take(path: Path) -> sqlite3.Connection:
    """Lock the file, until the connection is closed. Raises RebuildRunning."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=LOOK_SECONDS_MAX
    )
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if _is_busy(error):
            raise RebuildRunning from None
        raise
    return connection


def is_taken(path: Path) -> bool:
    """Whether somebody has locked it. To look is to share it with whoever else looks, for less
    time than who takes it waits."""
    if not exists(path):
        return False
    connection = sqlite3.connect(read_only(path), uri=True, timeout=0)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return True
        raise
    finally:
        connection.close()
    return False


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
