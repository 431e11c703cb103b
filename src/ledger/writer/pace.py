"""Turns among the writers of one process, so that none of them holds the event loop for long.

Twelve writers that become ready together would all run within one turn of the loop, and nobody
else (a timer, a health check, another caller) would get in between.
"""

import asyncio
from collections import deque

# Commands decided within one turn of the loop, by all writers together: a few milliseconds.
TURN_COMMANDS_MAX = 500


class Pace:
    """Counts the commands decided in this turn of the loop; late comers wait for the next."""

    __slots__ = ("_counting", "_spent", "_waiting")

    def __init__(self) -> None:
        """Nothing decided yet."""
        self._spent = 0
        self._counting = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self, commands: int) -> None:
        """Wait until that many commands may be decided. In order of asking."""
        loop = asyncio.get_running_loop()
        if self._spent and (self._waiting or self._spent + commands > TURN_COMMANDS_MAX):
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiting.append(waiter)
            await waiter
        self._spent += commands
        if not self._counting:
            self._counting = True
            loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        """Called once the loop has gone round."""
        self._spent = 0
        self._counting = False
        # Two slices fit into one turn.
        for _ in range(2):
            while self._waiting:
                waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    break
        if self._waiting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._next_turn)
