"""Many rows out of the database, by the fastest way of each driver; integers into arrays.

PostgreSQL sends them as binary COPY: rows without NULL have a fixed width, so that the bytes
are the array. SQLite gives its rows as Python integers, which numpy takes in one after the other.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import asyncpg
import numpy as np
from sqlalchemy import text

from projections.binary_rows import SIGNATURE, TRAILER
from projections.database import DatabaseUnavailable, ReadConnection
from projections.planning.days import Integers

# How many bytes of COPY are gathered before they become arrays, and rows of SQLite.
COPY_BYTES: Final = 8 * 1024 * 1024
SQLITE_ROWS: Final = 20_000
BIGINT_BYTES: Final = 8


Take = Callable[[list[Integers]], None]


async def integer_rows(reader: ReadConnection, query: str, width: int, take: Take) -> None:
    """Give `take` an array for each of the query's `width` columns, some rows at a time.

    Every column must be a bigint and never NULL.
    """
    if reader.is_sqlite:
        await _from_sqlite(await reader.driver(), query, width, take)
        return
    copied = _Copied(width, take)
    try:
        await (await reader.driver()).copy_from_query(query, output=copied.receive, format="binary")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
    copied.finish()


async def plain_rows(
    reader: ReadConnection, query: str, parameters: Mapping[str, Any], rows_max: int
) -> AsyncIterator[Sequence[Any]]:
    """The rows of a query, as many at a time.

    Without parameters straight from the driver, which takes a third of the time.
    """
    if parameters:
        async for part in reader.parts(text(query), parameters, rows_max):
            yield part
        return
    driver = await reader.driver()
    try:
        if reader.is_sqlite:
            cursor = await driver.execute(query)
            while rows := await cursor.fetchmany(rows_max):
                yield rows
            await cursor.close()
        else:
            portal = await driver.cursor(query)
            while rows := await portal.fetch(rows_max):
                yield rows
    except (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


async def _from_sqlite(connection: Any, query: str, width: int, take: Take) -> None:
    try:
        cursor = await connection.execute(query)
        while rows := await cursor.fetchmany(SQLITE_ROWS):
            flat = np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * width)
            table = flat.reshape(len(rows), width)
            take([np.ascontiguousarray(table[:, one]) for one in range(width)])
        await cursor.close()
    except sqlite3.Error as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


class _Copied:
    """What COPY sends, cut into rows: a count of fields, and length and number of each."""

    def __init__(self, width: int, take: Take) -> None:
        self._take = take
        fields = [part for one in range(width) for part in ((f"l{one}", ">i4"), (f"f{one}", ">i8"))]
        self._row = np.dtype([("fields", ">i2"), *fields])
        self._width = width
        self._parts: list[bytes] = []
        self._size = 0
        self._begun = False

    async def receive(self, data: bytes) -> None:
        """The next bytes."""
        self._parts.append(data)
        self._size += len(data)
        if self._size >= COPY_BYTES:
            self._cut()

    def finish(self) -> None:
        """There is no more. Raises AssertionError if the rows had no fixed width."""
        self._cut()
        if b"".join(self._parts) != TRAILER:
            raise AssertionError("a column of the query was NULL or no bigint")

    def _cut(self) -> None:
        data = b"".join(self._parts)
        if not self._begun:
            data = data.removeprefix(SIGNATURE)
            self._begun = True
        # The trailer is no longer than a row, so that it is never taken for one.
        count = len(data) // self._row.itemsize
        rows = np.frombuffer(data, self._row, count)
        rest = data[count * self._row.itemsize :]
        self._parts, self._size = [rest], len(rest)
        if count:
            if not ((rows["fields"] == self._width).all() and (rows["l0"] == BIGINT_BYTES).all()):
                raise AssertionError("a column of the query was NULL or no bigint")
            self._take([rows[f"f{one}"].astype(np.int64) for one in range(self._width)])
