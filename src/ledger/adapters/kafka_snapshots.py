"""Snapshots on a compacted Kafka topic.

Parts of the snapshots of partition p lie on partition p of the topic. The manifests of all lie on
one more partition, the last, and name the offsets of their parts: so the newest snapshot is found
by reading a few small records, and its parts are read from where they lie.

A part's key is its partition, a slot and its number. Generations take turns in the slots, so that
the third generation from now replaces the parts of this one, also of one that was never committed;
compaction then drops them. Nothing has to be cleaned up.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ledger.adapters.kafka_reader import KafkaReader
from ledger.adapters.kafka_topics import (
    MESSAGE_BYTES_MAX,
    Cluster,
    KafkaSecurity,
    Topic,
    check_topic,
    create_missing,
)
from ledger.errors import (
    LogMisconfigured,
    LogReadOnly,
    LogRegressed,
    LogUnavailable,
    SnapshotCorrupt,
)

SLOTS = 3
PARTS_AT_ONCE = 8
MANIFESTS_AT_ONCE = 1_000


class Manifest(msgspec.Struct, frozen=True):
    """The record that commits a generation: the caller's bytes, and where the parts lie."""

    generation: int
    slot: int
    parts: dict[int, int]  # offset by number
    manifest: bytes


@dataclass(eq=False)
class KafkaSnapshots:
    """A `SnapshotStore` on one compacted topic. For use in one event loop."""

    bootstrap: str
    topic: str = "stock.snapshots.v1"
    partitions: int = 12
    replication: int = 3
    dev: bool = False
    create: bool = True
    # As in `KafkaLog`.
    read_only: bool = False
    security: KafkaSecurity = field(default_factory=KafkaSecurity)
    timeout_seconds: float = 10.0
    client_id: str = "stockledger"

    def __post_init__(self) -> None:
        """Prepare; nothing connects before `open`."""
        self._cluster = Cluster(self.bootstrap, self.security, self.timeout_seconds, self.client_id)
        self._topic = Topic(
            name=self.topic,
            partitions=self.partitions + 1,
            replication=self.replication,
            dev=self.dev,
            compacted=True,
        )
        self._reader = KafkaReader(self._cluster, self.topic)
        self._producer: AIOKafkaProducer | None = None
        self._committed: dict[int, Manifest] = {}
        self._manifests_read = 0
        self._reading = asyncio.Lock()
        self._put: dict[tuple[int, int], Manifest] = {}  # not committed yet

    async def open(self) -> None:
        """Create the topic if it is missing and may be made, check it, connect."""
        async with self._cluster.admin() as admin:
            if self.create and not self.read_only:
                await create_missing(admin, [self._topic])
            wrong = await check_topic(admin, self._topic, {}, must_be_told=not self.read_only)
        if wrong:
            raise LogMisconfigured(" ".join(wrong))
        await self._reader.open()
        if not self.read_only:
            await self._start_producer()

    async def _start_producer(self) -> None:
        self._producer = AIOKafkaProducer(
            **self._cluster.arguments(),
            acks="all",
            enable_idempotence=True,
            max_batch_size=MESSAGE_BYTES_MAX,
            max_request_size=MESSAGE_BYTES_MAX,
        )
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await self._producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            await self.close()
            raise LogUnavailable(f"snapshots cannot be written: {error!r}") from error

    async def close(self) -> None:
        """Stop; parts that are still on their way belong to no committed generation."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(self.timeout_seconds):
                    await producer.stop()
        await self._reader.close()

    async def put(self, partition: int, generation: int, part: int, data: bytes) -> None:
        """Store one part. Raises LogUnavailable, LogReadOnly."""
        self._refuse_to_write()
        known = self._put.get((partition, generation))
        if known is None:
            await self._read_manifests()
            last = self._committed.get(partition)
            slot = 0 if last is None else (last.slot + 1) % SLOTS
            known = self._put.setdefault(
                (partition, generation), Manifest(generation, slot, {}, b"")
            )
        key = f"{partition}/{known.slot}/{part}".encode()
        known.parts[part] = await self._send(partition, key, data)

    async def commit(self, partition: int, generation: int, manifest: bytes) -> None:
        """Write the manifest, after which the generation is there.

        A commit of an older generation than the newest one changes nothing. Raises LogUnavailable,
        LogReadOnly.
        """
        self._refuse_to_write()
        put = self._put.pop((partition, generation), Manifest(generation, 0, {}, b""))
        committed = Manifest(generation, put.slot, put.parts, manifest)
        # Generations before this one will not be committed any more.
        for key in [one for one in self._put if one[0] == partition and one[1] < generation]:
            del self._put[key]
        await self._read_manifests()
        newest = self._committed.get(partition)
        if newest is None or newest.generation <= generation:
            await self._send(self.partitions, b"%d" % partition, msgspec.msgpack.encode(committed))

    async def newest(self, partition: int) -> tuple[int, bytes] | None:
        """Return generation and manifest of the newest committed snapshot, or None."""
        await self._read_manifests()
        found = self._committed.get(partition)
        return None if found is None else (found.generation, found.manifest)

    async def parts(self, partition: int, generation: int) -> AsyncIterator[bytes]:
        """Give the parts of a committed generation by number.

        Raises SnapshotCorrupt if it is not the newest one or a part is gone, LogUnavailable.
        """
        await self._read_manifests()
        found = self._committed.get(partition)
        if found is None or found.generation != generation:
            raise SnapshotCorrupt(f"partition {partition} has no snapshot {generation}")
        for part, offset in sorted(found.parts.items()):
            try:
                read = await self._reader.read(partition, offset, records_max=1, wait_seconds=0)
            except LogRegressed as error:
                raise SnapshotCorrupt(f"part {part} of snapshot {generation} is gone") from error
            key = f"{partition}/{found.slot}/{part}".encode()
            if [(one.offset, one.key) for one in read.records] != [(offset, key)]:
                raise SnapshotCorrupt(f"part {part} of snapshot {generation} is gone")
            yield read.records[0].value

    async def delete_all(self) -> None:
        """Forget every snapshot; the parts go when compaction comes to them."""
        self._refuse_to_write()
        self._put.clear()
        for partition in range(self.partitions):
            await self._send(self.partitions, b"%d" % partition, None)

    def _refuse_to_write(self) -> None:
        if self.read_only:
            raise LogReadOnly

    async def _send(self, partition: int, key: bytes, value: bytes | None) -> int:
        if self._producer is None:
            raise LogUnavailable("the snapshot store is not open")
        try:
            async with asyncio.timeout(self.timeout_seconds):
                sent = await self._producer.send_and_wait(
                    self.topic, value, key=key, partition=partition
                )
        except (KafkaError, TimeoutError, OSError) as error:
            raise LogUnavailable(f"a snapshot cannot be written: {error!r}") from error
        return int(sent.offset)

    async def _read_manifests(self) -> None:
        """Read what has been committed since the last time, by whomever."""
        async with self._reading:
            end = await self._reader.end(self.partitions)
            while self._manifests_read < end:
                read = await self._reader.read(
                    self.partitions,
                    self._manifests_read,
                    records_max=MANIFESTS_AT_ONCE,
                    wait_seconds=0,
                )
                for one in read.records:
                    self._take(one.key, one.value)
                if read.next_offset == self._manifests_read:
                    return  # the last records were compacted away
                self._manifests_read = read.next_offset

    def _take(self, key: bytes, value: bytes) -> None:
        """Note one record of the manifests; whatever is none was written by somebody else."""
        try:
            partition = int(key)
            manifest = msgspec.msgpack.decode(value, type=Manifest) if value else None
        except (msgspec.MsgspecError, ValueError):
            return
        if manifest is None:
            self._committed.pop(partition, None)
            return
        known = self._committed.get(partition)
        if known is None or known.generation <= manifest.generation:
            self._committed[partition] = manifest
