"""The ledger's log on Kafka: positioned append through an idempotent producer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ledger.adapters.kafka_batches import build_batch, build_derived
from ledger.adapters.kafka_producer import Delivered, Producer
from ledger.adapters.kafka_reader import KafkaReader
from ledger.adapters.kafka_snapshots import KafkaSnapshots
from ledger.adapters.kafka_topic_id import topic_id
from ledger.adapters.kafka_topics import (
    Cluster,
    KafkaSecurity,
    Topic,
    check_topic,
    create_missing,
    describe,
)
from ledger.errors import (
    ClockSkewed,
    LogMisconfigured,
    LogReadOnly,
    LogRegressed,
    LogUnavailable,
)
from ledger.log import READ_RECORDS_MAX, NewRecordTuple, Slice

__all__ = ["KafkaLog", "KafkaSecurity", "KafkaSnapshots"]

CLOCK_SKEW_SECONDS_MAX = 5.0
# While the clock is off, one append in this time is let through, to measure again.
CLOCK_PROBE_SECONDS = 10.0
# Reads and appends ask at most this often whether it still is the same topic. A request that failed
# or was repeated, and a batch that lies elsewhere than decided, ask at once. What is left, a topic
# of the very same length between two appends, is for the hash chain to find.
IDENTITY_SECONDS = 1.0
IDENTITY_ANSWER_SECONDS = 1.0


@dataclass(eq=False)
class KafkaLog:
    """An `EventLog` on one Kafka topic. For use in one event loop."""

    bootstrap: str
    topic: str = "stock.movements.v1"
    partitions: int = 12
    replication: int = 3
    dev: bool = False
    create: bool = True
    # Neither a topic is made nor a producer: the rights to Describe and Read the topic are enough.
    read_only: bool = False
    # A topic made from the log: compacted, its records name what they are made from.
    derived: bool = False
    security: KafkaSecurity = field(default_factory=KafkaSecurity)
    append_timeout_seconds: float = 10.0
    compression: Literal["gzip", "lz4", "zstd"] | None = None
    clock: Callable[[], float] = time.time
    client_id: str = "stockledger"

    def __post_init__(self) -> None:
        """Prepare; nothing connects before `open`."""
        self._cluster = Cluster(
            self.bootstrap, self.security, self.append_timeout_seconds, self.client_id
        )
        self._topic = Topic(
            name=self.topic,
            partitions=self.partitions,
            replication=self.replication,
            dev=self.dev,
            compacted=self.derived,
        )
        self._build = build_derived if self.derived else build_batch
        self._reader = KafkaReader(self._cluster, self.topic)
        self._opened = False
        self._closed = False
        self._producer: Producer | None = None
        self._retired: set[Producer] = set()
        self._producer_lock = asyncio.Lock()
        self._skew_seconds = 0.0
        self._skew_measured_at = 0.0
        self._topic_id: bytes | None = None
        self._topic_id_asked_at = 0.0
        self._faults_seen = 0
        self._regressed: str | None = None

    @property
    def clock_skew_seconds(self) -> float:
        """How far this machine's clock is ahead of the broker's, by the last answer."""
        return self._skew_seconds

    async def open(self) -> None:
        """Create the topic if it is missing and may be made, check it, connect for good."""
        self._closed = False
        if self.create and not self.read_only:
            async with self._cluster.admin() as admin:
                await create_missing(admin, [self._topic])
        wrong = await self._violations(must_be_told=not self.read_only)
        if wrong:
            await self._reader.close()
            raise LogMisconfigured(" ".join(wrong))
        self._topic_id = await topic_id(self._reader, self.topic)
        self._opened = True
        if not self.read_only:
            await self._started_producer()

    async def close(self) -> None:
        """Stop. What is not delivered yet is dropped, and fails with OutcomeUnknown."""
        self._opened = False
        self._closed = True
        producers = [*self._retired] if self._producer is None else [*self._retired, self._producer]
        self._producer = None
        for producer in producers:
            await producer.discard()
        await self._reader.close()

    async def check(self) -> list[str]:
        """Compare the topic with what the ledger needs; a sentence for each violation.

        Connects if need be. Raises LogUnavailable, also of a log that is closed: nobody would close
        what it connects.
        """
        return await self._violations(must_be_told=True)

    async def _violations(self, *, must_be_told: bool) -> list[str]:
        async with self._cluster.admin() as admin:
            metadata = await describe(admin, [self._topic])
            starts: dict[int, int] = {}
            if self._closed:
                raise LogUnavailable("the log is closed")
            if metadata:
                await self._reader.open()
                partitions = [one["partition"] for one in metadata[self.topic]]
                starts = await self._reader.starts(partitions)
            wrong = await check_topic(admin, self._topic, starts, must_be_told=must_be_told)
        self._note_deleted(starts)
        if self._opened and await self._is_another_topic():
            wrong.append(f"{self.topic}: the topic was deleted and created again.")
        return wrong

    async def append(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """Append one atomic batch, as `EventLog.append` says.

        Raises ValueError if the batch exceeds `BATCH_BYTES_MAX` or the partition is none.
        """
        count, take = len(records), [records].pop
        # Once they are in a batch nobody here needs them: freed at once, their memory is still at
        # hand for those that are made while this waits.
        del records
        return await self._append(
            partition, offset, count, lambda producer: producer.deliver(partition, offset, take())
        )

    async def append_void(self, partition: int, offset: int, count: int) -> int:
        """Append records that state no offset, as `FillableLog.append_void` says."""
        return await self._append(
            partition, offset, count, lambda producer: producer.deliver_void(partition, count)
        )

    async def _append(
        self,
        partition: int,
        offset: int,
        count: int,
        deliver: Callable[[Producer], Awaitable[Delivered]],
    ) -> int:
        if self.read_only:
            raise LogReadOnly
        if not 0 <= partition < self.partitions:
            raise ValueError(f"there is no partition {partition}")
        self._guard()
        await self._confirm_identity()
        self._refuse_if_skewed()
        producer = self._producer
        if producer is None or producer.discarded or not producer.has_room(partition, count):
            producer = await self._started_producer(partition, count)
        sent_at = self.clock()
        try:
            base, stamp_ms, sends = await deliver(producer)
        finally:
            if producer in self._retired and not producer.in_flight:
                self._retired.discard(producer)
                await producer.discard()
        if stamp_ms >= 0:
            self._measure_skew(sent_at, stamp_ms)
        if base < offset:
            raise LogRegressed(f"partition {partition} ended at {base}, before offset {offset}")
        if base > offset or sends > 1:
            await self._confirm_identity(at_once=True)
        return base

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        records_max: int = READ_RECORDS_MAX,
        wait_seconds: float = 0.0,
    ) -> Slice:
        """Read from `offset` on, as `EventLog.read` says; never waits beyond the request time."""
        self._guard()
        try:
            found = await self._reader.read(
                partition, offset, records_max=records_max, wait_seconds=wait_seconds
            )
        finally:
            # Whatever failed may have failed because the topic is another one now.
            if self._reader.faults != self._faults_seen and self._opened:
                self._faults_seen = self._reader.faults
                await self._confirm_identity(at_once=True)
        await self._confirm_identity()
        return found

    async def end(self, partition: int) -> int:
        """Ask the partition's leader for its end. Raises LogUnavailable."""
        self._guard()
        return await self._reader.end(partition)

    async def _started_producer(self, partition: int = 0, count: int = 0) -> Producer:
        """Return a producer that works and has sequence numbers left; make one if need be."""
        async with self._producer_lock:
            old = self._producer
            if old is not None and not old.discarded:
                if old.has_room(partition, count):
                    return old
                # It may still have batches of other partitions in flight, so the last one ends it.
                self._retired.add(old)
                if not old.in_flight:
                    self._retired.discard(old)
                    await old.discard()
            self._producer = None
            new = Producer(self._cluster, self.topic, self.compression, self._build)
            await new.start()
            if not self._opened:
                await new.discard()
                raise LogUnavailable("the log was closed")
            self._producer = new
            return new

    def _guard(self) -> None:
        if self._regressed is not None:
            raise LogRegressed(self._regressed)
        if not self._opened:
            raise LogUnavailable("the log is not open")

    def _refuse_if_skewed(self) -> None:
        if abs(self._skew_seconds) <= CLOCK_SKEW_SECONDS_MAX:
            return
        now = time.monotonic()
        if now - self._skew_measured_at < CLOCK_PROBE_SECONDS:
            raise ClockSkewed(
                f"this machine's clock is {self._skew_seconds:+.1f} s off the broker's; "
                f"more than {CLOCK_SKEW_SECONDS_MAX:.0f} s is refused"
            )
        self._skew_measured_at = now  # this append is the probe; others wait for its answer

    def _measure_skew(self, sent_at: float, stamp_ms: int) -> None:
        """Compare clocks. A slow answer is no skew: any time since the sending is a right time."""
        answered_at = self.clock()
        stamp = stamp_ms / 1000
        ahead = sent_at - stamp if stamp < sent_at else min(0.0, answered_at - stamp)
        self._skew_seconds = ahead
        self._skew_measured_at = time.monotonic()

    async def _confirm_identity(self, *, at_once: bool = False) -> None:
        """Raise LogRegressed, now and ever after, if the topic was deleted and created again."""
        now = time.monotonic()
        if not at_once and now - self._topic_id_asked_at < IDENTITY_SECONDS:
            return
        self._topic_id_asked_at = now
        try:
            async with asyncio.timeout(IDENTITY_ANSWER_SECONDS):
                another = await self._is_another_topic()
        except (LogUnavailable, TimeoutError):
            return  # it cannot be told now, and what the caller does next will say so
        if another:
            self._regressed = f"{self.topic} was deleted and created again"
            raise LogRegressed(self._regressed)

    def _note_deleted(self, starts: Mapping[int, int]) -> None:
        """What was deleted is gone for good: nothing is read or written here any more."""
        for partition, start in starts.items():
            if start > 0 and self._opened and self._regressed is None:
                self._regressed = f"{self.topic}: partition {partition} was deleted up to {start}"

    async def _is_another_topic(self) -> bool:
        if self._topic_id is None:
            return False
        found = await topic_id(self._reader, self.topic)
        return found is not None and found != self._topic_id
