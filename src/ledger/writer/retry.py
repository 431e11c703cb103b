"""Trying again what the log could not do at the moment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from ledger.errors import LogUnavailable

# The first pause and the longest; each is twice the one before.
RETRY_PAUSE_SECONDS = (0.02, 1.0)


def growing() -> Iterator[float]:
    """How many seconds to pause after each attempt: not after the first, which mostly was an
    accident, then ever longer."""
    yield 0.0
    pause, longest = RETRY_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(pause * 2, longest)


async def for_ever(
    attempt: Callable[[], Awaitable[None]], *, but_not_if: Callable[[], bool]
) -> None:
    """Try until it works. Raises LogUnavailable only once `but_not_if` says so."""
    pause, longest = RETRY_PAUSE_SECONDS
    while True:
        try:
            await attempt()
        except LogUnavailable:
            if but_not_if():
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
        else:
            return


async def until(give_up_at: float, attempt: Callable[[], Awaitable[None]]) -> None:
    """Try until it works. Raises LogUnavailable once the loop's time is past `give_up_at`."""
    pause, longest = RETRY_PAUSE_SECONDS
    loop = asyncio.get_running_loop()
    while True:
        try:
            await attempt()
        except LogUnavailable:
            if loop.time() + pause > give_up_at:
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
        else:
            return
