"""What one partition is about to append: slices from its queue, decided into one batch."""

from ledger.domain.facts import Command
from ledger.errors import LogUnavailable
from ledger.writer.batch import (
    BATCH_RECORDS_MAX,
    PACKED_RECORDS_ENOUGH,
    Batch,
    Decider,
    take_back,
)
from ledger.writer.follower import Follower
from ledger.writer.hand import Hand
from ledger.writer.lookup import Lookup
from ledger.writer.options import Options
from ledger.writer.queue import Queue

# Commands in hand from which on no more are taken. Those that make no records, as repetitions of
# others, would never fill a batch, and nobody in it would be answered before they end.
COMMANDS_MAX = 4 * BATCH_RECORDS_MAX


class Draft:
    """A batch, and the slices in hand that it was decided from. The state is ahead by the batch."""

    def __init__(  # noqa: PLR0913 - the parts meet here
        self,
        partition: int,
        follower: Follower,
        lookup: Lookup,
        queue: Queue,
        options: Options,
        *,
        packs: bool = False,
    ) -> None:
        """Nothing is in hand. `packs`: the log makes records of facts itself."""
        self.hand = Hand()
        self._follower = follower
        self._lookup = lookup
        self._queue = queue
        self._options = options
        self._decider = Decider(
            partition, follower.state, options.rules, options.type_levels, packs=packs
        )
        self._enough = PACKED_RECORDS_ENOUGH if packs else BATCH_RECORDS_MAX
        self.batch = self._new()
        # Of the slice that is decided now.
        self._position = 0

    def recovered(self) -> None:
        """The follower has read its partition into a state of its own."""
        self._decider.state = self._follower.state
        self._decider.source = self._follower.source

    async def fill(self) -> None:
        """Begin a batch; decide what waits in the queue until there is no more or no room."""
        self.batch = self._new()
        self._lookup.begin()
        slices = self.hand.slices
        room = COMMANDS_MAX
        await self._options.pace.begin(self._queue.waiting)
        while not self.batch.full and room > 0:
            taken = self._queue.take()
            if taken is None:
                return
            slices.append(taken)
            room -= taken[2] - taken[1]
            if not await self._decide(len(slices) - 1):
                return

    async def again(self) -> None:
        """The same commands on the state as it is now; what does not fit goes back to the queue."""
        self.batch = self._new()
        self._lookup.begin()
        position = 0
        slices = self.hand.slices
        while position < len(slices):
            left = len(slices)
            if not await self._decide(position):
                return
            # One that was answered is not in hand any more.
            position += len(slices) == left

    def take_back(self) -> Batch:
        """Undo the batch; afterwards it is as if nothing in hand had been decided."""
        batch = self.batch
        take_back(self._follower.state, batch)
        self.batch = self._new()
        return batch

    def _new(self) -> Batch:
        follower = self._follower
        return Batch(follower.state.offset, follower.chain.head, self._enough)

    def _ahead(self, count_max: int) -> list[Command]:
        """The commands behind the slice that is decided now: in hand, then in the queue."""
        # What comes behind the batch is looked up with the next one.
        count_max = min(count_max, self._enough)
        commands: list[Command] = []
        for submission, start, stop in self.hand.slices[self._position + 1 :]:
            if len(commands) >= count_max:
                break
            commands += submission.commands[start:stop]
        commands += self._queue.ahead(count_max - len(commands))
        return commands[:count_max]

    async def _decide(self, position: int) -> bool:
        """Decide one slice in hand. False if the batch closes in front of the rest of it."""
        submission, start, stop = self.hand.slices[position]
        commands = [*submission.commands[start:stop]]
        batch, pace = self.batch, self._options.pace
        await pace.turn(stop - start, ahead=True)
        try:
            self._position = position
            old, originals = await self._lookup.before(commands, batch.offset, self._ahead)
        except LogUnavailable as error:
            self.hand.answer_now(position, self._queue, str(error))
            return True
        if old or originals:
            # It was another turn in which they were asked for.
            await pace.turn(stop - start, ahead=True)
        now_ms = self._options.clock_ms()
        reached = self._decider.fill(batch, submission, start, stop, now_ms, old, originals)
        if reached < stop:
            self.hand.put_back(self._queue, position, reached)
        return reached == stop
