"""Publishers on a real topic."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby

from ledger.adapters.kafka import KafkaLog
from ledger.ending import end
from ledger.log import EventLog, NewRecordTuple, Record
from ledger.ownership.group import Group
from projections.publishers.level_documents import offset_of, read_level
from projections.publishers.level_keys import parts_of
from projections.publishers.publisher import Publisher
from tests.contract.log_cases import KafkaPlace, read_all
from tests.contract.read_models.cases import MemoryLog
from tests.unit.projections.publishers.level_cases import Shown
from tests.waiting import eventually


class LevelsPlace:
    """A log on Kafka, and the topic of its levels."""

    def __init__(self, place: KafkaPlace, partitions: int) -> None:
        """Prepare."""
        self.place = place
        self.partitions = partitions
        self.name = f"{place.prefix}.levels.v1"

    def topic(self) -> KafkaLog:
        """A client of the topic, not connected."""
        place = self.place
        topic = KafkaLog(
            place.bootstrap, self.name, self.partitions, dev=True, derived=True, client_id="levels"
        )
        place.made.append(topic)
        return topic

    async def opened(self) -> EventLog:
        """The topic, open."""
        topic = self.topic()
        await topic.open()
        return topic

    async def records(self, partition: int) -> list[Record]:
        """All that lies in a partition."""
        # Whoever waits for something comes here again and again.
        topic = self.topic()
        try:
            await topic.open()
            return await read_all(topic, partition)
        finally:
            await topic.close()

    async def shown(self, partition: int) -> Shown:
        """What compaction would leave: the last record of each key."""
        shown: Shown = {}
        for record in await self.records(partition):
            if len(parts_of(record.key)) == 1:
                continue
            offset = offset_of(record)
            assert offset is not None
            level = read_level(record.value, offset)
            if record.value:
                shown[record.key] = level.on_hand, level.available
            else:
                shown.pop(record.key, None)
        return shown

    @asynccontextmanager
    async def publishing(
        self, log: EventLog, name: str = "one", group: Group | None = None
    ) -> AsyncIterator[Publisher]:
        """A publisher that runs meanwhile."""
        publisher = Publisher(log, self.opened, name, group)
        task = asyncio.create_task(publisher.run(), name=name)
        try:
            yield publisher
        finally:
            await end(task)


async def copy_new(told: MemoryLog, log: EventLog) -> None:
    """Append what the real log does not have yet, void records too."""
    for partition in range(told.partitions):
        start = await log.end(partition)
        for counts, run in groupby(told.records[partition][start:], lambda one: one.counts):
            new: list[NewRecordTuple] = [(one.key, one.value, None) for one in run]
            stated = start if counts else start - 1
            assert await log.append(partition, stated, new) == start
            start += len(new)


async def all_published(publisher: Publisher, told: MemoryLog, share: int | None = None) -> None:
    """Wait until everything of the share is published."""

    def done() -> bool:
        places = publisher.published()
        wanted = range(told.partitions) if share is None else range(share)
        return all(places.get(one) == len(told.records[one]) for one in wanted)

    await eventually(done)
