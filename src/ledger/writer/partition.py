"""The writer of one partition: takes what waits, decides it, appends it as one batch, answers.

Correctness rests on positioned append alone (docs/decisions/0001): a batch that was decided on
anything but the newest state lands void, is undone, and its commands are decided again. Claims
only keep writers of several processes out of each other's way.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable

from ledger.domain.context import Rules
from ledger.domain.decider import evolve
from ledger.domain.facts import Fact, Moved, Refused, Resolved, WriterClaimed
from ledger.domain.items import ItemDefined
from ledger.domain.stock import PartitionState
from ledger.errors import (
    ClockSkewed,
    LedgerError,
    LogUnavailable,
    OutcomeUnknown,
)
from ledger.events.chain import Chain, link
from ledger.events.codec import encode
from ledger.log import EventLog, NewRecord
from ledger.writer.batch import Batch, Decider, Duplicate, identities, needs_original, take_back
from ledger.writer.idempotency import IdIndex, OldIds, Window
from ledger.writer.metrics import Metrics
from ledger.writer.outcomes import Outcome, Unavailable, Unknown
from ledger.writer.queue import Queue, Submission
from ledger.writer.recovery import recover
from ledger.writer.replies import Replies
from ledger.writer.snapshots import SnapshotTaker

# A writer that lost its claim waits this long before it claims again, so that the other one can
# work; at random, so that many do not come back at once.
CLAIM_PAUSE_SECONDS = (0.05, 0.5)
# How long a command may be tried again before the caller hears that its outcome is unknown.
RESOLVE_SECONDS = 10.0
_RETRY_PAUSE_SECONDS = (0.02, 1.0)
_READ_RECORDS = 1_000


class Options:
    """What the writers of one instance share."""

    def __init__(  # noqa: PLR0913 - the parts meet here
        self,
        *,
        instance: str,
        url: str,
        rules: Rules,
        clock_ms: Callable[[], int],
        type_levels: dict[str, int],
        queue_commands_max: int = 20_000,
        window_ids: int = 100_000,
        snapshot_every_records: int = 200_000,
        chance: random.Random | None = None,
    ) -> None:
        """`window_ids` and `queue_commands_max` are per partition."""
        self.instance = instance
        self.url = url
        self.rules = rules
        self.clock_ms = clock_ms
        self.type_levels = type_levels
        self.queue_commands_max = queue_commands_max
        self.window_ids = window_ids
        self.snapshot_every_records = snapshot_every_records
        # Chance decides only how long to wait, never what is written.
        self.chance = chance or random.Random()  # noqa: S311


class PartitionWriter:
    """Decides and appends for one partition. `run` is its only task; everything else is called."""

    def __init__(  # noqa: PLR0913
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
        self.state = PartitionState()
        self.chain = Chain(partition)
        self.window = Window(self.state.ids, options.window_ids, OldIds())
        self.queue = Queue(options.queue_commands_max)
        self.failure: str | None = None
        self.recovered = asyncio.Event()
        self.claimed = False
        self.owner: WriterClaimed | None = None
        self._log = log
        self._taker = taker
        self._index = index
        self._options = options
        self._metrics = metrics
        self._closing = False
        self._decider = Decider(partition, self.state, options.rules, options.type_levels)
        self._replies = Replies(partition, log, index)
        self._last_instance = ""
        # The batch that is being decided or appended.
        self._batch = Batch(0, self.chain.head)

    # ---- called by the service -------------------------------------------------------------

    def offer(self, submission: Submission) -> bool:
        """Queue a submission. False if the queue is full; stopped partitions answer at once."""
        if self.failure is not None or self._closing:
            self._refuse(submission, self.failure or "the service is shutting down")
            return True
        return self.queue.offer(submission)

    def close(self) -> None:
        """Decide what waits, then end."""
        self._closing = True
        self.queue.not_empty.set()

    # ---- the task --------------------------------------------------------------------------

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

    async def _recover(self) -> None:
        pause = _RETRY_PAUSE_SECONDS[0]
        while True:
            try:
                recovered = await recover(self.partition, self._log, self._taker.store)
            except LogUnavailable:
                if self._closing:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RETRY_PAUSE_SECONDS[1])
            else:
                break
        self.state, self.chain = recovered.state, recovered.chain
        self.window = Window(self.state.ids, self._options.window_ids, recovered.old_ids)
        self.window.extend(list(self.state.ids))
        self.owner = recovered.owner
        self._decider.state = self.state
        self._decider.source = f"/stockledger/{self.state.ledger_id}"
        self._taker.recovered(recovered.snapshot_offset)
        self.recovered.set()

    async def _wait(self) -> bool:
        """Whether something waits; does background work meanwhile."""
        if self.queue.waiting:
            return True
        if self._taker.due(self.state, self.window, self.chain):
            # A slice of a snapshot takes a few milliseconds; then look at the queue again.
            await self._taker.step(self.state, self.window)
            return self.queue.waiting > 0
        if not self._closing:
            self.queue.not_empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.queue.not_empty.wait(), 1.0)
        return self.queue.waiting > 0

    async def _work(self) -> None:
        """One batch, from the queue to its answers."""
        if not self.claimed:
            await self._claim()
            return
        batch = self._batch = Batch(self.state.offset, self.chain.head)
        try:
            await self._fill_from_queue(batch)
            await self._commit(batch)
        except LogUnavailable as error:
            batch = self._batch
            self._take_back(batch)
            self._give_up(batch, str(error))
            await asyncio.sleep(_RETRY_PAUSE_SECONDS[0])
        if self._taker.due(self.state, self.window, self.chain):
            await self._taker.step(self.state, self.window)

    # ---- deciding --------------------------------------------------------------------------

    async def _fill_from_queue(self, batch: Batch) -> None:
        while not batch.full:
            taken = self.queue.take()
            if taken is None:
                return
            submission, start, stop = taken
            reached = await self._fill(batch, submission, start, stop)
            if reached < stop:
                self.queue.put_back(submission, reached)
                return

    async def _fill(self, batch: Batch, submission: Submission, start: int, stop: int) -> int:
        """Decide a slice; returns where it stopped."""
        old = await self._old_ids(submission, start, stop) if self.window.old else None
        now_ms = self._options.clock_ms()
        reached = self._decider.fill(batch, submission, start, stop, now_ms, None, old)
        if reached < stop and not batch.full and not batch.records and not batch.duplicates:
            # The command names an earlier movement, and everything before it is in the log.
            command = submission.commands[reached]
            if needs_original(command):
                resolved = await self.resolve(command)  # type: ignore[arg-type]
                reached = self._decider.fill(
                    batch, submission, reached, reached + 1, now_ms, resolved, old
                )
        return reached

    async def _old_ids(self, submission: Submission, start: int, stop: int) -> dict[str, int]:
        """Which ids of a slice were used before the window began, by the filter and the index."""
        names = [command.id or "" for command in submission.commands[start:stop]]
        suspects = [name for name in self.window.old.perhaps(names) if name not in self.state.ids]
        if not suspects:
            return {}
        self._metrics.index_lookups += 1
        return await self._replies.find_old(suspects, self.window.start_offset())

    async def resolve(self, command: Resolved) -> Resolved:
        """The command together with the movement that it names."""
        name = getattr(command, "reverses", None) or getattr(command, "original_id", None) or ""
        original = await self.find(name)
        return Resolved(command, original if type(original) is Moved else None)  # type: ignore[arg-type]

    async def find(self, identity: str) -> Fact | None:
        """The fact that used an id in this partition, as far as this writer has read."""
        offset = self.state.ids.get(identity)
        if offset is None and self.window.old.perhaps([identity]):
            found = await self._replies.find_old([identity], self.window.start_offset())
            offset = found.get(identity)
        return None if offset is None else await self._replies.fact_at(offset)

    # ---- appending -------------------------------------------------------------------------

    async def _commit(self, batch: Batch) -> None:
        """Append until the batch counts, deciding again after each conflict."""
        give_up_at = asyncio.get_running_loop().time() + RESOLVE_SECONDS
        while batch.records:
            try:
                base = await self._log.append(self.partition, batch.offset, batch.records)
            except OutcomeUnknown as error:
                self._metrics.unknown_outcomes += 1
                batch = self._batch = await self._after_unknown(batch, give_up_at, str(error))
                continue
            except ClockSkewed as error:
                raise LogUnavailable(str(error)) from error
            if base == batch.offset:
                break
            self._metrics.void_batches += 1
            self._take_back(batch)
            await self._read_on()
            if not self.claimed:
                self._return_to_queue(batch)
                return
            if asyncio.get_running_loop().time() > give_up_at:
                raise LogUnavailable("others keep writing to this partition")
            batch = self._batch = await self._decide_again(batch)
        self._counts(batch)

    def _counts(self, batch: Batch) -> None:
        """The batch is history: answer everybody in it."""
        self.chain.head = batch.head
        self.window.extend(identities(batch.facts))
        self._metrics.appended += len(batch.records)
        self._metrics.refused += batch.refused
        for submission, start, outcomes in batch.answers:
            if None not in outcomes:
                submission.answer_all(start, outcomes)  # type: ignore[arg-type]
                continue
            for index, outcome in enumerate(outcomes, start):
                if outcome is not None:
                    submission.answer(index, outcome)
        if batch.duplicates:
            self._metrics.replayed += len(batch.duplicates)
            self._replies.answer(batch.duplicates, batch.facts)

    def _take_back(self, batch: Batch) -> None:
        take_back(self.state, batch)
        self.chain.head = batch.head_before
        self.state.offset = batch.offset

    async def _decide_again(self, batch: Batch) -> Batch:
        """The same commands on the state as it is now; what does not fit goes back to the queue."""
        again = Batch(self.state.offset, self.chain.head)
        for position, (submission, start, stop) in enumerate(batch.slices):
            reached = await self._fill(again, submission, start, stop)
            if reached < stop:
                rest = [(submission, reached, stop), *batch.slices[position + 1 :]]
                self._requeue(rest)
                break
        return again

    def _return_to_queue(self, batch: Batch) -> None:
        self._requeue(batch.slices)

    def _requeue(self, slices: list[tuple[Submission, int, int]]) -> None:
        for submission, start, _ in reversed(slices):
            self.queue.put_back(submission, start)

    async def _after_unknown(self, batch: Batch, give_up_at: float, why: str) -> Batch:
        """Read what the log has. What landed is answered from it; the rest is decided again."""
        self._take_back(batch)
        try:
            await self._until(give_up_at, self._read_on)
        except (OutcomeUnknown, LogUnavailable):
            self._unknown(batch, why)
            # Nothing may be decided before the log has been read to its end again.
            self.claimed = False
            return Batch(self.state.offset, self.chain.head)
        again = await self._decide_again(batch)
        # What is there now under this writer's own ids was not there before: it is the first
        # answer, not a replay.
        self._own(again, batch)
        return again

    def _own(self, again: Batch, before: Batch) -> None:
        """Mark duplicates that are this batch's own commands, landed after all."""
        first = {name for name in identities(before.facts)}
        for duplicate in again.duplicates:
            if duplicate.command.id in first and duplicate.offset >= before.offset:
                duplicate.own = True

    async def _until(self, give_up_at: float, attempt: Callable[[], object]) -> None:
        pause = _RETRY_PAUSE_SECONDS[0]
        loop = asyncio.get_running_loop()
        while True:
            try:
                await attempt()  # type: ignore[misc]
                return
            except LogUnavailable:
                if loop.time() + pause > give_up_at:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RETRY_PAUSE_SECONDS[1])

    # ---- reading on and claiming -----------------------------------------------------------

    async def _read_on(self) -> None:
        """Fold everything up to the end of the log into the state."""
        while True:
            part = await self._log.read(
                self.partition, self.state.offset, records_max=_READ_RECORDS
            )
            facts = []
            for record in part.records:
                if not record.counts:
                    self._metrics.void_records_seen += 1
                    continue
                fact = self.chain.accept(record)
                evolve(self.state, fact)
                facts.append(fact)
                if type(fact) is WriterClaimed:
                    self.owner = fact
                    self.claimed = fact.instance == self._options.instance
            self.window.extend(identities(facts))
            self.state.offset = max(self.state.offset, part.next_offset)
            if self.state.offset >= part.end:
                return
            # Other partitions get their turn between the parts of a long read.
            await asyncio.sleep(0)

    async def _claim(self) -> None:
        """Announce that this instance writes here from now on, and be sure to know everything."""
        low, high = CLAIM_PAUSE_SECONDS
        give_up_at = asyncio.get_running_loop().time() + RESOLVE_SECONDS
        try:
            await self._until(give_up_at, self._read_on)
            other = self.owner is not None and self.owner.instance != self._options.instance
            if other and self._last_instance:
                await asyncio.sleep(self._options.chance.uniform(low, high))
                await self._until(give_up_at, self._read_on)
            self._last_instance = self._options.instance
            await self._append_claim()
        except (LogUnavailable, OutcomeUnknown, ClockSkewed) as error:
            self._refuse_waiting(str(error))
            await asyncio.sleep(self._options.chance.uniform(low, high))

    async def _append_claim(self) -> None:
        now_ms = max(self._options.clock_ms(), self.state.recorded_ms)
        claim = WriterClaimed(self.state.offset, self._options.instance, self._options.url, now_ms)
        key, value = encode(claim, self._decider.source, self.chain.head)
        base = await self._log.append(self.partition, claim.offset, [NewRecord(key, value)])
        if base != claim.offset:
            self._metrics.void_batches += 1
            return
        self.chain.head = link(self.partition, claim.offset, key, value)
        evolve(self.state, claim)
        self.owner, self.claimed = claim, True
        self._metrics.claims += 1

    # ---- saying no -------------------------------------------------------------------------

    def _refuse(self, submission: Submission, why: str) -> None:
        for index, outcome in enumerate(submission.outcomes):
            if outcome is None:
                submission.answer(index, Unavailable(submission.commands[index].id, why))

    def _refuse_waiting(self, why: str) -> None:
        for submission in self.queue.drain():
            for index in range(submission.next, len(submission.commands)):
                submission.answer(index, Unavailable(submission.commands[index].id, why))

    def _give_up(self, batch: Batch, why: str) -> None:
        """Nothing of the batch was written, and it is not tried again."""
        self._answer_slices(batch, lambda name: Unavailable(name, why))

    def _unknown(self, batch: Batch, why: str) -> None:
        self._answer_slices(batch, lambda name: Unknown(name or "", why))

    def _answer_slices(self, batch: Batch, make: Callable[[str | None], Outcome]) -> None:
        for submission, start, stop in batch.slices:
            for index in range(start, stop):
                if submission.outcomes[index] is None:
                    submission.answer(index, make(submission.commands[index].id))

    def _stop(self, why: str) -> None:
        """The partition takes nothing any more until somebody has looked at it."""
        self.failure = why
        self.recovered.set()
        self._unknown(self._batch, why)
        self._refuse_waiting(f"partition {self.partition} is stopped: {why}")
