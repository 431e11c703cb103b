"""The two ports of the write side: an append-only log with positions, and a store for snapshots.

Ports carry bytes. The rule of positioned append (docs/decisions/0001-positioned-append.md):
a record counts only if the offset it states is the offset at which it lies.
"""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

HEADER_OFFSET = "ledger-offset"
HEADER_CONTENT_TYPE = "content-type"
HEADER_TRACEPARENT = "traceparent"
# On topics made from the log: `partition:offset` of the record that this one was made from.
HEADER_POSITION = "ledger-position"
CONTENT_TYPE = b"application/cloudevents+json"

# What a broker must accept as one batch. Topic creation sets max.message.bytes to this.
BATCH_BYTES_MAX = 8 * 1024 * 1024
# A writer adds no further slice to a batch beyond this. A slice of 250 of the longest events there
# can be (13 kB, every name of four-byte characters) fits above it more than once.
BATCH_VALUE_BYTES_MAX = 1024 * 1024
READ_RECORDS_MAX = 5_000


class NewRecord(NamedTuple):
    """A record to append: the SKU as UTF-8, the event document, an optional W3C traceparent."""

    key: bytes
    value: bytes
    traceparent: bytes | None = None


# What `append` takes: a NewRecord, or the same as a plain tuple where every nanosecond counts.
NewRecordTuple = tuple[bytes, bytes, bytes | None]
# What lies where nothing counts.
NOTHING = NewRecord(b"", b"")


class Packed(NamedTuple):
    """Facts of one kind that were decided together, as `ledger.events.packing` packs them."""

    kind: int
    traceparent: bytes | None
    trail: bytes | None
    facts: bytes


class Unrecorded(NamedTuple):
    """Facts without records yet: of the ledger `source`, behind the record with the hash `head`."""

    source: str
    head: str
    packed: Sequence[Packed]


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record as it lies in the log. `stated` is None if its header is absent, doubled or odd.

    `position` is what a record of a topic made from the log says that it was made from, and
    `traceparent` the trace (W3C) that a record of the log was appended with.
    """

    offset: int
    stated: int | None
    key: bytes
    value: bytes
    timestamp_ms: int
    position: bytes | None = None
    traceparent: bytes | None = None

    @property
    def counts(self) -> bool:
        """Whether the record is part of history: it lies where it was decided to lie."""
        return self.stated == self.offset


class Slice(NamedTuple):
    """Records read from one partition, void ones included, in offset order.

    `next_offset` is where to read on (behind the last record, even if offsets have gaps);
    `end` the offset behind the last record of the partition as the log answered it.
    """

    records: list[Record]
    next_offset: int
    end: int


class EventLog(Protocol):
    """An append-only log of `partitions` partitions, each numbered densely from offset 0."""

    @property
    def partitions(self) -> int:
        """How many partitions the log has."""
        ...

    async def open(self) -> None:
        """Connect and check the configuration. Raises LogMisconfigured, LogUnavailable."""
        ...

    async def close(self) -> None:
        """Stop without delivering anything that is not delivered yet."""
        ...

    async def check(self) -> list[str]:
        """What is wrong with the log's configuration now, each in a sentence; empty if nothing."""
        ...

    async def append(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """Append all records as one atomic batch that states `offset`, `offset` + 1, …

        Returns the offset at which the batch lies: equal to `offset` means that it counts; higher
        means that somebody wrote first and the batch is void (or was not stored at all).
        Raises LogRegressed if the log ends lower, OutcomeUnknown if the batch may or may not
        land, LogUnavailable if it surely did not, ClockSkewed.
        """
        ...

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        records_max: int = READ_RECORDS_MAX,
        wait_seconds: float = 0.0,
    ) -> Slice:
        """Read from `offset` on, up to about `records_max`; wait that long if there is nothing.

        Raises LogRegressed if `offset` lies beyond the end, or before the first record kept.
        """
        ...

    async def end(self, partition: int) -> int:
        """The offset behind the last record of the partition."""
        ...


class RecordingLog(EventLog, Protocol):
    """A log that can also make the records itself, beside the process that decides."""

    @property
    def records_facts(self) -> bool:
        """Whether it is better at it than who calls."""
        ...

    async def append_facts(self, partition: int, offset: int, facts: Unrecorded) -> tuple[int, str]:
        """Append the records of facts, as `append` does records.

        Returns where they lie, and the hash of the last one. Raises what `append` raises.
        """
        ...


class FillableLog(EventLog, Protocol):
    """A log that can also be made to have void records, where another one has them."""

    async def append_void(self, partition: int, offset: int, count: int) -> int:
        """Append `count` empty records that state nothing, as one atomic batch, `count` > 0.

        Returns the offset at which they lie, as `append` does; wherever that is, they are void.
        Raises what `append` raises.
        """
        ...


class EventSink(Protocol):
    """Where events go for whoever listens; what is in it is deleted after a while."""

    async def open(self) -> None:
        """Connect, and make the place if need be. Raises LogMisconfigured, LogUnavailable."""
        ...

    async def close(self) -> None:
        """Stop."""
        ...

    async def send(self, events: Sequence[tuple[int, bytes, bytes]]) -> None:
        """Deliver partition, key and document of each, in this order within a partition.

        Returns when all are there. Raises LogUnavailable; then some may be there, and all are to be
        sent again.
        """
        ...


class SnapshotStore(Protocol):
    """Named parts of snapshots. A cache: losing all of it loses nothing."""

    async def open(self) -> None:
        """Connect. Raises LogUnavailable."""
        ...

    async def close(self) -> None:
        """Stop."""
        ...

    async def put(self, partition: int, generation: int, part: int, data: bytes) -> None:
        """Store one part of a generation."""
        ...

    async def commit(self, partition: int, generation: int, manifest: bytes) -> None:
        """Make the generation the newest one, durably, after its parts; older ones may go."""
        ...

    async def newest(self, partition: int) -> tuple[int, bytes] | None:
        """Generation and manifest of the newest committed snapshot of the partition, or None."""
        ...

    def parts(self, partition: int, generation: int) -> AsyncIterator[bytes]:
        """The parts of a generation in order of their number."""
        ...

    async def delete_all(self) -> None:
        """Forget every snapshot."""
        ...
