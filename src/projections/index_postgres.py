"""Making indexes in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Dialect, Index
from sqlalchemy.dialects.postgresql import asyncpg as postgresql
from sqlalchemy.schema import CreateIndex

from projections import stuck_postgres

INDEX_BUILD_SECONDS = 6 * 3600
INDEX_BUILD_MEMORY = "256MB"
# Of the locks of indexes, so that no other program on this database has the same ones.
INDEX_LOCK_SEED = 7_021_500_118

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


async def build_indexes(connection: Any, indexes: Sequence[Index]) -> None:
    """Make every index that is missing.

    Whoever comes here meanwhile makes others of them: first those that nobody is at, then whatever
    is missing still, so that at the end all are there. Raises what the driver does.
    """
    for wait in (False, True):
        for index in indexes:
            if await connection.fetchval("SELECT to_regclass($1)", index.name) is None:
                await _build(connection, index, wait=wait)


async def _build(connection: Any, index: Index, *, wait: bool) -> None:
    lock = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    async with connection.transaction():
        await connection.execute(stuck_postgres.WAIT_FOR_EVER)
        mine = await connection.fetchval(
            f"SELECT {lock}(hashtextextended(current_schema() || '.' || $1::text, $2))",
            index.name, INDEX_LOCK_SEED, timeout=INDEX_BUILD_SECONDS,
        )  # fmt: skip
        if mine is False:
            return
        await connection.execute(f"SET LOCAL maintenance_work_mem = '{INDEX_BUILD_MEMORY}'")
        statement = CreateIndex(index, if_not_exists=True).compile(dialect=_DIALECT)
        await connection.execute(str(statement), timeout=INDEX_BUILD_SECONDS)
