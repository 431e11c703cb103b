"""The writer of one partition: takes what waits, decides it, appends it as one batch, answers.

Correctness rests on positioned append alone (docs/decisions/0001): a batch that was decided on
anything but the newest state lands void, is undone, and its commands are decided again. Claims
only keep writers of several processes out of each other's way.
"""

import asyncio
import contextlib

from ledger.domain.facts import Fact
from ledger.domain.stock import PartitionState
from ledger.errors import ClockSkewed, LedgerError, LogUnavailable, OutcomeUnknown
from ledger.log import EventLog, RecordingLog, Unrecorded
from ledger.writer.batch import Batch
from ledger.writer.draft import Draft
from ledger.writer.follower import Follower
from ledger.writer.hand import refuse, refuse_all, stop
from ledger.writer.idempotency import IdIndex
from ledger.writer.lookup import Lookup
from ledger.writer.metrics import Metrics
from ledger.writer.options import Options
from ledger.writer.pace import COUNTED_AS_DECIDED, TURN_COMMANDS_MAX
from ledger.writer.queue import Queue, Submission
from ledger.writer.replies import Replies
from ledger.writer.retry import RETRY_PAUSE_SECONDS, for_ever, growing, until
from ledger.writer.snapshots import SnapshotTaker
from ledger.writer.tenure import Tenure

# A writer that lost its claim waits this long before it claims again, so that the other one can
# work; at random, so that many do not come back at once.
CLAIM_PAUSE_SECONDS = (0.05, 0.5)
# How long a command may be tried again before the caller hears that its outcome is unknown.
RESOLVE_SECONDS = 10.0
# How often an idle partition looks whether a snapshot is due.
_IDLE_SECONDS = 1.0
# How often one whose partition is another's looks whether that one has claimed it.
_HANDING_OVER_SECONDS = 0.1


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
        tenure: Tenure | None = None,
    ) -> None:
        """Nothing is read yet."""
        self.partition = partition
        self.tenure = tenure or Tenure()
        self.follower = Follower(partition, log, options, metrics)
        self.queue = Queue(options.queue_commands_max)
        self.failure: str | None = None
        self.recovered = asyncio.Event()
        self._log = log
        self._taker = taker
        self._options = options
        self._metrics = metrics
        self._closing = False
        self._replies = Replies(partition, log, index, metrics)
        self.lookup = Lookup(self.follower, self._replies)
        packs = getattr(log, "records_facts", False)
        self._draft = Draft(partition, self.follower, self.lookup, self.queue, options, packs=packs)

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

    def want(self, *, wanted: bool) -> None:
        """Whether this instance should claim the partition. One that should not goes on until
        another has claimed it: somebody must write meanwhile."""
        self.tenure.wanted = wanted
        self.queue.not_empty.set()

    async def find(self, identity: str) -> Fact | None:
        """The fact that used an id in this partition, as far as this writer has read."""
        batch = self._draft.batch
        under_way = batch.facts and self.follower.chain.head == batch.head_before
        if under_way and self.state.ids.get(identity, -1) >= batch.offset:
            # Not history yet, and perhaps never.
            return None
        return await self.lookup.find(identity)

    async def run(self) -> None:
        """Recover, then work until closed or until the log proves broken."""
        try:
            await self._recover()
            while not (self._closing and self.queue.waiting == 0):
                if not (self.tenure.wanted or self.follower.claimed):
                    self.tenure.ended(self.queue.drain())
                # While it waited another's claim may have come: then who is not wanted hands over,
                # and does not claim the partition back.
                if await self._wait() and (self.tenure.wanted or self.follower.claimed):
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
        self._draft.recovered()
        self.recovered.set()

    async def _recover_once(self) -> None:
        self._taker.recovered(await self.follower.recover(self._taker.store, lambda: self._closing))

    async def _wait(self) -> bool:
        """Whether something waits; does background work meanwhile."""
        if self.queue.waiting or self._claim_due():
            return True
        if self._taker.due(self.state):
            await self._snapshot_slice()
            return self.queue.waiting > 0
        if not self._closing:
            await self.queue.wait(_IDLE_SECONDS if self.tenure.wanted else _HANDING_OVER_SECONDS)
        if self.follower.claimed and self.tenure.announced and self.queue.waiting == 0:
            # Others go by the newest claim, which may be another's by now: shares move back and
            # forth, and two may be told the same.
            with contextlib.suppress(LogUnavailable):
                await self.follower.read_on()
        return self.queue.waiting > 0

    def _claim_due(self) -> bool:
        mine = self.follower.owner if self.follower.claimed else None
        since = None if mine is None else self.state.offset - mine.offset
        return not self._closing and self.tenure.claim_due(since)

    async def _work(self) -> None:
        """One batch, from the queue to its answers."""
        if not self.follower.claimed or self._claim_due():
            await self._claim()
            return
        try:
            await self._draft.fill()
            await self._commit()
        except LogUnavailable as error:
            self._draft.take_back()
            self._draft.hand.give_up(self.queue, str(error))
            await asyncio.sleep(RETRY_PAUSE_SECONDS[0])
        if self._taker.due(self.state):
            await self._snapshot_slice()

    async def _snapshot_slice(self) -> None:
        await self._options.pace.turn(TURN_COMMANDS_MAX)
        await self.follower.snapshot(self._taker)

    async def _commit(self) -> None:
        """Append until the batch counts, deciding again after each conflict."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + RESOLVE_SECONDS
        pauses = growing()
        while self._draft.batch.facts:
            offset = self._draft.batch.offset
            try:
                base = await self._append(self._draft.batch)
            except OutcomeUnknown as error:
                self._metrics.unknown_outcomes += 1
                if not await self._after_unknown(give_up_at, next(pauses), str(error)):
                    return
                continue
            except ClockSkewed as error:
                raise LogUnavailable(str(error)) from error
            if base == offset:
                break
            self._metrics.void_batches += 1
            self._draft.take_back()
            await self.follower.read_on()
            if not self.follower.claimed:
                self._draft.hand.put_back(self.queue)
                return
            if loop.time() > give_up_at:
                raise LogUnavailable("others keep writing to this partition")
            await self._draft.again()
        # Batches of all partitions may come back in the same turn.
        counted = len(self._draft.batch.facts) // COUNTED_AS_DECIDED
        await self._options.pace.turn(counted, ahead=True)
        self._counts()

    async def _append(self, batch: Batch) -> int:
        """Store a batch; where it lies. Raises what appending to the log raises."""
        if not batch.packed:
            return await self._log.append(self.partition, batch.offset, batch.give_up_records())
        facts = Unrecorded(self.follower.source, batch.head_before, batch.packed)
        recording: RecordingLog = self._log  # type: ignore[assignment]
        base, batch.head = await recording.append_facts(self.partition, batch.offset, facts)
        return base

    def _counts(self) -> None:
        """The batch is history: answer everybody in it."""
        batch = self._draft.batch
        if batch.facts:
            self.follower.chain.head = batch.head
        self.follower.count(batch.ids_used)
        self._metrics.appended += len(batch.facts)
        self._metrics.refused += batch.refused
        # From here on every command is answered, or is being looked up.
        self._draft.hand.slices.clear()
        for submission, start, outcomes in batch.answers:
            submission.answer_all(start, outcomes, gaps=bool(batch.duplicates))
        if batch.duplicates:
            self._metrics.replayed += len(batch.duplicates)
            self._replies.answer(batch.duplicates, batch.facts)

    async def _after_unknown(self, give_up_at: float, pause_seconds: float, why: str) -> bool:
        """Read what the log has. What landed is answered from it; the rest is decided again.

        False if that fails, or if another writer has claimed the partition meanwhile. Raises
        LogUnavailable if the log has not said anything clear for too long.
        """
        batch = self._draft.take_back()
        for submission, start, outcomes in batch.answers:
            submission.note_stated(start, outcomes)
        # Some logs answer at once, and would be asked thousands of times a second.
        await asyncio.sleep(pause_seconds)
        try:
            await until(give_up_at, self.follower.read_on)
        except (OutcomeUnknown, LogUnavailable):
            self._draft.hand.give_up(self.queue, why)
            # Nothing may be decided before the log has been read to its end again.
            self.follower.claimed = False
            return False
        if not self.follower.claimed:
            self._draft.hand.put_back(self.queue)
            return False
        await self._draft.again()
        if self._draft.batch.facts and asyncio.get_running_loop().time() > give_up_at:
            raise LogUnavailable(why)
        return True

    async def _claim(self) -> None:
        """Announce that this instance writes here from now on, and be sure to know everything."""
        pause = self._options.chance.uniform(*CLAIM_PAUSE_SECONDS)
        give_up_at = asyncio.get_running_loop().time() + RESOLVE_SECONDS
        repeated = self.follower.claimed
        try:
            await self.follower.take_over(give_up_at, pause)
            if self.follower.claimed:
                self.tenure.began()
        except (LogUnavailable, OutcomeUnknown, ClockSkewed) as error:
            # It may have read its own earlier claim on the way, and has not begun for that.
            self.follower.claimed &= repeated
            refuse_all(self.queue, str(error))
            await asyncio.sleep(pause)

    def _stop(self, why: str) -> None:
        """The partition takes nothing any more until somebody has looked at it."""
        self.failure = why
        self.recovered.set()
        stop(self._draft.hand, self.queue, self.partition, why)
