"""Writing a file of views: connections, transactions, and the checkpoints behind them."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL

from ledger.sqlite_checkpoint import (
    COMMITTED_SECONDS,
    NONE_BY_ITSELF,
    BehindCommits,
    checkpoint,
)
from projections.database import SQLITE_BUSY_MS, sqlite_path

SETTINGS = (
    f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}",
    "PRAGMA journal_mode = WAL",
    # Views and checkpoints are one file: what a loss of power takes is read from the log again.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",
    NONE_BY_ITSELF,
)
# What a row that was changed takes in the write-ahead log, with its entries in indexes.
_ROW_BYTES = 1024


def connect(path: Path, *, make: bool = True) -> sqlite3.Connection:
    """A connection that may write, and whose transactions begin where a statement says so."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rwc' if make else 'rw'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for setting in SETTINGS:
            connection.execute(setting)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


async def finish(thread: ThreadPoolExecutor, work: Callable[[], None]) -> None:
    """Do the last thing in a thread, which then ends; it is done even if nobody waits for it.

    What is given to a thread by the loop is taken back with a cancellation if it has not begun.
    """
    done = thread.submit(work)
    thread.shutdown(wait=False)
    await asyncio.shield(asyncio.wrap_future(done))


@contextmanager
def committing(connection: sqlite3.Connection, behind: BehindCommits) -> Iterator[None]:
    """A transaction, and behind it a checkpoint if one is due."""
    before = connection.total_changes
    with transaction(connection):
        yield
    behind.committed(connection, (connection.total_changes - before) * _ROW_BYTES)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE: the right to write comes first, so that what is compared still holds at the end.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class BesideEngine:
    """Checkpoints for who writes now and then, through an engine."""

    def __init__(self, url: URL) -> None:
        """Nothing is connected."""
        self._path = sqlite_path(url)
        self._due_at = 0.0

    async def committed(self) -> None:
        """Something was committed; waits until it is moved, if that is due. Raises nothing."""
        now = time.monotonic()
        if now >= self._due_at:
            self._due_at = now + COMMITTED_SECONDS
            await asyncio.to_thread(self._checkpoint)

    def _checkpoint(self) -> None:
        # Where it fails nothing is lost, and the next one does its work too.
        with (
            suppress(sqlite3.Error, OSError),
            closing(connect(self._path, make=False)) as connection,
            closing(connect(self._path, make=False)) as reading,
        ):
            checkpoint(connection, reading)
