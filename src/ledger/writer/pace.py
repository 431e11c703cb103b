"""Turns among the writers of one process, so that none of them holds the event loop for long.

Twelve writers that become ready together would all run within one turn of the loop, and nobody
else (a timer, a health check, another caller) would get in between.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from ledger.domain.facts import Command

# Commands decided within one turn of the loop, by all writers together: three milliseconds. Who
# asks late in a turn may be counted for the next one, so that it can be twice as many.
TURN_COMMANDS_MAX = 250
# So many records of a batch that counts are taken note of in the time in which one is decided, and
# so many commands of a bulk are sorted by partition.
COUNTED_AS_DECIDED = 4
SORTED_AS_DECIDED = 4
# Records of the log read and folded within one turn.
TURN_RECORDS_MAX = 125


class Pace:
    """Counts the commands decided in this turn of the loop; late comers wait for the next.

    What is let through for the next turn is counted at once, so that nobody who asks before it
    runs gets in beside it.
    """

    __slots__ = ("_counting", "_spent", "_waiting")

    def __init__(self) -> None:
        """Nothing decided yet."""
        self._spent = 0
        self._counting = False
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def turn(self, commands: int) -> None:
        """Wait until that many commands may be decided. In order of asking."""
        if self._waiting or not self._fits(commands):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((commands, waiter))
            await waiter
            return
        self._spend(commands)

    async def portions(self, bulk: Sequence[Command]) -> AsyncIterator[Sequence[Command]]:
        """The commands of a caller, as many at a time as may be sorted in one turn."""
        at_once = TURN_COMMANDS_MAX * SORTED_AS_DECIDED
        for start in range(0, len(bulk), at_once):
            some = bulk[start : start + at_once]
            await self.turn(len(some) // SORTED_AS_DECIDED)
            yield some

    def _fits(self, commands: int) -> bool:
        # Whoever asks for more than a turn holds gets one for itself.
        return not self._spent or self._spent + commands <= TURN_COMMANDS_MAX

    def _spend(self, commands: int) -> None:
        self._spent += commands
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        """Called once the loop has gone round."""
        self._spent = 0
        self._counting = False
        while self._waiting and self._fits(self._waiting[0][0]):
            commands, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._spend(commands)
