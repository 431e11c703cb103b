"""The writer of one partition: takes what waits, decides it, appends it as one batch, answers.

Correctness rests on positioned append alone (docs/decisions/0001): a batch that was decided on
anything but the newest state lands void, is undone, and its commands are decided again. Claims
only keep writers of several processes out of each other's way.
"""

import asyncio

from ledger.domain.facts import Fact
from ledger.domain.stock import PartitionState
from ledger.errors import ClockSkewed, LedgerError, LogUnavailable, OutcomeUnknown
from ledger.log import EventLog
from ledger.writer.batch import Batch, Decider, take_back
from ledger.writer.follower import Follower
from ledger.writer.hand import Hand, none_now, refuse, refuse_all, stop
from ledger.writer.idempotency import IdIndex
from ledger.writer.lookup import Lookup
from ledger.writer.metrics import Metrics
from ledger.writer.options import Options
from ledger.writer.pace import COUNTED_AS_DECIDED, TURN_COMMANDS_MAX
from ledger.writer.queue import Queue, Submission
from ledger.writer.replies import Replies
from ledger.writer.retry import RETRY_PAUSE_SECONDS, for_ever, until
from ledger.writer.snapshots import SnapshotTaker

# A writer that lost its claim waits this long before it claims again, so that the other one can
# work; at random, so that many do not come back at once.
CLAIM_PAUSE_SECONDS = (0.05, 0.5)
# How long a command may be tried again before the caller hears that its outcome is unknown.
RESOLVE_SECONDS = 10.0
# How often an idle partition looks whether a snapshot is due.
_IDLE_SECONDS = 1.0


class PartitionWriter:
    """Decides and appends for one partition. `run` is its only task; everything else is called."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts meet here
        self,
        partition: int,
        log: EventLog,
        taker: SnapshotTaker,
        index: IdIndex | None,
        options: Options,
        metrics: Metrics,
    ) -> None:
        """Nothing is read yet."""
        self.partition = partition
        self.follower = Follower(partition, log, options, metrics)
        self.queue = Queue(options.queue_commands_max)
        self.failure: str | None = None
        self.recovered = asyncio.Event()
        self._log = log
        self._taker = taker
        self._options = options
        self._metrics = metrics
        self._closing = False
        self._decider = Decider(partition, self.state, options.rules, options.type_levels)
        self._replies = Replies(partition, log, index, metrics)
        self.lookup = Lookup(self.follower, self._replies)
        self._hand = Hand()
        # The batch that is being decided or appended; decided from `_hand` alone.
        self._batch = Batch(0, self.follower.chain.head)

    @property
    def state(self) -> PartitionState:
        """What the partition adds up to, the batch on its way included."""
        return self.follower.state

    def offer(self, submission: Submission) -> bool:
        """Queue a submission. False if the queue is full; stopped partitions answer at once."""
        if self.failure is not None or self._closing:
            refuse(submission, self.failure or "the service is shutting down")
            return True
        return self.queue.offer(submission, self._replies.pending)

    @property
    def snapshot_failure(self) -> str | None:
        """Why no snapshot can be taken, or None. It costs the partition nothing but time later."""
        return self._taker.failure

    def close(self) -> None:
        """Decide what waits, then end."""
        self._closing = True
        self.queue.not_empty.set()

    async def find(self, identity: str) -> Fact | None:
        """The fact that used an id in this partition, as far as this writer has read."""
        batch = self._batch
        under_way = batch.records and self.follower.chain.head == batch.head_before
        if under_way and self.state.ids.get(identity, -1) >= batch.offset:
            # Not history yet, and perhaps never.
            return None
        return await self.lookup.find(identity)

    async def run(self) -> None:
        """Recover, then work until closed or until the log proves broken."""
        try:
            await self._recover()
            while not (self._closing and self.queue.waiting == 0):
                if await self._wait():
                    await self._work()
            await self._replies.settle()
            await self._taker.settle()
        except asyncio.CancelledError:
            self._stop("the writer was cancelled")
            raise
        except LedgerError as error:
            self._stop(f"{type(error).__name__}: {error}")
        except Exception as error:
            # A defect. Nobody may wait for a writer that is gone.
            self._stop(f"{type(error).__name__}: {error}")
            raise

    async def _recover(self) -> None:
        await for_ever(self._recover_once, but_not_if=lambda: self._closing)
        self._decider.state = self.state
        self._decider.source = self.follower.source
        self.recovered.set()

    async def _recover_once(self) -> None:
        self._taker.recovered(await self.follower.recover(self._taker.store, lambda: self._closing))

    async def _wait(self) -> bool:
        """Whether something waits; does background work meanwhile."""
        if self.queue.waiting:
            return True
        if self._taker.due(self.state):
            await self._snapshot_slice()
            return self.queue.waiting > 0
        if not self._closing:
            self.queue.not_empty.clear()
            wake = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self.queue.not_empty.set)
            try:
                await self.queue.not_empty.wait()
            finally:
                wake.cancel()
        return self.queue.waiting > 0

    async def _work(self) -> None:
        """One batch, from the queue to its answers."""
        if not self.follower.claimed:
            await self._claim()
            return
        self._batch = self._new_batch()
        try:
            await self._fill_from_queue()
            await self._commit()
        except LogUnavailable as error:
            self._take_back()
            self._hand.give_up(str(error))
            await asyncio.sleep(RETRY_PAUSE_SECONDS[0])
        if self._taker.due(self.state):
            await self._snapshot_slice()

    async def _snapshot_slice(self) -> None:
        await self._options.pace.turn(TURN_COMMANDS_MAX)
        taker, follower = self._taker, self.follower
        taken, failed = taker.taken, taker.failed
        await taker.step(follower.state, follower.window, follower.names, follower.chain)
        self._metrics.snapshots += taker.taken - taken
        self._metrics.snapshots_failed += taker.failed - failed

    def _new_batch(self) -> Batch:
        return Batch(self.state.offset, self.follower.chain.head)

    async def _fill_from_queue(self) -> None:
        slices = self._hand.slices
        while not self._batch.full:
            taken = self.queue.take()
            if taken is None:
                return
            slices.append(taken)
            if not await self._decide(len(slices) - 1):
                return

    async def _decide_again(self) -> None:
        """The same commands on the state as it is now; what does not fit goes back to the queue."""
        self._batch = self._new_batch()
        position = 0
        while position < len(self._hand.slices):
            if not await self._decide(position):
                return
            position += 1

    async def _decide(self, position: int) -> bool:
        """Decide one slice in hand. False if the batch closes in front of the rest of it."""
        submission, start, stop = self._hand.slices[position]
        commands = submission.commands[start:stop]
        batch = self._batch
        await self._options.pace.turn(stop - start)
        try:
            old = await self.lookup.old(commands)
            originals = await self.lookup.originals(commands, batch.offset)
        except LogUnavailable as error:
            self._not_now(submission, start, stop, str(error))
            return True
        if old or originals:
            # It was another turn in which they were asked for.
            await self._options.pace.turn(stop - start)
        now_ms = self._options.clock_ms()
        reached = self._decider.fill(batch, submission, start, stop, now_ms, old, originals)
        if reached < stop:
            self._hand.put_back(self.queue, position, reached)
        return reached == stop

    def _not_now(self, submission: Submission, start: int, stop: int, why: str) -> None:
        # Answered with the batch: should that come out void, they are tried again.
        self._batch.answers.append((submission, start, none_now(submission, start, stop, why)))

    async def _commit(self) -> None:
        """Append until the batch counts, deciding again after each conflict."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + RESOLVE_SECONDS
        while self._batch.records:
            offset = self._batch.offset
            try:
                base = await self._log.append(self.partition, offset, self._batch.records)
            except OutcomeUnknown as error:
                self._metrics.unknown_outcomes += 1
                if not await self._after_unknown(give_up_at, str(error)):
                    return
                continue
            except ClockSkewed as error:
                raise LogUnavailable(str(error)) from error
            if base == offset:
                break
            self._metrics.void_batches += 1
            self._take_back()
            await self.follower.read_on()
            if not self.follower.claimed:
                self._hand.put_back(self.queue)
                return
            if loop.time() > give_up_at:
                raise LogUnavailable("others keep writing to this partition")
            await self._decide_again()
        # Batches of all partitions may come back in the same turn.
        await self._options.pace.turn(len(self._batch.records) // COUNTED_AS_DECIDED)
        self._counts()

    def _counts(self) -> None:
        """The batch is history: answer everybody in it."""
        batch = self._batch
        if batch.records:
            self.follower.chain.head = batch.head
        self.follower.count(batch.facts)
        self._metrics.appended += len(batch.records)
        self._metrics.refused += batch.refused
        # From here on every command is answered, or is being looked up.
        self._hand.slices.clear()
        for submission, start, outcomes in batch.answers:
            submission.answer_all(start, outcomes)
        if batch.duplicates:
            self._metrics.replayed += len(batch.duplicates)
            self._replies.answer(batch.duplicates, batch.facts)

    def _take_back(self) -> Batch:
        """Undo the batch; afterwards it is as if nothing in hand had been decided."""
        batch = self._batch
        take_back(self.state, batch)
        self._batch = self._new_batch()
        return batch

    async def _after_unknown(self, give_up_at: float, why: str) -> bool:
        """Read what the log has. What landed is answered from it; the rest is decided again.

        False if that fails, or if another writer has claimed the partition meanwhile.
        """
        batch = self._take_back()
        for submission, start, outcomes in batch.answers:
            submission.note_stated(start, outcomes)
        try:
            await until(give_up_at, self.follower.read_on)
        except (OutcomeUnknown, LogUnavailable):
            self._hand.give_up(why)
            # Nothing may be decided before the log has been read to its end again.
            self.follower.claimed = False
            return False
        if not self.follower.claimed:
            self._hand.put_back(self.queue)
            return False
        await self._decide_again()
        return True

    async def _claim(self) -> None:
        """Announce that this instance writes here from now on, and be sure to know everything."""
        pause = self._options.chance.uniform(*CLAIM_PAUSE_SECONDS)
        give_up_at = asyncio.get_running_loop().time() + RESOLVE_SECONDS
        try:
            await self.follower.take_over(give_up_at, pause)
        except (LogUnavailable, OutcomeUnknown, ClockSkewed) as error:
            refuse_all(self.queue, str(error))
            await asyncio.sleep(pause)

    def _stop(self, why: str) -> None:
        """The partition takes nothing any more until somebody has looked at it."""
        self.failure = why
        self.recovered.set()
        stop(self._hand, self.queue, self.partition, why)
