"""Making an index in PostgreSQL."""

from typing import Any

from sqlalchemy import Dialect, Index
from sqlalchemy.dialects.postgresql import asyncpg as postgresql
from sqlalchemy.schema import CreateIndex

from projections import stuck_postgres

INDEX_BUILD_SECONDS = 6 * 3600
INDEX_BUILD_MEMORY = "256MB"
# Any number that no other program on this database uses for its advisory locks.
INDEX_LOCK = 7_021_500_118

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


async def build_index(connection: Any, index: Index) -> None:
    """Make an index, unless it is there. Two projectors may come here at the same time."""
    async with connection.transaction():
        await connection.execute(stuck_postgres.WAIT_FOR_EVER)
        await connection.execute(f"SELECT pg_advisory_xact_lock({INDEX_LOCK})")
        await connection.execute(f"SET LOCAL maintenance_work_mem = '{INDEX_BUILD_MEMORY}'")
        statement = CreateIndex(index, if_not_exists=True).compile(dialect=_DIALECT)
        await connection.execute(str(statement), timeout=INDEX_BUILD_SECONDS)
