"""Batches as Kafka takes them: every record states its offset in a header."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from ledger.log import (
    BATCH_BYTES_MAX,
    CONTENT_TYPE,
    HEADER_CONTENT_TYPE,
    HEADER_OFFSET,
    HEADER_POSITION,
    HEADER_TRACEPARENT,
    NOTHING,
    NewRecordTuple,
)

CONTENT_TYPE_HEADER = (HEADER_CONTENT_TYPE, CONTENT_TYPE)

# The first offset that is stated, and the records; raises ValueError if they are too large.
BatchBuilder = Callable[[AIOKafkaProducer, int, Sequence[NewRecordTuple]], Any]


def build_batch(kafka: AIOKafkaProducer, offset: int, records: Sequence[NewRecordTuple]) -> Any:
    """Make one batch that states `offset`, `offset` + 1, … Raises ValueError if it is too large.

    This loop runs once for every record of the ledger. aiokafka's own `BatchBuilder.append` is a
    Python wrapper around a compiled builder, so the compiled one is called directly. What the
    wrapper keeps is one number, the count, which is set afterwards. A test compares the bytes of
    both ways; should a release of aiokafka hide the inner builder, the public way is taken.
    """
    batch = kafka.create_batch()
    append = _appending(batch)
    stamp = time.time_ns() // 1_000_000  # the broker puts its own time in its place
    for index, (key, value, traceparent) in enumerate(records):
        headers = [(HEADER_OFFSET, b"%d" % (offset + index)), CONTENT_TYPE_HEADER]
        if traceparent is not None:
            headers.append((HEADER_TRACEPARENT, traceparent))
        if append(index, stamp, key, value, headers) is None:
            raise ValueError(f"a batch of {len(records)} records exceeds {BATCH_BYTES_MAX} bytes")
    return _checked(batch, len(records))


def build_derived(kafka: AIOKafkaProducer, offset: int, records: Sequence[NewRecordTuple]) -> Any:
    """The same for a topic made from the log: each record names the position it is made from, in
    place of a trace, and one without a value is a tombstone."""
    batch = kafka.create_batch()
    append = _appending(batch)
    stamp = time.time_ns() // 1_000_000
    for index, (key, value, position) in enumerate(records):
        headers = [(HEADER_OFFSET, b"%d" % (offset + index)), CONTENT_TYPE_HEADER]
        if position is not None:
            headers.append((HEADER_POSITION, position))
        if append(index, stamp, key, value or None, headers) is None:
            raise ValueError(f"a batch of {len(records)} records exceeds {BATCH_BYTES_MAX} bytes")
    return _checked(batch, len(records))


def build_void(kafka: AIOKafkaProducer, count: int) -> Any:
    """Make one batch of so many empty records that state no offset: none of them ever counts."""
    batch = kafka.create_batch()
    append = _appending(batch)
    stamp = time.time_ns() // 1_000_000
    key, value, _ = NOTHING
    for index in range(count):
        if append(index, stamp, key, value, []) is None:
            raise ValueError(f"a batch of {count} records exceeds {BATCH_BYTES_MAX} bytes")
    return _checked(batch, count)


def _appending(batch: Any) -> Callable[..., Any]:
    """What adds a record to the batch: index, time, key, value, headers."""
    inner = getattr(batch, "_builder", None)
    if inner is not None and hasattr(batch, "_relative_offset"):
        append: Callable[..., Any] = inner.append
        return append

    def publicly(_index: int, stamp: int, key: bytes, value: bytes | None, headers: Any) -> Any:
        return batch.append(timestamp=stamp, key=key, value=value, headers=headers)

    return publicly


def _checked(batch: Any, count: int) -> Any:
    """The builder takes any first record, however large; and an empty batch has no offset."""
    if hasattr(batch, "_relative_offset"):
        batch._relative_offset = count
    if count == 0:
        raise ValueError("a batch needs at least one record")
    if batch.size() > BATCH_BYTES_MAX:
        raise ValueError(f"a batch of {batch.size()} bytes exceeds {BATCH_BYTES_MAX}")
    batch.close()  # or aiokafka could add records of its own
    return batch
