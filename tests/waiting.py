"""Waiting for what will happen, instead of sleeping and hoping that it has."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

# Generous: only a test that fails waits so long, and machines may be busy.
SECONDS_MAX = 30.0
_POLL_SECONDS = 0.005
_POLL_SECONDS_MAX = 0.1


async def eventually(
    condition: Callable[[], object | Awaitable[object]], seconds: float = SECONDS_MAX
) -> None:
    """Return once the condition, which may be a coroutine function, gives something true.

    Raises AssertionError after so many seconds.
    """
    give_up_at = time.monotonic() + seconds
    pause = _POLL_SECONDS
    while not await _value(condition):
        if time.monotonic() > give_up_at:
            raise AssertionError(f"it did not happen in {seconds:g} seconds")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _POLL_SECONDS_MAX)


async def _value(condition: Callable[[], object | Awaitable[object]]) -> object:
    value = condition()
    return await value if inspect.isawaitable(value) else value


def eventually_now(condition: Callable[[], object], seconds: float = SECONDS_MAX) -> None:
    """The same for tests of real processes, which have no event loop."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            raise AssertionError(f"it did not happen in {seconds:g} seconds")
        time.sleep(_POLL_SECONDS)
