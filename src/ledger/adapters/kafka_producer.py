"""One idempotent producer, from its first batch to its end.

A producer is used until something odd happens; then it is discarded, so that nothing of it can
reach the log any more, and the next append makes a new one. aiokafka's own `stop()` does not do
that: it flushes. What the network or the broker already holds may still land; the rule of
positioned append makes that harmless.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedForMessageFormatError,
)

from ledger.adapters.kafka_batches import BatchBuilder, build_void
from ledger.adapters.kafka_topics import Cluster
from ledger.errors import LogMisconfigured, LogUnavailable, OutcomeUnknown
from ledger.log import BATCH_BYTES_MAX, NewRecordTuple

# A broker refuses sequence numbers from 2^31 on; a producer is renewed well before.
SEQUENCE_MAX = 2**31 - 2**24
CLEANUP_SECONDS = 2.0
# The client must not close a connection before a waiting append does: a connection it closed
# would still flush, and could no longer be found and cut.
REQUEST_MARGIN_SECONDS = 5.0
# Produce requests on their way to one broker at the same time.
NODE_REQUESTS_MAX = 2

# Answers by which the broker says that it did not take the batch, and never will take such a one.
REFUSALS: dict[type[KafkaError], type[LogMisconfigured | LogUnavailable]] = {
    MessageSizeTooLargeError: LogMisconfigured,
    RecordListTooLargeError: LogMisconfigured,
    InvalidTimestampError: LogMisconfigured,
    InvalidTopicError: LogMisconfigured,
    UnsupportedForMessageFormatError: LogMisconfigured,
    PolicyViolationError: LogMisconfigured,
    TopicAuthorizationFailedError: LogUnavailable,
    ClusterAuthorizationFailedError: LogUnavailable,
}


class Delivered(NamedTuple):
    """The broker's answer: where the batch lies, and the broker's clock (-1 if not given).

    `sends` says how often it was sent until then.
    """

    base_offset: int
    timestamp_ms: int
    sends: int


class _Pipeline(Counter[int]):
    """How many requests are on their way to each node, in the place of aiokafka's set.

    That set allows a node one, so that what is decided meanwhile waits until this process has come
    to read the answer. With a second one on its way the broker goes on at once. No more: a
    broker takes the requests of a connection one after the other, and what waits here goes out
    together. A partition never has more than one batch on its way, in any request.
    """

    def __contains__(self, node: object) -> bool:
        """Whether the node is to be left alone."""
        return self.get(node, 0) >= NODE_REQUESTS_MAX  # type: ignore[call-overload, no-any-return]

    def add(self, node: int) -> None:
        """One more is on its way."""
        self[node] += 1

    def remove(self, node: int) -> None:
        """One was answered, or failed."""
        self[node] -= 1


class Producer:
    """A started producer. Counts what it sent, so that it can say what surely did not land."""

    def __init__(
        self, cluster: Cluster, topic: str, compression: str | None, build: BatchBuilder
    ) -> None:
        """Prepare; `start` connects. The cluster's `timeout_seconds` bound one delivery."""
        timeout_seconds = cluster.timeout_seconds
        arguments = cluster.arguments()
        arguments["request_timeout_ms"] = int((timeout_seconds + REQUEST_MARGIN_SECONDS) * 1000)
        self._topic = topic
        self._timeout_seconds = timeout_seconds
        self._build = build
        self._kafka = AIOKafkaProducer(
            **arguments,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES_MAX,
            compression_type=compression,
            linger_ms=0,
        )
        self._sequences: Counter[int] = Counter()
        self._sends: Counter[int] = Counter()  # by the identity of the batch's builder
        self._send_tasks: set[asyncio.Task[Any]] = set()
        self.in_flight = 0
        self.discarded = False

    async def start(self) -> None:
        """Connect and get a producer id. Raises LogUnavailable."""
        self._watch_sends()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._kafka.start()
                await self._kafka.partitions_for(self._topic)
        except BaseException as error:
            await self.discard()
            if isinstance(error, KafkaError | TimeoutError | OSError):
                raise LogUnavailable(f"no producer could be started: {error!r}") from error
            raise

    def has_room(self, partition: int, count: int) -> bool:
        """Whether the sequence numbers of the partition suffice for `count` more records."""
        return self._sequences[partition] + count <= SEQUENCE_MAX

    def deliver(
        self, partition: int, offset: int, records: Sequence[NewRecordTuple]
    ) -> Awaitable[Delivered]:
        """Send one batch and wait for the broker's answer. The records are not kept meanwhile.

        Raises ValueError if the batch is too large; LogUnavailable or LogMisconfigured if it
        surely did not land; else OutcomeUnknown. After any but ValueError the producer is
        discarded, because the sequence numbers of a failed batch are spent.
        """
        return self._send(partition, self._build(self._kafka, offset, records), len(records))

    async def deliver_void(self, partition: int, count: int) -> Delivered:
        """The same with one batch of `count` records that never count."""
        return await self._send(partition, build_void(self._kafka, count), count)

    async def _send(self, partition: int, batch: Any, count: int) -> Delivered:
        self._sequences[partition] += count
        self.in_flight += 1
        try:
            async with asyncio.timeout(self._timeout_seconds):
                delivery = await self._kafka.send_batch(batch, self._topic, partition=partition)
                answer = await delivery
        except Exception as error:
            # Whatever went wrong in the driver: what was sent may have landed, the rest has not.
            await self.discard()
            raise self._failure(id(batch), partition, error) from error
        finally:
            self.in_flight -= 1
            sends = self._sends.pop(id(batch), 0)
        if answer.offset < 0:
            # A duplicate whose first place the broker has forgotten.
            await self.discard()
            raise OutcomeUnknown(f"partition {partition}: the broker did not say where, {sends=}")
        stamp = answer.timestamp if answer.timestamp_type == 1 else -1
        return Delivered(answer.offset, stamp, sends)

    async def discard(self) -> None:
        """Make this producer silent at once and for good; every delivery in flight fails."""
        if self.discarded:
            return
        self.discarded = True
        self._silence()
        tasks = [*self._send_tasks]
        if self._kafka._sender.sender_task is not None:
            tasks.append(self._kafka._sender.sender_task)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLEANUP_SECONDS):
                closing = asyncio.ensure_future(self._kafka.client.close())
                await asyncio.gather(*tasks, closing, return_exceptions=True)

    def _silence(self) -> None:
        """Without giving way to any other task: nothing leaves this process after this call."""
        kafka = self._kafka
        kafka._closed = True
        accumulator = kafka._message_accumulator
        failed = [batch for batches in accumulator._batches.values() for batch in batches]
        failed += accumulator._pending_batches
        accumulator.fail_all(ProducerClosed("the producer was discarded"))
        for batch in failed:
            for future in (batch.future, batch._drain_waiter):
                if future.done() and not future.cancelled():
                    future.exception()  # nobody else may ask, and asyncio would complain
        for task in self._send_tasks:
            task.cancel()
        if kafka._sender.sender_task is not None:
            kafka._sender.sender_task.cancel()
        for connection in kafka.client._conns.values():
            _cut(connection)

    def _watch_sends(self) -> None:
        """Learn of every batch that is given to the network, and of the tasks that do it."""
        sender = self._kafka._sender
        sender._in_flight = _Pipeline()
        send = sender._send_produce_req

        async def watched(node_id: int, batches: dict[Any, Any]) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._send_tasks.add(task)
                task.add_done_callback(self._send_tasks.discard)
            for batch in batches.values():
                self._sends[id(batch._builder)] += 1
            await send(node_id, batches)

        sender._send_produce_req = watched

    def _failure(self, builder: int, partition: int, error: BaseException) -> Exception:
        sends = self._sends[builder]
        if sends == 0:
            return LogUnavailable(f"partition {partition}: the batch was never sent: {error!r}")
        # A repeated send may be refused although the first one landed.
        if sends == 1 and type(error) in REFUSALS:
            kind = REFUSALS[type(error)]
            return kind(f"partition {partition}: the broker refused the batch: {error!r}")
        return OutcomeUnknown(f"partition {partition}: {error!r}")


def _cut(connection: Any) -> None:
    """Drop a connection together with what its buffers, also the kernel's, still hold."""
    writer = connection._writer
    if writer is None:
        return
    held = writer.get_extra_info("socket")
    # Through a duplicate, because not every event loop's socket has setsockopt. The option makes
    # the close a reset, which sends nothing that is left.
    with (
        contextlib.suppress(OSError, AttributeError),
        socket.socket(fileno=os.dup(held.fileno())) as same,
    ):
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
