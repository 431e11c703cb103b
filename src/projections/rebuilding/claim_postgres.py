"""The right to rebuild views in PostgreSQL: an advisory lock that a connection holds."""

from contextlib import suppress
from typing import Any, Final

import asyncpg

from projections.rebuilding.errors import RebuildRunning

# Any number that no other program on this database uses for its advisory locks; the second half of
# the lock is made from the name of the schema.
REBUILD_LOCK: Final = 7_021_501
# How long the end waits for a server that does not answer.
RELEASE_SECONDS: Final = 2.0
# Locks of two numbers; the second one is shown without its sign.
_TAKEN: Final = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = $1::oid AND objid = (hashtext($2)::bigint & 4294967295)::oid
)
"""


async def take(connection: Any, live: str) -> None:
    """Take it for the views in the schema `live`. Raises RebuildRunning, driver's errors."""
    query = "SELECT pg_try_advisory_lock($1, hashtext($2))"
    if not await connection.fetchval(query, REBUILD_LOCK, live):
        raise RebuildRunning


async def is_taken(connection: Any, live: str) -> bool:
    """Whether any connection has it. Raises the driver's errors."""
    return bool(await connection.fetchval(_TAKEN, REBUILD_LOCK, live))


async def end(connection: Any) -> None:
    """Give it back and end the connection.

    Of a connection that only ends the server notices some time later that nobody is there, and
    would refuse the next rebuild until then.
    """
    try:
        # Where it is broken, or in the middle of something, that is how it has to be.
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await connection.execute("SELECT pg_advisory_unlock_all()", timeout=RELEASE_SECONDS)
    finally:
        connection.terminate()
