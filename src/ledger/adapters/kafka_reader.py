"""Positioned reads from Kafka, many partitions at once.

A broker answers the requests of one connection in order, so a read that waits for new records
would hold up every other read on its connection. Each read therefore borrows a connection of its
own, and gives it back; there are as many as there were reads at the same time.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    LeaderNotAvailableError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from ledger.adapters.kafka_topics import Cluster
from ledger.errors import LogRegressed, LogUnavailable
from ledger.log import HEADER_OFFSET, HEADER_POSITION, HEADER_TRACEPARENT, Record, Slice

READS_AT_ONCE_MAX = 64
FETCH_BYTES_MIN = 64 * 1024
FETCH_BYTES_MAX = 8 * 1024 * 1024
RECORD_BYTES_FIRST_GUESS = 1024
RETRY_SECONDS = 0.1
FIRST_SLOT = 2  # aiokafka's own groups of connections are 0 and 1
READ_UNCOMMITTED = 0
LATEST: Final = -1
EARLIEST: Final = -2
Headers = Sequence[tuple[str, bytes | None]]
CANONICAL = re.compile(rb"0|[1-9][0-9]{0,18}")


class KafkaReader:
    """Reads one topic by offset, uncommitted records included."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        """Prepare; `open` connects."""
        self._cluster = cluster
        self._topic = topic
        self._client: AIOKafkaClient | None = None
        self._opening = asyncio.Lock()
        self._closings = 0
        self._slots = asyncio.Semaphore(READS_AT_ONCE_MAX)
        self._slots_free: list[int] = []
        self._slots_made = 0
        self._record_bytes: dict[int, int] = {}
        self.faults = 0  # retried errors so far: a hint to look whether the topic is the same

    async def open(self) -> None:
        """Connect and learn where the partitions are. Raises LogUnavailable, also where it is
        closed meanwhile. Several may do so at once."""
        async with self._opening:
            if self._client is not None:
                return
            closings = self._closings
            client = await self._connect()
            if self._closings != closings:
                await client.close()
                raise LogUnavailable("the log was closed")
            self._client = client

    async def _connect(self) -> AIOKafkaClient:
        client = AIOKafkaClient(**self._cluster.arguments())
        try:
            async with asyncio.timeout(self._cluster.timeout_seconds):
                await client.bootstrap()
                await client.set_topics([self._topic])
        except (KafkaError, TimeoutError, OSError) as error:
            await client.close()
            raise await self._cluster.unavailable(error) from error
        except BaseException:
            await client.close()
            raise
        return client

    async def close(self) -> None:
        """Disconnect."""
        self._closings += 1
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def read(
        self, partition: int, offset: int, *, records_max: int, wait_seconds: float
    ) -> Slice:
        """Read as `EventLog.read` says."""
        loop = asyncio.get_running_loop()
        wait_until = loop.time() + wait_seconds
        deadline = wait_until + self._cluster.timeout_seconds
        while True:
            wait = max(0.0, wait_until - loop.time())
            try:
                async with asyncio.timeout_at(deadline):
                    found = await self._fetch(partition, offset, records_max, wait)
            except OffsetOutOfRangeError:
                await self._confirm_regression(partition, offset)
            except (KafkaError, TimeoutError, OSError) as error:
                await self._pause_after(error, deadline, f"partition {partition} cannot be read")
            else:
                if found.next_offset > offset or loop.time() >= wait_until:
                    return found

    async def end(self, partition: int) -> int:
        """Ask the leader for the offset behind the last record. Raises LogUnavailable."""
        return (await self.bounds([partition], LATEST))[partition]

    async def starts(self, partitions: Sequence[int]) -> dict[int, int]:
        """Ask the leaders for the first offset kept of each partition. Raises LogUnavailable."""
        return await self.bounds(partitions, EARLIEST)

    async def bounds(self, partitions: Sequence[int], which: int) -> dict[int, int]:
        """Ask the leaders for the `LATEST` or `EARLIEST` offsets. Raises LogUnavailable."""
        deadline = asyncio.get_running_loop().time() + self._cluster.timeout_seconds
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return {one: await self._bound(one, which) for one in partitions}
            except (KafkaError, TimeoutError, OSError) as error:
                await self._pause_after(error, deadline, f"{self._topic} has no offset to tell")

    async def send(self, request: Any) -> Any:
        """Send any request to any broker. Raises LogUnavailable."""
        client = self._connected()
        try:
            async with asyncio.timeout(self._cluster.timeout_seconds):
                return await client.send(client.get_random_node(), request)
        except (KafkaError, TimeoutError, OSError) as error:
            raise LogUnavailable(f"{self._cluster.bootstrap} does not answer: {error!r}") from error

    async def _fetch(self, partition: int, offset: int, records_max: int, wait: float) -> Slice:
        client = self._connected()
        guess = self._record_bytes.get(partition, RECORD_BYTES_FIRST_GUESS) * records_max
        size = min(max(guess, FETCH_BYTES_MIN), FETCH_BYTES_MAX)
        # Less than the time after which the client gives the connection up.
        wait_ms = int(min(wait, self._cluster.timeout_seconds / 2) * 1000)
        places = [(self._topic, [(partition, offset, size)])]
        request = FetchRequest(wait_ms, 1, size, READ_UNCOMMITTED, places)
        leader = self._leader(partition)
        async with self._slot(client) as slot:
            answer = await client.send(leader, request, group=slot)
        _, code, end, *_, data = answer.topics[0][1][0]
        if code != 0:
            raise for_code(code)()
        if not data:
            return Slice([], offset, max(end, offset))
        records, next_offset, bytes_each = parse(data, offset, records_max)
        if bytes_each:
            self._record_bytes[partition] = bytes_each
        return Slice(records, next_offset, max(end, next_offset))

    async def _bound(self, partition: int, which: int) -> int:
        request = OffsetRequest(-1, READ_UNCOMMITTED, [(self._topic, [(partition, which)])])
        answer = await self._connected().send(self._leader(partition), request)
        _, code, _, offset = answer.topics[0][1][0]
        if code != 0:
            raise for_code(code)()
        return int(offset)

    async def _confirm_regression(self, partition: int, offset: int) -> None:
        """Ask the leader of now: a deposed one may have answered, and its end may be an old one."""
        await self._connected().force_metadata_update()
        end = await self.end(partition)
        start = (await self.starts([partition]))[partition]
        if offset > end:
            raise LogRegressed(f"partition {partition} ends at {end}, before offset {offset}")
        if offset < start:
            raise LogRegressed(f"partition {partition} starts at {start}, after offset {offset}")

    async def _pause_after(self, error: BaseException, deadline: float, what: str) -> None:
        """Wait before the next attempt, or raise LogUnavailable if there is to be none."""
        self.faults += 1
        lasting = isinstance(error, KafkaError) and not (
            error.retriable or isinstance(error, CorruptRecordException)
        )
        loop = asyncio.get_running_loop()
        if lasting or self._client is None or loop.time() + RETRY_SECONDS >= deadline:
            raise LogUnavailable(f"{what}: {error!r}") from error
        if self._client._sync_task.done():
            # Whatever ended aiokafka's task that keeps metadata, nothing would be found without it.
            self._client._md_update_fut = None
            self._client._sync_task = asyncio.create_task(self._client._md_synchronizer())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await asyncio.sleep(RETRY_SECONDS)
                await self._client.force_metadata_update()

    def _leader(self, partition: int) -> int:
        cluster = self._connected().cluster
        if self._topic in cluster.unauthorized_topics:
            raise TopicAuthorizationFailedError(self._topic)
        leader = cluster.leader_for_partition(TopicPartition(self._topic, partition))
        if leader is None or leader < 0:
            raise LeaderNotAvailableError(f"partition {partition} of {self._topic}")
        return int(leader)

    def _connected(self) -> AIOKafkaClient:
        if self._client is None:
            raise LogUnavailable("the log is not open")
        return self._client

    @asynccontextmanager
    async def _slot(self, client: AIOKafkaClient) -> AsyncIterator[int]:
        """Borrow a connection. It is closed where a request was left without its answer."""
        async with self._slots:
            if self._slots_free:
                slot = self._slots_free.pop()
            else:
                slot = FIRST_SLOT + self._slots_made
                self._slots_made += 1
            try:
                yield slot
            except BaseException:
                for place in [one for one in client._conns if one[1] == slot]:
                    client._conns.pop(place).close()
                raise
            finally:
                self._slots_free.append(slot)


def parse(data: bytes, offset: int, records_max: int) -> tuple[list[Record], int, int]:
    """Parse record batches: the records from `offset` on, where to read on, bytes per record.

    A batch may start before `offset`, which lies inside it, and the last one may be cut off.
    Raises CorruptRecordException if a checksum does not fit.
    """
    found: list[Record] = []
    next_offset = offset
    count = 0
    batches = MemoryRecords(data)
    while batches.has_next():
        batch = batches.next_batch()
        count += batch.next_offset - batch.base_offset
        if batch.next_offset <= offset or len(found) >= records_max:
            continue
        if not batch.validate_crc():
            raise CorruptRecordException(f"the batch at offset {batch.base_offset} is damaged")
        if not batch.is_control_batch:
            _take(batch, offset, records_max, found)
        full = len(found) >= records_max
        next_offset = found[-1].offset + 1 if full else batch.next_offset
    return found, next_offset, len(data) // count if count else 0


def _take(batch: Any, offset: int, records_max: int, found: list[Record]) -> None:
    """Add the records of a batch from `offset` on. Runs once for every record read."""
    room = records_max - len(found)
    for one in batch:
        place = one.offset
        if place < offset:
            continue
        headers = one.headers
        # Nearly every record says where it lies, first and once, beside its content type.
        if (
            len(headers) == 2  # noqa: PLR2004
            and headers[0] == (HEADER_OFFSET, b"%d" % place)
            and headers[1][0] != HEADER_OFFSET
        ):
            stated: int | None = place
            position: bytes | None = None
            trace: bytes | None = None
        else:
            stated, position, trace = _stated(headers)
        found.append(
            Record(place, stated, one.key or b"", one.value or b"", one.timestamp, position, trace)
        )
        room -= 1
        if room <= 0:
            return


def _stated(headers: Headers) -> tuple[int | None, bytes | None, bytes | None]:
    """The offset, the position and the trace that a record states, each only if it does."""
    found = dict(reversed(headers))  # the first of each name
    return stated_offset(headers), found.get(HEADER_POSITION), found.get(HEADER_TRACEPARENT)


def stated_offset(headers: Headers) -> int | None:
    """Return what the only `ledger-offset` header says in canonical ASCII decimal, else None."""
    texts = [value for name, value in headers if name == HEADER_OFFSET]
    if len(texts) != 1 or texts[0] is None or CANONICAL.fullmatch(texts[0]) is None:
        return None
    return int(texts[0])
