"""The demand view in SQLite."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import URL

from ledger.sqlite_checkpoint import BehindCommits
from projections.database import DatabaseUnavailable, sqlite_path
from projections.planning.catching_up import DemandRefused, PartitionPosition
from projections.planning.demand_rules import SQLITE, Slice
from projections.planning.demand_statements import DROP, POSITIONS, add, advance, begin, sum_up
from projections.sqlite_writing import committing, connect, finish

_Answer = TypeVar("_Answer")


class SqliteDemandStore:
    """One connection, used by one thread."""

    def __init__(self, url: URL) -> None:
        """Connects when it is first used."""
        self._path = sqlite_path(url)
        self._connection: sqlite3.Connection | None = None
        self._behind = BehindCommits(lambda: connect(self._path, make=False))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="demand")

    async def close(self) -> None:
        """Let go of the connection."""
        await finish(self._thread, self._disconnect)

    async def positions(self) -> list[PartitionPosition]:
        """Of every partition that the views have read."""
        return await self._run(self._positions)

    async def fold(self, part: Slice) -> bool:
        """Take in a slice, unless somebody else was first."""
        return await self._run(lambda: self._fold(part))

    async def _run(self, work: Callable[[], _Answer]) -> _Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.IntegrityError as error:
            raise DemandRefused(str(error)) from error
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
            self._connection.execute("PRAGMA temp_store = MEMORY")
        return self._connection

    def _disconnect(self) -> None:
        self._behind.close()
        if self._connection is not None:
            self._connection.close()

    def _positions(self) -> list[PartitionPosition]:
        rows = self._connected().execute(POSITIONS).fetchall()
        return [
            PartitionPosition(partition, target, position or 0, bool(same))
            for partition, target, position, same in rows
        ]

    def _fold(self, part: Slice) -> bool:
        connection = self._connected()
        for statement in sum_up(SQLITE, part):
            connection.execute(statement)
        with committing(connection, self._behind):
            connection.execute(begin(part.partition))
            first = connection.execute(advance(part)).rowcount == 1
            if first:
                for statement in add(part):
                    connection.execute(statement)
        for statement in DROP:
            connection.execute(statement)
        return first
