"""Turns among the writers of one process, so that none of them holds the event loop for long.

Twelve writers that become ready together would all run within one turn of the loop, and nobody
else (a timer, a health check, another caller) would get in between.

Who has begun a batch finishes it before others begin theirs. Were all decided side by side, all
would be sent at the end, and the log would do nothing meanwhile, and afterwards the writers.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from ledger.domain.facts import Command

# Commands decided within one turn of the loop, by all writers together: three milliseconds. Who
# asks late in a turn may be counted for the next one, so that it can be twice as many; with a bulk
# that is sorted at once, three times.
TURN_COMMANDS_MAX = 250
# So many records of a batch that counts are taken note of in the time in which one is decided, and
# so many commands of a bulk are sorted by partition.
COUNTED_AS_DECIDED = 4
SORTED_AS_DECIDED = 4
# So few commands in a whole batch are decided in front of what others have begun.
SMALL_COMMANDS_MAX = 25
# In so many turns one after the other, who begins may be passed over.
PASSED_TURNS_MAX = 16
# Records of the log read and folded within one turn.
TURN_RECORDS_MAX = 125

_Waiting = deque[tuple[int, asyncio.Future[None]]]


class Pace:
    """Counts the commands decided in this turn of the loop; late comers wait for the next.

    What is let through for the next turn is counted at once, so that nobody who asks before it
    runs gets in beside it.
    """

    __slots__ = ("_ahead", "_beginning", "_counting", "_passed", "_spent")

    def __init__(self) -> None:
        """Nothing decided yet."""
        self._spent = 0
        self._counting = False
        self._ahead: _Waiting = deque()
        self._beginning: _Waiting = deque()
        self._passed = 0

    async def turn(self, commands: int, *, ahead: bool = False) -> None:
        """Wait until that many commands may be decided.

        In order of asking, but for who is `ahead`: those go in front of who begins something.
        """
        others = self._ahead or (self._beginning and not ahead)
        if others or not self._fits(commands):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            (self._ahead if ahead else self._beginning).append((commands, waiter))
            await waiter
            return
        if not ahead:
            self._passed = 0
        self._spend(commands)

    async def begin(self, commands: int) -> None:
        """Wait until a batch of so many commands may be begun; what follows in it goes ahead.

        A small one need not wait for others. A large one gets a turn for itself, or several would
        be begun in it.
        """
        await self.turn(min(commands, TURN_COMMANDS_MAX), ahead=commands <= SMALL_COMMANDS_MAX)

    async def portions(self, bulk: Sequence[Command]) -> AsyncIterator[Sequence[Command]]:
        """The commands of a caller, as many at a time as may be sorted in one turn.

        The first of them at once, as an exception, unless too much was done in this turn already:
        they were decoded just now, and behind a turn of others they would have to be fetched from
        memory.
        """
        at_once = TURN_COMMANDS_MAX * SORTED_AS_DECIDED
        for start in range(0, len(bulk), at_once):
            some = bulk[start : start + at_once]
            cost = len(some) // SORTED_AS_DECIDED
            if start == 0 and self._spent <= TURN_COMMANDS_MAX:
                self._spend(cost)
            else:
                await self.turn(cost, ahead=True)
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
        """Called once the loop has gone round.

        Beside those who are ahead nobody begins: they will ask for what is left of the turn.
        """
        self._spent = 0
        self._counting = False
        for waiting in (self._ahead, self._beginning):
            while waiting and waiting[0][1].done():
                waiting.popleft()  # whoever asked has gone
        queue = self._beginning
        if self._ahead and (not queue or self._passed < PASSED_TURNS_MAX):
            queue = self._ahead
            self._passed += bool(self._beginning)
        else:
            self._passed = 0
        while queue and self._fits(queue[0][0]):
            commands, waiter = queue.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._spend(commands)
