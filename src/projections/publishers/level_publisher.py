"""Publishing the levels of one partition: read the log, write the topic, and watch the topic.

What is written is the newest level of each key that changed, however many movements changed it.
"""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ledger.domain.facts import Fact, Moved
from ledger.ending import end
from ledger.errors import (
    ChainBroken,
    LedgerError,
    LevelUnsupported,
    LogRegressed,
    UndecodableRecord,
    WrongLedger,
)
from ledger.log import BATCH_VALUE_BYTES_MAX, EventLog, NewRecordTuple, Record, Slice
from projections.publishers.level_documents import (
    LevelsPublishedData,
    level_record,
    mark_record,
    offset_of,
    read_level,
    read_mark,
    tombstone,
)
from projections.publishers.level_keys import parts_of
from projections.publishers.level_state import Levels
from projections.publishers.level_topic import TopicLevels, read_between, read_topic
from projections.publishers.source import READ_WAIT_SECONDS, Place, Source

# Records of the log that are taken in before their levels are published, while there are more.
GATHERED_RECORDS_MAX = 5_000
# Records that change no level are marked as read only now and then.
MARK_EVERY_RECORDS = 10_000
# What a record of the log may be that nothing can be read beyond.
STOPPING = (ChainBroken, UndecodableRecord, LevelUnsupported, WrongLedger)
# While nothing is published for so long, the topic is watched.
WATCH_AFTER_SECONDS = 0.1
# Between two pauses for the rest of the event loop.
FACTS_AT_A_TIME = 200


class LevelsLost(LedgerError):
    """The topic of levels was deleted, shortened or made anew; it is filled again."""


class Overtaken(LedgerError):
    """Another publisher is further; what it published is read first."""


@dataclass
class Counts:
    """What was published: levels and tombstones, and how many of them again."""

    published: int = 0
    republished: int = 0


class LevelPublisher:
    """Levels of one partition, from wherever the topic is. One task runs `run`, until cancelled."""

    def __init__(
        self, log: EventLog, partition: int, instance: str, counts: Counts | None = None
    ) -> None:
        """Nothing is read yet; `instance` is named in the marks. `counts` may be shared."""
        self.partition = partition
        self.counts = counts or Counts()
        self.levels = Levels()
        self._log = log
        self._instance = instance
        self._source = Source(log, partition, Place())
        self._repairs: dict[bytes, None] = {}
        self._seen = 0
        self._marked = 0
        self._mark_due = False
        self._heard_at = -math.inf
        self.published = 0
        self._recorded_ms = 0

    @property
    def lag(self) -> int:
        """How many offsets of the log are not published, as last heard of."""
        return max(0, self._source.end - self.published)

    @property
    def position(self) -> int:
        """The next offset of the log to be read."""
        return self._source.position

    async def run(self, topic: EventLog) -> None:
        """Publish for ever. Ends by an exception only: LevelsLost and Overtaken ask for another
        run, LogUnavailable and OutcomeUnknown for one later; any other is for good."""
        try:
            found = await read_topic(topic, self.partition)
        except LogRegressed as error:
            raise LevelsLost(str(error)) from error
        await self._begin(found)
        try:
            await self._catch_up(max(found.reached, self._source.end))
        except STOPPING:
            # What lies before the record that stops it is good.
            if self._source.position >= found.reached:
                await self._publish(topic)
            raise
        await self._publish(topic)
        await self._follow(topic)

    async def _begin(self, found: TopicLevels) -> None:
        """Take up the levels where the topic has them, or from the beginning of the log."""
        mark = found.mark
        self.levels = Levels()
        self._repairs = found.spoilt
        self._seen = found.next_offset
        self._marked = 0
        self._mark_due = False
        self._recorded_ms = max((one.recorded_ms for one in found.found.values()), default=0)
        place = Place()
        if mark is not None:
            place = Place(mark.ledger_id, mark.position, mark.head)
            self._marked = mark.position
        # The place is looked at in any case: levels of another ledger are not to be mixed with.
        self._source = Source(self._log, self.partition, place)
        await self._source.check()
        if mark is None or found.doubtful:
            self._source = Source(self._log, self.partition, Place())
            await self._source.check()
            # Whatever is in the topic is published again, or emptied.
            self._repairs = dict.fromkeys(found.found) | found.spoilt
        else:
            self.levels.load(found.found, mark.position)
        if found.reached > self._source.end:
            raise WrongLedger(
                f"partition {self.partition} ends at {self._source.end}, and has levels of "
                f"{found.reached - 1}"
            )

    async def _catch_up(self, until: int) -> None:
        """Read without publishing: in between, some levels are older than others."""
        while self._source.position < until:
            await self._take_in(await self._source.read(wait=True))

    async def _take_in(self, facts: Sequence[Fact]) -> None:
        for index, fact in enumerate(facts, 1):
            self._recorded_ms = fact.recorded_ms
            if type(fact) is Moved:
                self.levels.add(fact)
            if index % FACTS_AT_A_TIME == 0:
                await asyncio.sleep(0)

    async def _follow(self, topic: EventLog) -> None:
        """Publish whatever comes, and again whatever somebody else has spoilt meanwhile.

        A batch of ours that lies where it was decided to lie says as much about the topic as a
        look at it, so it is only watched while nothing is published.
        """
        watching: asyncio.Task[Slice] | None = None
        reading: asyncio.Task[list[Fact]] | None = None
        clock = asyncio.get_running_loop().time
        try:
            while True:
                idle = clock() - self._heard_at
                if watching is None and idle >= WATCH_AFTER_SECONDS:
                    watching = asyncio.create_task(self._watch(topic))
                reading = reading or asyncio.create_task(
                    self._source.read(GATHERED_RECORDS_MAX, wait=True)
                )
                tasks = {reading, watching or reading}
                seconds = None if watching else max(0.0, WATCH_AFTER_SECONDS - idle)
                await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if watching is not None and watching.done():
                    seen, watching = watching.result(), None
                    self._notice(seen.records)
                    self._seen = max(self._seen, seen.next_offset)
                if reading.done():
                    facts, reading = reading.result(), None
                    await self._take_in(facts)
                await self._publish(topic)
        finally:
            await end(*(task for task in (watching, reading) if task is not None))

    async def _watch(self, topic: EventLog) -> Slice:
        try:
            return await topic.read(self.partition, self._seen, wait_seconds=READ_WAIT_SECONDS)
        except LogRegressed as error:
            raise LevelsLost(str(error)) from error

    def _notice(self, records: Sequence[Record]) -> None:
        """Records of somebody else: those that are older than ours are covered again.

        Raises Overtaken.
        """
        for record in records:
            if record.offset < self._seen:
                continue
            offset = offset_of(record)
            if offset is not None and offset >= self._source.position:
                raise Overtaken(f"partition {self.partition} is published up to {offset}")
            try:
                is_mark = len(parts_of(record.key)) == 1
            except ValueError:
                continue
            if is_mark:
                self._notice_mark(record)
            elif not self._is_ours(record, offset):
                self._repairs[record.key] = None

    def _notice_mark(self, record: Record) -> None:
        """Another publisher's mark at our very place is as good as one of ours."""
        with suppress(ValueError):
            if record.counts and read_mark(record.value).position == self._source.position:
                self._mark_due = False
                self._marked = self._source.position

    def _is_ours(self, record: Record, offset: int | None) -> bool:
        """Whether somebody else's record says what ours would."""
        level = self.levels.get(record.key)
        if level is None or not level.on_hand:
            return not record.value and offset is not None
        try:
            return offset is not None and read_level(record.value, offset) == level
        except ValueError:
            return False

    async def _publish(self, topic: EventLog) -> None:
        """Write all that changed or was spoilt, and a mark behind it that counts."""
        while self._due():
            repairs = [key for key in self._repairs if key not in self.levels.changed]
            changes = [*self.levels.changed, *repairs]
            self._repairs = {}
            self._mark_due = True
            if await self._write(topic, changes):
                self._mark_due = False
                self._marked = self._source.position
            self.levels.published()
            self.counts.published += len(changes)
            self.counts.republished += len(repairs)
        self.published = self._source.position

    def _due(self) -> bool:
        behind = self._source.position - self._marked
        changes = self.levels.changed or self._repairs
        return bool(changes) or self._mark_due or behind >= MARK_EVERY_RECORDS

    async def _write(self, topic: EventLog, keys: Sequence[bytes]) -> bool:
        """Write levels and mark; whether the mark counts."""
        counts = True
        part: list[NewRecordTuple] = []
        size = 0
        for key in keys:
            record = self._record(key)
            part.append(record)
            size += len(record[0]) + len(record[1])
            if size >= BATCH_VALUE_BYTES_MAX:
                await self._append(topic, part)
                part, size = [], 0
        if not self._repairs:
            part.append(self._mark())
        else:
            counts = False  # somebody came in between; first what that spoilt
        if part:
            counts = await self._append(topic, part) and counts
        return counts

    async def _append(self, topic: EventLog, records: Sequence[NewRecordTuple]) -> bool:
        """Write a batch; whether it lies where it was decided to lie."""
        decided = self._seen
        try:
            base = await topic.append(self.partition, decided, records)
            if base > decided:
                self._notice(await read_between(topic, self.partition, decided, base))
        except LogRegressed as error:
            raise LevelsLost(str(error)) from error
        self._seen = base + len(records)
        self._heard_at = asyncio.get_running_loop().time()
        return base == decided

    def _record(self, key: bytes) -> NewRecordTuple:
        source, level = self._source, self.levels.get(key)
        if level is None:
            return tombstone(self.partition, key, source.position - 1)
        if not level.on_hand:
            return tombstone(self.partition, key, level.offset)
        return level_record(source.ledger_id, self.partition, key, level)

    def _mark(self) -> NewRecordTuple:
        place = self._source.place
        mark = LevelsPublishedData(
            place.ledger_id, self.partition, place.position, place.head, self._instance
        )
        return mark_record(mark, self._recorded_ms)
