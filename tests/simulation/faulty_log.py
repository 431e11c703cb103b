"""A log in memory that delays, loses answers, doubles, and lands batches nobody waits for."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from ledger.errors import ClockSkewed, LogRegressed, LogUnavailable, OutcomeUnknown
from ledger.events.packing import unpack
from ledger.log import READ_RECORDS_MAX, NewRecordTuple, Record, Slice, Unrecorded
from tests.simulation.clock import OUTSIDE, now_ms


@dataclass(frozen=True)
class Faults:
    """How often what goes wrong, each as a chance per call."""

    unavailable: float = 0.0
    lost_request: float = 0.0
    lost_answer: float = 0.0
    late_landing: float = 0.0
    doubled: float = 0.0
    skewed: float = 0.0
    stale_read: float = 0.0
    slow: float = 0.0
    # Snapshots.
    part_lost: float = 0.0
    part_corrupt: float = 0.0
    store_down: float = 0.0


NO_FAULTS = Faults()
SECONDS_SLOW_MAX = 3.0
SECONDS_LATE_MAX = 8.0
SECONDS_POLL = (0.1, 0.7)


class Broker:
    """What is stored: shared by all clients, and it forgets nothing."""

    def __init__(self, partitions: int) -> None:
        """Empty."""
        self.partitions: list[list[Record]] = [[] for _ in range(partitions)]

    def land(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """Store a batch that states `offset` where the partition ends now."""
        log = self.partitions[partition]
        base = len(log)
        for index, (key, value, _) in enumerate(records):
            log.append(Record(base + index, offset + index, key, value, now_ms()))
        return base


class FaultyLog:
    """One client of the broker, behind a network that it does not control."""

    def __init__(self, broker: Broker, chance: random.Random, faults: Faults = NO_FAULTS) -> None:
        """All chance comes from `chance`, so that a seed gives the same run again."""
        self._broker = broker
        self._chance = chance
        self.faults = faults
        self.records_facts = False

    @property
    def partitions(self) -> int:
        """How many partitions the log has."""
        return len(self._broker.partitions)

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do; what is on its way may still land."""

    async def check(self) -> list[str]:
        """Nothing is wrong."""
        return []

    async def append(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """As `EventLog.append` says, with everything that may happen in between."""
        batch = list(records)
        if self._happens(self.faults.unavailable):
            await self._delay()
            raise LogUnavailable("no broker answers")
        if self._happens(self.faults.skewed):
            raise ClockSkewed
        if self._happens(self.faults.lost_request):
            await self._delay()
            raise OutcomeUnknown("the connection broke")
        if self._happens(self.faults.late_landing):
            # The producer is discarded, its batch is in a buffer of the network.
            loop = asyncio.get_running_loop()
            later = self._chance.uniform(0.0, SECONDS_LATE_MAX)
            loop.call_later(later, self._broker.land, partition, offset, batch, context=OUTSIDE)
            await self._delay()
            raise OutcomeUnknown("no answer in time")
        # Sent: it lands whether or not the sender lives to hear of it.
        loop = asyncio.get_running_loop()
        landed: asyncio.Future[int] = loop.create_future()
        loop.call_later(
            self._seconds(), self._land, landed, partition, offset, batch, context=OUTSIDE
        )
        base = await landed
        await self._delay()
        if self._happens(self.faults.lost_answer):
            raise OutcomeUnknown("the answer was lost")
        if base < offset:
            raise LogRegressed(f"partition {partition} ended at {base}, below {offset}")
        return base

    async def append_facts(self, partition: int, offset: int, facts: Unrecorded) -> tuple[int, str]:
        """As `RecordingLog.append_facts` says."""
        records, head = unpack(partition, facts)
        return await self.append(partition, offset, records), head

    def _land(
        self, landed: asyncio.Future[int], partition: int, offset: int, batch: list[NewRecordTuple]
    ) -> None:
        base = self._broker.land(partition, offset, batch)
        if self._happens(self.faults.doubled):
            self._broker.land(partition, offset, batch)
        if not landed.done():
            landed.set_result(base)

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        records_max: int = READ_RECORDS_MAX,
        wait_seconds: float = 0.0,
    ) -> Slice:
        """As `EventLog.read` says; sometimes from a replica that is behind."""
        if wait_seconds and offset >= len(self._broker.partitions[partition]):
            # Who waits for records asks now and then; so more than one may come at once.
            await asyncio.sleep(self._chance.uniform(*SECONDS_POLL))
        else:
            await self._delay()
        if self._happens(self.faults.unavailable):
            raise LogUnavailable("no broker answers")
        log = self._broker.partitions[partition]
        end = len(log)
        if offset > end:
            raise LogRegressed(f"partition {partition} ends at {end}, before offset {offset}")
        if self._happens(self.faults.stale_read):
            end = self._chance.randint(offset, end)
        records = log[offset : min(end, offset + records_max)]
        return Slice(records, offset + len(records), end)

    async def end(self, partition: int) -> int:
        """The offset behind the last record."""
        await self._delay()
        return len(self._broker.partitions[partition])

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._chance.random() < probability

    async def _delay(self) -> None:
        await asyncio.sleep(self._seconds())

    def _seconds(self) -> float:
        slow = self._happens(self.faults.slow)
        return self._chance.uniform(0.0, SECONDS_SLOW_MAX if slow else 0.005)


class FaultySnapshots:
    """A store that loses and corrupts parts, as a cache may."""

    def __init__(self, chance: random.Random, faults: Faults = NO_FAULTS) -> None:
        """Empty."""
        self._chance = chance
        self.faults = faults
        self.stored: dict[tuple[int, int, int], bytes] = {}
        self.manifests: dict[int, tuple[int, bytes]] = {}

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def put(self, partition: int, generation: int, part: int, data: bytes) -> None:
        """Store one part, or not, or not quite."""
        await self._wait()
        if self._happens(self.faults.part_lost):
            return
        if self._happens(self.faults.part_corrupt):
            place = self._chance.randrange(len(data))
            data = data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :]
        self.stored[partition, generation, part] = data

    async def commit(self, partition: int, generation: int, manifest: bytes) -> None:
        """Make the generation the newest one."""
        await self._wait()
        newest = self.manifests.get(partition)
        if newest is None or newest[0] < generation:
            self.manifests[partition] = (generation, manifest)

    async def newest(self, partition: int) -> tuple[int, bytes] | None:
        """Generation and manifest of the newest committed snapshot."""
        await self._wait()
        return self.manifests.get(partition)

    async def parts(self, partition: int, generation: int) -> AsyncIterator[bytes]:
        """What there is of a generation, in order."""
        numbers = sorted(key[2] for key in self.stored if key[:2] == (partition, generation))
        for number in numbers:
            await self._wait()
            yield self.stored[partition, generation, number]

    async def delete_all(self) -> None:
        """Forget everything."""
        self.stored.clear()
        self.manifests.clear()

    async def _wait(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.0, 0.003))
        if self._happens(self.faults.store_down):
            raise LogUnavailable("the store does not answer")

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._chance.random() < probability


class FollowingIndex:
    """An id index that reads the broker's log itself, some records behind."""

    def __init__(self, broker: Broker, chance: random.Random, lag_records_max: int) -> None:
        """`lag_records_max`: how far behind it may be when it is asked."""
        self._broker = broker
        self._chance = chance
        self._lag = lag_records_max
        self._ids: list[dict[str, int]] = [{} for _ in broker.partitions]
        self._read = [0 for _ in broker.partitions]

    async def find(self, partition: int, ids: Sequence[str]) -> dict[str, int]:
        """The offsets of those ids it has read."""
        known = self._ids[partition]
        return {name: known[name] for name in ids if name in known}

    async def position(self, partition: int) -> int:
        """Reads on, and tells how far it has come."""
        await asyncio.sleep(self._chance.uniform(0.0, 0.01))
        end = len(self._broker.partitions[partition]) - self._chance.randint(0, self._lag)
        for record in self._broker.partitions[partition][self._read[partition] : max(0, end)]:
            if record.counts:
                self._ids[partition].setdefault(_id_of(record.value), record.offset)
            self._read[partition] = record.offset + 1
        return self._read[partition]


def _id_of(value: bytes) -> str:
    start = value.index(b'"id":"') + len(b'"id":"')
    return value[start : value.index(b'"', start)].decode()
