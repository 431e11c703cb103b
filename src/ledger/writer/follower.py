"""What a writer knows of its partition: state, chain, ids and owner, up to where it has read."""

import asyncio
from collections.abc import Callable, Sequence

from ledger.domain.decider import evolve
from ledger.domain.facts import WriterClaimed
from ledger.domain.stock import PartitionState
from ledger.events.chain import Chain, link
from ledger.events.codec import encode
from ledger.log import EventLog, NewRecord, Record, SnapshotStore
from ledger.writer.batch import ids_used
from ledger.writer.filters import OldIds
from ledger.writer.idempotency import Window
from ledger.writer.metrics import Metrics
from ledger.writer.names import SkuNames
from ledger.writer.options import Options
from ledger.writer.pace import TURN_COMMANDS_MAX, TURN_RECORDS_MAX
from ledger.writer.recovery import never, recover
from ledger.writer.retry import until
from ledger.writer.snapshots import SnapshotTaker

_READ_RECORDS = 1_000


class Follower:
    """Folds the counting records of one partition, and writes this instance's claims to it."""

    def __init__(self, partition: int, log: EventLog, options: Options, metrics: Metrics) -> None:
        """Nothing is read yet."""
        self.partition = partition
        self.state = PartitionState()
        self.chain = Chain(partition)
        self.window = Window(self.state, options.window_ids, OldIds())
        self.names = SkuNames()
        self.owner: WriterClaimed | None = None
        # Whether the newest claim is this instance's.
        self.claimed = False
        self._claimed_before = False
        self._log = log
        self._options = options
        self._metrics = metrics

    @property
    def source(self) -> str:
        """The `source` of this ledger's events."""
        return f"/stockledger/{self.state.ledger_id}"

    async def recover(self, store: SnapshotStore, cancelled: Callable[[], bool] = never) -> int:
        """Read the partition from a snapshot or the start; returns the snapshot's offset.

        Raises LogUnavailable soon after `cancelled` says so.
        """
        recovered = await recover(
            self.partition,
            self._log,
            store,
            window_ids=self._options.window_ids,
            cancelled=cancelled,
            pace=self._options.pace,
        )
        self.state, self.chain = recovered.state, recovered.chain
        self.window, self.owner = recovered.window, recovered.owner
        self.names = recovered.names
        if recovered.why_not is not None:
            self._metrics.snapshots_ignored += 1
        return recovered.snapshot_offset

    async def read_on(self) -> None:
        """Fold everything up to the end of the log into the state."""
        while True:
            part = await self._log.read(
                self.partition, self.state.offset, records_max=_READ_RECORDS
            )
            for start in range(0, len(part.records), TURN_RECORDS_MAX):
                # Other partitions get their turn between the parts of a long read.
                await self._options.pace.turn(TURN_COMMANDS_MAX)
                self._take(part.records[start : start + TURN_RECORDS_MAX])
            self.state.offset = max(self.state.offset, part.next_offset)
            if self.state.offset >= part.end:
                return
            await asyncio.sleep(0)

    def _take(self, records: Sequence[Record]) -> None:
        facts = []
        for record in records:
            if not record.counts:
                self._metrics.void_records_seen += 1
                continue
            fact = self.chain.accept(record)
            evolve(self.state, fact)
            facts.append(fact)
            if type(fact) is WriterClaimed:
                self.owner = fact
                self.claimed = fact.instance == self._options.instance
        self.count(ids_used(facts))

    def count(self, ids: int) -> None:
        """Facts in the state count from now on, so that nothing of them is ever undone; they have
        used so many ids."""
        self.window.extend(ids)
        self.names.follow(self.state.skus)

    async def snapshot(self, taker: SnapshotTaker) -> None:
        """One step of a snapshot."""
        taken, failed = taker.taken, taker.failed
        await taker.step(self.state, self.window, self.names, self.chain)
        self._metrics.snapshots += taker.taken - taken
        self._metrics.snapshots_failed += taker.failed - failed

    async def take_over(self, give_up_at: float, pause_seconds: float) -> None:
        """Read to the end and claim; if this instance had lost its claim, pause before.

        The pause lets the other writer work. Raises LogUnavailable, OutcomeUnknown, ClockSkewed.
        """
        await until(give_up_at, self.read_on)
        other = self.owner is not None and self.owner.instance != self._options.instance
        if other and self._claimed_before:
            await asyncio.sleep(pause_seconds)
            await until(give_up_at, self.read_on)
        self._claimed_before = True
        await self.claim()

    async def claim(self) -> None:
        """Announce that this instance writes here; void, and so without effect, if not up to date.

        Raises what appending to the log raises.
        """
        now_ms = max(self._options.clock_ms(), self.state.recorded_ms)
        claim = WriterClaimed(self.state.offset, self._options.instance, self._options.url, now_ms)
        key, value = encode(claim, self.source, self.chain.head)
        base = await self._log.append(self.partition, claim.offset, [NewRecord(key, value)])
        if base != claim.offset:
            self._metrics.void_batches += 1
            return
        self.chain.head = link(self.partition, claim.offset, key, value)
        evolve(self.state, claim)
        self.owner, self.claimed = claim, True
        self._metrics.claims += 1
