"""Ending tasks for certain."""

import asyncio
from typing import Any

# Longer than any tidying up that a task does when it is cancelled.
AGAIN_SECONDS = 5.0


async def end(*tasks: "asyncio.Task[Any]", again_seconds: float = AGAIN_SECONDS) -> None:
    """Cancel tasks and wait until they have ended; what they raise is theirs.

    A library may swallow a cancellation: whoever awaits a task that ends in good order when it is
    cancelled goes on as if nothing had been asked. So it is asked again.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_seconds)
    for task in tasks:
        if not task.cancelled():
            # Looked at, so that nobody says that it never was.
            task.exception()
