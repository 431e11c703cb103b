"""A topic of levels in memory, and trade that changes levels."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ledger.domain.stock import PartitionState, split_key
from ledger.ending import end
from ledger.log import NewRecordTuple, Record
from projections.publishers.level_documents import offset_of, read_level
from projections.publishers.level_keys import parts_of, site_level_key, site_of, stock_level_key
from projections.publishers.level_publisher import LevelPublisher
from tests.builders import adjustment, pick, receipt, status_change, transfer
from tests.contract.read_models.cases import MemoryLog, Teller
from tests.waiting import eventually

PLACES = ("MAIN/A/01", "MAIN/B/02", "EAST/A", "EAST")
SKUS = ("85123A", 'B"2', "C/3")

# On hand and available, as texts; what nobody has is not there.
Shown = dict[bytes, tuple[int, int]]


class MemoryTopic(MemoryLog):
    """Takes positions as the topic on Kafka does, and can hold up a batch of one publisher."""

    def __init__(self) -> None:
        """One partition."""
        super().__init__(1)
        self.hold: asyncio.Event | None = None
        self.held = asyncio.Event()

    async def append(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """Append records that state `offset` and the offsets after it."""
        if self.hold is not None:
            hold, self.hold = self.hold, None
            self.held.set()
            await hold.wait()
        base = await self.end(partition)
        for index, (key, value, position) in enumerate(records):
            record = Record(base + index, offset + index, key, value, 0, position)
            self.records[partition].append(record)
        self.wake()
        return base

    def compact(self, *, tombstones: bool = True) -> None:
        """Keep the last record of each key, and the very last; drop tombstones if told to."""
        records = self.records[0]
        last = {one.key: one.offset for one in records}
        self.records[0] = [
            one
            for one in records
            if one is records[-1] or (last[one.key] == one.offset and (one.value or not tombstones))
        ]


def trade(teller: Teller, chance: random.Random, count: int) -> None:
    """Movements of all kinds, as far as there is stock."""
    for _ in range(count):
        sku = f"{chance.choice(SKUS)}/{teller.partition}"
        place, other = chance.choice(PLACES), chance.choice(PLACES)
        held = teller.state.skus[sku].levels.get(place, 0) if sku in teller.state.skus else 0
        few = str(chance.randint(1, max(1, held)))
        kind = chance.randrange(6) if held else 0
        if kind == 0:
            teller.tell(receipt(str(chance.randint(1, 9)), sku=sku, location=place))
        elif kind == 1 and place != other:
            teller.tell(transfer(few, sku=sku, from_location=place, to_location=other))
        elif kind == 2:
            teller.tell(status_change(few, sku=sku, location=place))
        elif kind == 3:
            teller.tell(adjustment(f"-{few}", sku=sku, location=place, reason="lost"))
        elif kind == 4:
            teller.tell(pick(str(held), sku=sku, location=place))
        else:
            teller.void()


def expected(state: PartitionState) -> Shown:
    """The levels that the writer's state has."""
    shown: Shown = {}
    for sku, held in state.skus.items():
        for account, on_hand in held.levels.items():
            location, lot, status = split_key(account)
            available = on_hand if status == "available" else 0
            shown[stock_level_key(sku, location, lot, status)] = on_hand, available
            site = site_level_key(sku, site_of(location))
            before = shown.get(site, (0, 0))
            shown[site] = before[0] + on_hand, before[1] + available
    return shown


def _take(shown: Shown, record: Record) -> None:
    if len(parts_of(record.key)) == 1:
        return
    offset = offset_of(record)
    assert offset is not None
    level = read_level(record.value, offset)
    if record.value:
        shown[record.key] = level.on_hand, level.available
    else:
        shown.pop(record.key, None)


def by_place(topic: MemoryTopic) -> Shown:
    """What compaction would leave: the last record of each key."""
    shown: Shown = {}
    for record in topic.records[0]:
        _take(shown, record)
    return shown


def by_position(topic: MemoryTopic) -> Shown:
    """What a consumer has that keeps the record of the highest position."""
    shown: Shown = {}
    positions: dict[bytes, int] = {}
    for record in topic.records[0]:
        offset = offset_of(record) or 0
        if offset >= positions.get(record.key, -1):
            positions[record.key] = offset
            _take(shown, record)
    return shown


@asynccontextmanager
async def publishing(
    log: MemoryLog, topic: MemoryTopic, name: str = "one"
) -> AsyncIterator[LevelPublisher]:
    """A publisher that runs until the test has seen enough, or until it is overtaken."""
    publisher = LevelPublisher(log, 0, name)
    task = asyncio.create_task(publisher.run(topic), name=name)
    try:
        yield publisher
    finally:
        await end(task)


async def all_published(publisher: LevelPublisher, teller: Teller) -> None:
    """Wait until the publisher has published everything."""
    await eventually(lambda: publisher.published == teller.end)
