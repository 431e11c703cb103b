"""A connection to two SQLite files, through which live views and built ones are compared."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from projections.database import DatabaseUnavailable
from projections.rebuilding.digest import RowDigest
from projections.sqlite_writing import connect

# The name of the attached file in statements.
SIDE = "side"

_Answer = TypeVar("_Answer")


class SqliteComparing:
    """The live file, with the other one attached to it, in a thread of its own."""

    is_sqlite = True

    def __init__(self, live: Path, side: Path) -> None:
        """Nothing is read before `begin`."""
        self._live, self._side = live, side
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compare")
        self._connection: sqlite3.Connection | None = None

    async def begin(self) -> None:
        """See both files as they are now, from now on."""
        await in_thread(self._thread, self._begin)

    async def close(self) -> None:
        """Let go of them."""
        await in_thread(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def names(self, table: str) -> tuple[str, str]:
        """The table in both files."""
        return f"main.{table}", f"{SIDE}.{table}"

    async def both(self, live: str, built: str) -> tuple[list[tuple[object, ...]], ...]:
        """The rows of two queries, one after the other."""
        return await in_thread(
            self._thread, lambda: tuple(self._fetch(query) for query in (live, built))
        )

    def _begin(self) -> None:
        connection = self._connection = connect(self._live)
        connection.execute("PRAGMA query_only = ON")
        connection.create_aggregate("row_digest", -1, RowDigest)  # type: ignore[arg-type]
        connection.execute(f"ATTACH ? AS {SIDE}", (read_only(self._side),))
        connection.execute("BEGIN")
        for name in self.names("view_positions"):
            connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608

    def _fetch(self, query: str) -> list[tuple[object, ...]]:
        assert self._connection is not None
        return self._connection.execute(query).fetchall()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


async def in_thread(thread: ThreadPoolExecutor, work: Callable[[], _Answer]) -> _Answer:
    """Do something there; what SQLite raises as DatabaseUnavailable."""
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


def read_only(path: Path) -> str:
    """A file as it is attached to be read."""
    return f"{path.absolute().as_uri()}?mode=ro"
