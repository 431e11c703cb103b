"""Transactions of projectors that stand still, and how those who wait for them get on.

A process that is paused in the middle of a transaction keeps its locks for as long as the server
believes in it, which is for ever: its machine still answers. So nobody waits for ever, and who has
waited long enough ends the transactions in which the server has waited even longer for a client.
A process that was only slow connects again and finds that its changes are stale, or writes them.
"""

from typing import Any

import asyncpg

# What a projector's connection is called on the server.
APPLICATION = "stockledger projector"
# How long a statement waits for a lock.
LOCK_SECONDS = 20.0
# A transaction that is older and waits for its client is in the way.
STUCK_SECONDS = 20.0

_PREPARE = """
SELECT set_config('application_name', $1, false), set_config('lock_timeout', $2, false)
"""
# Also in the middle of COPY, where none of the server's own timeouts ends the wait for a client.
_END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = $1
    AND pid <> pg_backend_pid() AND state <> 'idle' AND wait_event = 'ClientRead'
    AND xact_start < clock_timestamp() - make_interval(secs => $2)
"""
# For what may take its time: the making of an index.
WAIT_FOR_EVER = "SET LOCAL lock_timeout = 0"

LockTimeout = asyncpg.LockNotAvailableError


async def prepare(connection: Any) -> None:
    """Bound the waiting for locks on a new connection, and give it its name."""
    await connection.execute(_PREPARE, APPLICATION, f"{int(LOCK_SECONDS * 1000)}ms")


async def end_stuck(connection: Any) -> int:
    """End the transactions of other projectors that stand still; how many there were."""
    return int(await connection.fetchval(_END, APPLICATION, STUCK_SECONDS))
