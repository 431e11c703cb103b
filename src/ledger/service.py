"""The ledger as callers see it: submit a command, get its outcome, whatever its partition."""

import asyncio
import gc
import random
import time
from collections.abc import Callable, Collection, Sequence

from ledger.collecting import collect_rarely
from ledger.domain.checks import all_sound
from ledger.domain.context import Rules
from ledger.domain.facts import Command, Moved, RaiseLevel
from ledger.domain.rejections import Rejected
from ledger.domain.supply import SupplyOrderPlaced
from ledger.events.envelope import TRAIL_LEVEL, TYPE_LEVELS
from ledger.events.partitioner import Partitioner
from ledger.log import EventLog, SnapshotStore
from ledger.ownership.desks import Desks
from ledger.ownership.host import Host
from ledger.ownership.instances import Instances
from ledger.ownership.questions import PREVIEWS, Preview, StateUnknown, preview
from ledger.ownership.remote import OwnerUnknown
from ledger.ownership.searching import AmbiguousId, Found, NotAllKnown, Wanted, search
from ledger.ownership.wire import Question, wrap_commands
from ledger.writer.deadlines import Deadlines
from ledger.writer.idempotency import IdIndex
from ledger.writer.metrics import Metrics
from ledger.writer.opening import open_partitions
from ledger.writer.options import Options
from ledger.writer.outcomes import Outcome, Unavailable
from ledger.writer.partition import PartitionWriter
from ledger.writer.queue import QUEUE_FULL, Request, Submission
from ledger.writer.snapshots import SnapshotTaker
from ledger.writer.tenure import Tenure

__all__ = ["AmbiguousId", "Ledger", "NotAllKnown", "wall_clock_ms"]


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
        instances: Instances | None = None,
    ) -> None:
        """`window_ids` is shared by all partitions; `queue_commands_max` is per partition.

        Without `instances` this one writes all partitions and knows of no other.
        """
        self.ledger_id = ""
        self.metrics = Metrics()
        # Set once the log is known to be one ledger's; recovery goes on after it.
        self.opened = asyncio.Event()
        self._instances = instances
        remotes = [] if instances is None else instances.remotes(log, queue_commands_max)
        self._desks = Desks(self._make_writer, remotes)
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

    def host(self) -> Host:
        """Answers other instances; once the ledger is started."""
        return Host(self._desks, self._deadlines, self._options, self.ledger_id, self._owner_of)

    def _owner_of(self, partition: int) -> str:
        return "" if self._instances is None else self._instances.believed(partition)

    @property
    def held(self) -> Collection[int]:
        """The partitions whose commands this instance decides now."""
        return self._desks.held

    @property
    def writers(self) -> list[PartitionWriter]:
        """The writers of this instance, by partition."""
        return [writer for _, writer in sorted(self._desks.writers.items())]

    def _make_writer(self, partition: int, tenure: Tenure) -> PartitionWriter:
        taker = SnapshotTaker(partition, self._snapshots, self._snapshot_every)
        return PartitionWriter(
            partition, self._log, taker, self._index, self._options, self.metrics, tenure
        )

    async def start(self) -> None:
        """Open what is new, recover every partition, begin to write. Used in this loop only."""
        self._deadlines = Deadlines(asyncio.get_running_loop())
        self.ledger_id = await open_partitions(
            self._log, self._new_ledger_id(), self._currency, self._options.clock_ms
        )
        if self._instances is None:
            self._desks.alone(self._log.partitions)
        else:
            self._instances.join(self.ledger_id, self._desks)
        self.opened.set()
        for writer in self.writers:
            await writer.recovered.wait()
        gc.collect()
        collect_rarely()

    async def close(self) -> None:
        """Decide what waits, answer it, end."""
        if self._instances is not None:
            await self._instances.resign()
        await self._desks.close()
        if self.opened.is_set():
            self._deadlines.close()
        if self._instances is not None:
            await self._instances.close()

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
        trail: bytes | None = None,
    ) -> tuple[int, Outcome]:
        """Decide one command, which has an id. Returns when its outcome is durable or unknown.

        `traceparent` (W3C Trace Context) goes along with the record as a header, `trail` in its
        document, once the log was raised to that level.
        """
        partition = self._partitioner.partition_of(command.sku)
        request = Request(self._deadlines.loop, traceparent, trail)
        submission = Submission([command], actor, request)
        if not self._desks[partition].offer(submission):
            return partition, Unavailable(command.id, QUEUE_FULL)
        await self._deadlines.wait(request, (submission,), timeout_seconds)
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
        trail: bytes | None = None,
    ) -> list[tuple[int, Outcome]]:
        """Decide many, each for itself; the commands of one SKU in their order."""
        partitions: list[int] = []
        sound = True
        async for some in self._options.pace.portions(commands):
            partitions += self._partitioner.partitions_of([command.sku for command in some])
            # Now, while what was decoded is at hand; later it has to be fetched from memory.
            sound = sound and all_sound(some)
        parts: list[list[Command]] = [[] for _ in range(self._log.partitions)]
        for command, partition in zip(commands, partitions, strict=True):
            parts[partition].append(command)
        request = Request(self._deadlines.loop, traceparent, trail)
        # Held open until everything is queued, so that an early answer cannot end it.
        request.opened()
        submissions: dict[int, Submission] = {}
        for partition, part in enumerate(parts):
            if not part:
                continue
            submissions[partition] = submission = Submission(part, actor, request, sound=sound)
            if not self._desks[partition].offer(submission):
                for position, command in enumerate(part):
                    submission.answer(position, Unavailable(command.id, QUEUE_FULL))
        request.finished()
        await self._deadlines.wait(request, [*submissions.values()], timeout_seconds)
        # Each partition answered its part in order, so the next answer is that of the next command.
        answers = {one: iter(submission.outcomes) for one, submission in submissions.items()}
        outcomes = map(next, map(answers.__getitem__, partitions))
        return list(zip(partitions, outcomes, strict=True))  # type: ignore[arg-type]

    async def dry_run(self, command: Command, *, actor: str | None) -> tuple[int, Preview]:
        """What would become of a command on the state as this instance knows it now.

        Raises StateUnknown while the partition recovers and once it is stopped, LogUnavailable.
        """
        partition = self.partition_of(command.sku)
        if partition in self._desks.held:
            writer = self._desks.writers[partition]
            return partition, await preview(writer, command, actor, self._options)
        question = Question(self.ledger_id, partition, actor, "", wrap_commands([command]))
        try:
            (answer,) = await self._desks.remotes[partition].ask(question)
        except (OwnerUnknown, ValueError) as error:
            raise StateUnknown from error
        if isinstance(answer, PREVIEWS):
            return partition, answer
        raise StateUnknown

    async def raise_level(
        self, level: int, *, actor: str | None, trail: bytes | None = None
    ) -> list[Outcome]:
        """Raise every partition to a level of events, once all instances can read it."""
        supported = max(TRAIL_LEVEL, *self._options.type_levels.values())
        if level > supported:
            # Nobody could read the log any more, this instance included.
            wrong = Rejected("invalid_request", f"this version reads up to level {supported}")
            return [wrong] * self._log.partitions
        outcomes = []
        for partition in range(self._log.partitions):
            request = Request(self._deadlines.loop, trail=trail)
            # No caller can use an id with a control character.
            command = RaiseLevel(f"\x00level-{level}", "ledger", level)
            submission = Submission([command], actor, request)
            self._desks[partition].offer(submission)
            await self._deadlines.wait(request, (submission,), 30.0)
            outcomes.append(submission.outcomes[0])
        return outcomes  # type: ignore[return-value]

    async def find_movement(self, identity: str, sku: str | None) -> tuple[int, Moved] | None:
        """The movement with this id, by the writers' memory and the id index.

        Raises AmbiguousId, NotAllKnown unless every partition can be searched, LogUnavailable.
        """
        return await self._search(Moved, identity, sku)

    async def find_supply_order(
        self, identity: str, sku: str | None
    ) -> tuple[int, SupplyOrderPlaced] | None:
        """How the supply order with this id was placed; as `find_movement`."""
        return await self._search(SupplyOrderPlaced, identity, sku)

    async def _search(
        self, kind: type[Found], identity: str, sku: str | None
    ) -> tuple[int, Found] | None:
        partitions = range(self._log.partitions) if sku is None else [self.partition_of(sku)]
        return await search(self._desks, self.ledger_id, partitions, Wanted(kind, identity, sku))

    def ready(self) -> list[str]:
        """Why this instance is not ready to write; empty if it is."""
        if not self.opened.is_set():
            return ["the ledger is not started"]
        reasons = []
        if self._instances is not None and self._instances.failure is not None:
            reasons.append(self._instances.failure)
        for partition, writer in sorted(self._desks.writers.items()):
            if writer.failure is not None:
                reasons.append(f"partition {partition} is stopped: {writer.failure}")
            elif not writer.recovered.is_set() and writer.tenure.wanted:
                reasons.append(f"partition {partition} is recovering")
        return reasons

    async def end(self, partition: int) -> int:
        """The offset behind the last record of a partition."""
        return await self._log.end(partition)
