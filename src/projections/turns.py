"""Whose turn it is: tasks of one event loop that share its time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count


class Turns:
    """A lock that goes next to who has most to finish, and among equals to who waits longest.

    Partitions that are gathered one after the other are written one after the other, while the
    next is gathered; and each has as much of one partition in it as may be, so that a row of
    stock is written once for many movements. Nobody waits for ever: who is done begins again
    with nothing, behind those who wait.
    """

    __slots__ = ("_arrivals", "_held", "_waiting")

    def __init__(self) -> None:
        """Nobody has it."""
        self._held = False
        self._arrivals = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def taken(self, amount: int) -> AsyncIterator[None]:
        """Wait for the turn and have it; `amount` is how much the caller has gathered."""
        if self._held:
            place = asyncio.get_running_loop().create_future()
            heappush(self._waiting, (-amount, next(self._arrivals), place))
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._pass_on()
                raise
        self._held = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, place = heappop(self._waiting)
            if not place.done():
                place.set_result(None)  # it stays held: nobody comes in between
                return
        self._held = False
