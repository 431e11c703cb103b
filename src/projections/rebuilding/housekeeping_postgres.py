"""The server's own housekeeping, kept away from tables that are about to be exchanged."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from projections.rebuilding.errors import ViewsInUse

# For all tables together. The server breaks its housekeeping off for whoever has waited
# `deadlock_timeout`, a second unless somebody has set it; but not what keeps its transaction
# numbers from running out. Projectors wait meanwhile, and readers do not.
HOUSEKEEPING_WAIT: Final = "5s"

_WAITED_IN_VAIN: Final = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
)
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n
    ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = ANY($1) AND c.relname = ANY($2) ORDER BY 1
"""


async def keep_away(connection: Any, schemas: Sequence[str], tables: Sequence[str]) -> None:
    """Let nothing vacuum or analyse these tables until the transaction ends.

    Who wants a table for itself waits behind an autovacuum for as long as that takes, which may be
    hours, unless he waits long enough for the server to break it off; and meanwhile all who read
    the table would wait behind him. So it is waited for with a lock that holds no reader up, and
    beside which none begins anew. Raises ViewsInUse, with which the transaction ends, where it goes
    on: a VACUUM of somebody's own, and one that the server does not break off.
    """
    names = [name for (name,) in await connection.fetch(_TABLES, schemas, tables)]
    await connection.execute(f"SET LOCAL statement_timeout = '{HOUSEKEEPING_WAIT}'")
    try:
        await connection.execute(f"LOCK TABLE {', '.join(names)} IN SHARE UPDATE EXCLUSIVE MODE")
    except _WAITED_IN_VAIN:
        raise ViewsInUse("VACUUM, ANALYZE or the making of an index is at the views") from None
    await connection.execute("SET LOCAL statement_timeout TO DEFAULT")
