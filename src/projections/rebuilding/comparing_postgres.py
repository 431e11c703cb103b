"""Two connections to PostgreSQL through which live views and built ones are compared."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from projections.database import DatabaseUnavailable
from projections.postgres_errors import UNAVAILABLE


class PostgresComparing:
    """The two sides, each through a connection of its own, so that both are read at once."""

    is_sqlite = False

    def __init__(self, connections: list[Any], live: str, side: str) -> None:
        """Two connections in transactions that only read; the schemas of both sides."""
        self._connections = connections
        self._schemas = quoted(live), quoted(side)

    def names(self, table: str) -> tuple[str, str]:
        """The table in both schemas."""
        live, side = self._schemas
        return f"{live}.{table}", f"{side}.{table}"

    async def both(self, live: str, built: str) -> tuple[list[tuple[object, ...]], ...]:
        """The rows of two queries."""
        async with errors():
            found = await asyncio.gather(
                *(
                    connection.fetch(query)
                    for connection, query in zip(self._connections, (live, built), strict=True)
                )
            )
        return tuple([tuple(row) for row in rows] for rows in found)


@asynccontextmanager
async def errors() -> AsyncIterator[None]:
    """What the driver raises as DatabaseUnavailable."""
    try:
        yield
    except UNAVAILABLE as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


def quoted(name: str) -> str:
    """A name as it may stand in a statement."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
