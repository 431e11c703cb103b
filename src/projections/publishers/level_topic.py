"""What the topic of levels says of one partition: the newest level of each key, and how far.

Whoever publishes levels states, as a writer of the log does, the offset that each record is decided
for. A level is a level wherever it lies. Only a **mark** counts or does not: one that lies where it
was decided to lie was written by somebody who had read everything before it, and had published
again whatever an older publisher had spoilt. So the topic itself says from where to go on.
"""

from ledger.errors import LogUnavailable
from ledger.log import EventLog, Record
from projections.publishers.level_documents import (
    LevelsPublishedData,
    offset_of,
    read_level,
    read_mark,
)
from projections.publishers.level_keys import parts_of
from projections.publishers.level_state import Level

# How long a broker may take to show the end of what it says to have.
END_WAIT_SECONDS = 2.0


class TopicLevels:
    """Grows by the records of one partition of the topic, in their order.

    `found` has the newest level of each key, by position; emptied keys are there too. `spoilt` are
    the keys whose last record is not that one. `mark` is the last one that counts. `doubtful` says
    that compaction may have taken a level that an older publisher has covered up since then: only
    the log can tell. `reached` is the offset in the log behind the newest level.
    """

    def __init__(self, partition: int) -> None:
        """Nothing is read yet."""
        self.partition = partition
        self.found: dict[bytes, Level] = {}
        self.spoilt: dict[bytes, None] = {}
        self.mark: LevelsPublishedData | None = None
        self.doubtful = False
        self.reached = 0
        self.next_offset = 0

    def take(self, record: Record) -> None:
        """Note one record. What is no level, and under no key of one, is nobody's."""
        self.next_offset = record.offset + 1
        try:
            parts = parts_of(record.key)
        except ValueError:
            return
        if len(parts) == 1:
            if parts[0] == f"partition-{self.partition}":
                self._take_mark(record)
            return
        offset = offset_of(record)
        try:
            level = None if offset is None else read_level(record.value, offset)
        except ValueError:
            level = None
        known = self.found.get(record.key)
        if level is None or (known is not None and known.offset > level.offset):
            self.spoilt[record.key] = None
            return
        self.found[record.key] = level
        self.spoilt.pop(record.key, None)
        self.reached = max(self.reached, level.offset + 1)
        behind_mark = self.mark is not None and level.offset < self.mark.position
        if behind_mark and (known is None or known.offset < level.offset):
            self.doubtful = True

    def _take_mark(self, record: Record) -> None:
        if not record.value:
            return
        try:
            mark = read_mark(record.value)
        except ValueError:
            return
        self.reached = max(self.reached, mark.position)
        if record.counts:
            went_back = self.mark is not None and mark.position < self.mark.position
            self.doubtful = went_back
            self.mark = mark


async def read_topic(topic: EventLog, partition: int) -> TopicLevels:
    """Read a partition of the topic to its end. Raises LogUnavailable, LogRegressed."""
    levels = TopicLevels(partition)
    end = await topic.end(partition)
    while levels.next_offset < end:
        part = await topic.read(partition, levels.next_offset)
        if part.next_offset <= levels.next_offset:
            # Compaction may have taken the last ones.
            part = await topic.read(partition, levels.next_offset, wait_seconds=END_WAIT_SECONDS)
            if part.next_offset <= levels.next_offset:
                levels.next_offset = part.end
                break
        for record in part.records:
            levels.take(record)
        levels.next_offset = part.next_offset
    return levels


async def read_between(topic: EventLog, partition: int, start: int, end: int) -> list[Record]:
    """The records from `start` up to `end`, which are there.

    Raises LogUnavailable, LogRegressed.
    """
    found: list[Record] = []
    while start < end:
        part = await topic.read(partition, start, wait_seconds=END_WAIT_SECONDS)
        if part.next_offset <= start:
            raise LogUnavailable(f"partition {partition} of the levels is not shown to its end")
        found += [record for record in part.records if record.offset < end]
        start = part.next_offset
    return found
