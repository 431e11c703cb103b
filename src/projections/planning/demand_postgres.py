"""The demand view in PostgreSQL."""

import asyncpg
from sqlalchemy import URL
from sqlalchemy.pool import NullPool, PoolProxiedConnection

from projections import stuck_postgres
from projections.database import CONNECT_SECONDS, DatabaseUnavailable
from projections.engines import new_engine
from projections.planning.catching_up import DemandRefused, PartitionPosition
from projections.planning.demand_rules import POSTGRES, Slice
from projections.planning.demand_statements import DROP, POSITIONS, add, advance, begin, sum_up
from projections.postgres_errors import UNAVAILABLE

_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


class PostgresDemandStore:
    """One connection."""

    def __init__(self, url: URL) -> None:
        """Connects when it is first used."""
        self._engine = new_engine(
            url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS}
        )
        self._held: PoolProxiedConnection | None = None

    async def close(self) -> None:
        """Let go of the connection, whatever it is at: an open transaction ends with it."""
        held, self._held = self._held, None
        if held is not None and held.driver_connection is not None:
            held.driver_connection.terminate()
            held.detach()

    async def positions(self) -> list[PartitionPosition]:
        """Of every partition that the views have read."""
        try:
            rows = await (await self._connected()).fetch(POSITIONS)
        except UNAVAILABLE as error:
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
        return [PartitionPosition(row[0], row[1], row[2] or 0, row[3]) for row in map(tuple, rows)]

    async def fold(self, part: Slice) -> bool:
        """Take in a slice, unless somebody else was first."""
        try:
            return await self._fold(part)
        except _REFUSED as error:
            raise DemandRefused(f"{type(error).__name__}: {error}") from error
        except UNAVAILABLE as error:
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error

    async def _fold(self, part: Slice) -> bool:
        connection = await self._connected()
        try:
            for statement in (*sum_up(POSTGRES, part), "ANALYZE day_sums"):
                await connection.execute(statement)
            async with connection.transaction():
                await connection.execute(begin(part.partition))
                first: bool = await connection.execute(advance(part)) == "UPDATE 1"
                if first:
                    for statement in add(part):
                        await connection.execute(statement)
            for statement in DROP:
                await connection.execute(statement)
        except stuck_postgres.LockTimeout:
            await stuck_postgres.end_stuck(connection)
            raise
        return first

    async def _connected(self) -> asyncpg.Connection:
        if self._held is None:
            self._held = await self._engine.raw_connection()
            await stuck_postgres.prepare(self._held.driver_connection)
        return self._held.driver_connection
