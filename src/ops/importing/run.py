"""An import from its first look to its last record."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from ledger.log import FillableLog
from ops.importing.source import Source
from ops.importing.target import Filled, Target

# Partitions that are filled at the same time: a log takes some batches together faster.
PARTITIONS_AT_ONCE = 4
Progress = Callable[[int, int], None]


@dataclass
class _Tally:
    """How far all of it is."""

    progress: Progress
    total: int
    done: int = 0
    stopped: bool = False

    def add(self, offsets: int) -> None:
        """So many more. Raises asyncio.CancelledError once it is time to stop."""
        if self.stopped:
            raise asyncio.CancelledError
        self.done += offsets
        self.progress(self.done, self.total)


def prove(source: Source, progress: Progress) -> None:
    """Read the whole export, so that a damaged one is refused before anything is written.

    Raises ExportDamaged.
    """
    ranges = source.manifest.ranges
    tally = _Tally(progress, sum(one.until_offset for one in ranges))
    for one in ranges:
        for run in source.runs(one.partition):
            tally.add(run.until - run.offset)


async def fill(log: FillableLog, source: Source, place: str, progress: Progress) -> list[Filled]:
    """Fill an open log. Raises TargetRefused, ExportDamaged, and what the log raises.

    Partition 0 comes last: until it is there, an instance that is started refuses a log whose other
    partitions belong to a ledger that partition 0 does not have.
    """
    target = Target(log, source, place)
    await target.check()
    tally = _Tally(progress, sum(one.until_offset for one in source.manifest.ranges))
    room = asyncio.Semaphore(PARTITIONS_AT_ONCE)

    async def one(partition: int) -> Filled:
        async with room:
            tally.add(0)
            return await target.fill(partition, tally.add)

    others = await _together([one(each) for each in range(1, source.manifest.partitions)], tally)
    return [await target.fill(0, tally.add), *others]


async def _together(work: Sequence[Coroutine[None, None, Filled]], tally: _Tally) -> list[Filled]:
    """All of it, or the first failure.

    After that the others go as far as what they have under way: a batch that is left alone may
    still land, and whoever looks meanwhile does not find it.
    """
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        tally.stopped = True
        await asyncio.gather(*tasks, return_exceptions=True)
        tally.stopped = False
