"""The ledger as callers see it: submit a command, get its outcome, whatever its partition."""

import asyncio
import gc
import random
import time
from collections.abc import Callable, Sequence

from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide
from ledger.domain.facts import Command, Moved, RaiseLevel
from ledger.domain.items import ItemDefined
from ledger.domain.rejections import Rejected
from ledger.errors import LedgerError
from ledger.events.envelope import TYPE_LEVELS
from ledger.events.partitioner import Partitioner
from ledger.log import EventLog, SnapshotStore
from ledger.writer.batch import needs_original
from ledger.writer.deadlines import Deadlines
from ledger.writer.idempotency import IdIndex
from ledger.writer.metrics import Metrics
from ledger.writer.opening import open_partitions
from ledger.writer.options import Options
from ledger.writer.outcomes import Outcome, Replayed, Unavailable, Unknown
from ledger.writer.partition import PartitionWriter
from ledger.writer.queue import Request, Submission
from ledger.writer.replies import same
from ledger.writer.snapshots import SnapshotTaker

GC_YOUNG_OBJECTS = 20_000
QUEUE_FULL = "the queue of this partition is full"


class AmbiguousId(LookupError):
    """Movements of several SKUs have this id; name the SKU."""


class StateUnknown(LedgerError):
    """This instance does not know the newest state of the stock at the moment; try again."""


class NotAllKnown(LedgerError):
    """A partition that may have this id too cannot be searched now; name the SKU or try again."""


def wall_clock_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Ledger:
    """All partitions of one log, as this instance writes them."""

    def __init__(  # noqa: PLR0913 - the composition root names every choice
        self,
        log: EventLog,
        snapshots: SnapshotStore,
        index: IdIndex | None,
        *,
        instance: str,
        new_ledger_id: Callable[[], str],
        url: str = "",
        rules: Rules | None = None,
        currency: str = "EUR",
        queue_commands_max: int = 20_000,
        window_ids: int = 1_000_000,
        snapshot_every_records: int = 200_000,
        clock_ms: Callable[[], int] = wall_clock_ms,
        chance: random.Random | None = None,
    ) -> None:
        """`window_ids` is shared by all partitions; `queue_commands_max` is per partition."""
        self.ledger_id = ""
        self.metrics = Metrics()
        self.writers: list[PartitionWriter] = []
        self._log = log
        self._snapshots = snapshots
        self._index = index
        self._currency = currency
        self._new_ledger_id = new_ledger_id
        self._snapshot_every = snapshot_every_records
        self._partitioner = Partitioner(log.partitions)
        self._options = Options(
            instance=instance,
            url=url,
            rules=rules or Rules(),
            clock_ms=clock_ms,
            type_levels=TYPE_LEVELS,
            queue_commands_max=queue_commands_max,
            window_ids=max(1, window_ids // log.partitions),
            snapshot_every_records=snapshot_every_records,
            chance=chance,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open what is new, recover every partition, begin to write. Used in this loop only."""
        self._deadlines = Deadlines(asyncio.get_running_loop())
        self.ledger_id = await open_partitions(
            self._log, self._new_ledger_id(), self._currency, self._options.clock_ms
        )
        for partition in range(self._log.partitions):
            taker = SnapshotTaker(partition, self._snapshots, self._snapshot_every)
            writer = PartitionWriter(
                partition, self._log, taker, self._index, self._options, self.metrics
            )
            self.writers.append(writer)
            self._tasks.append(asyncio.create_task(writer.run(), name=f"writer-{partition}"))
        for writer in self.writers:
            await writer.recovered.wait()
        # What was recovered lives as long as the process; the collector need not visit it again.
        gc.collect()
        gc.freeze()
        # Nearly everything a command leaves behind is freed by its count. The default thresholds
        # would look for cycles dozens of times in every bulk.
        gc.set_threshold(GC_YOUNG_OBJECTS, 20, 50)

    async def close(self) -> None:
        """Decide what waits, answer it, then end."""
        for writer in self.writers:
            writer.close()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._deadlines.close()

    # ---- commands --------------------------------------------------------------------------

    def partition_of(self, sku: str) -> int:
        """The partition in which everything about the SKU lies."""
        return self._partitioner.partition_of(sku)

    async def submit(
        self,
        command: Command,
        *,
        actor: str | None,
        timeout_seconds: float,
        traceparent: bytes | None = None,
    ) -> tuple[int, Outcome]:
        """Decide one command, which has an id. Returns when its outcome is durable or unknown.

        `traceparent` (W3C Trace Context) goes along with the record as a header.
        """
        partition = self._partitioner.partition_of(command.sku)
        request = Request(self._deadlines.loop, traceparent)
        submission = Submission([command], actor, request)
        if not self.writers[partition].offer(submission):
            return partition, Unavailable(command.id, QUEUE_FULL)
        await self._wait(request, (submission,), timeout_seconds)
        outcome = submission.outcomes[0]
        assert outcome is not None
        return partition, outcome

    async def submit_bulk(
        self,
        commands: Sequence[Command],
        *,
        actor: str | None,
        timeout_seconds: float,
        traceparent: bytes | None = None,
    ) -> list[tuple[int, Outcome]]:
        """Decide many, each for itself; the commands of one SKU in their order."""
        partitions: list[int] = []
        async for some in self._options.pace.portions(commands):
            partitions += self._partitioner.partitions_of([command.sku for command in some])
        parts: list[list[int]] = [[] for _ in self.writers]
        for index, partition in enumerate(partitions):
            parts[partition].append(index)
        request = Request(self._deadlines.loop, traceparent)
        # Held open until everything is queued, so that an early answer cannot end it.
        request.opened()
        submissions: list[Submission] = []
        used = [partition for partition, indexes in enumerate(parts) if indexes]
        for partition in used:
            part = [commands[index] for index in parts[partition]]
            submission = Submission(part, actor, request)
            submissions.append(submission)
            if not self.writers[partition].offer(submission):
                for position, command in enumerate(submission.commands):
                    submission.answer(position, Unavailable(command.id, QUEUE_FULL))
        request.finished()
        await self._wait(request, submissions, timeout_seconds)
        outcomes: list[Outcome | None] = [None] * len(commands)
        for partition, submission in zip(used, submissions, strict=True):
            for index, outcome in zip(parts[partition], submission.outcomes, strict=True):
                outcomes[index] = outcome
        return list(zip(partitions, outcomes, strict=True))  # type: ignore[arg-type]

    async def _wait(
        self, request: Request, submissions: Sequence[Submission], timeout_seconds: float
    ) -> None:
        self._deadlines.add(request, timeout_seconds)
        try:
            await request.done
        except asyncio.CancelledError:
            for submission in submissions:
                submission.cancelled = True
            raise
        finally:
            self._deadlines.remove(request, timeout_seconds)
        if request.expired:
            for submission in submissions:
                _abandon(submission)

    async def dry_run(
        self, command: Command, *, actor: str | None
    ) -> tuple[int, Moved | ItemDefined | Rejected | Replayed]:
        """What would become of a command on the state as this instance knows it now.

        Raises StateUnknown while the partition recovers and once it is stopped, LogUnavailable.
        """
        partition = self.partition_of(command.sku)
        writer = self.writers[partition]
        if not _knows(writer):
            raise StateUnknown
        fact = await writer.find(command.id or "")
        if fact is not None:
            if same(command, fact):  # type: ignore[arg-type]
                return partition, Replayed(fact)  # type: ignore[arg-type]
            return partition, Rejected("idempotency_key_reused", "the id was used before")
        if needs_original(command):
            command = await writer.lookup.resolve(command)
        if not _knows(writer):
            # It was stopped meanwhile.
            raise StateUnknown
        now_ms = max(self._options.clock_ms(), writer.state.recorded_ms)
        decision = decide(writer.state, command, Context(self._options.rules, now_ms, actor))
        return partition, decision  # type: ignore[return-value]

    async def raise_level(self, level: int, *, actor: str | None) -> list[Outcome]:
        """Raise every partition to a level of events, once all instances can read it."""
        supported = max(self._options.type_levels.values())
        if level > supported:
            # Nobody could read the log any more, this instance included.
            wrong = Rejected("invalid_request", f"this version reads up to level {supported}")
            return [wrong for _ in self.writers]
        outcomes = []
        for writer in self.writers:
            request = Request(self._deadlines.loop)
            # No caller can use an id with a control character.
            command = RaiseLevel(f"\x00level-{level}", "ledger", level)
            submission = Submission([command], actor, request)
            writer.offer(submission)
            await self._wait(request, (submission,), 30.0)
            outcomes.append(submission.outcomes[0])
        return outcomes  # type: ignore[return-value]

    # ---- questions -------------------------------------------------------------------------

    async def find_movement(self, identity: str, sku: str | None) -> tuple[int, Moved] | None:
        """The movement with this id, by the writers' memory and the id index.

        Raises AmbiguousId, NotAllKnown unless every partition can be searched, LogUnavailable.
        """
        writers = self.writers if sku is None else [self.writers[self.partition_of(sku)]]
        found: list[tuple[int, Moved]] = []
        for writer in writers:
            fact = await writer.find(identity)
            if type(fact) is Moved and (sku is None or fact.sku == sku):
                found.append((writer.partition, fact))
        if len(found) > 1:
            raise AmbiguousId(identity)
        if sku is None and not all(map(_knows, writers)):
            raise NotAllKnown
        return found[0] if found else None

    def ready(self) -> list[str]:
        """Why this instance is not ready to write; empty if it is."""
        reasons = []
        for writer in self.writers:
            if writer.failure is not None:
                reasons.append(f"partition {writer.partition} is stopped: {writer.failure}")
            elif not writer.recovered.is_set():
                reasons.append(f"partition {writer.partition} is recovering")
        if not self.writers:
            reasons.append("the ledger is not started")
        return reasons

    async def end(self, partition: int) -> int:
        """The offset behind the last record of a partition."""
        return await self._log.end(partition)


def _knows(writer: PartitionWriter) -> bool:
    """Whether the writer has read its partition and goes on doing so."""
    return writer.failure is None and writer.recovered.is_set()


def _abandon(submission: Submission) -> None:
    """The caller waits no longer: tell what is known of each command."""
    submission.cancelled = True
    for index, outcome in enumerate(submission.outcomes):
        if outcome is None:
            name = submission.commands[index].id
            if index < submission.next or submission.unsure(index):
                submission.outcomes[index] = Unknown(name or "", "no answer from the log in time")
            else:
                submission.outcomes[index] = Unavailable(name, "the queue was not reached in time")
