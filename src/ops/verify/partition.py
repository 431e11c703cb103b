"""One partition from its first record to its end, with everything that is held against it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from ledger.errors import LedgerError, LogUnavailable
from ledger.events.decoding import Codec
from ledger.log import EventLog, Record, SnapshotStore
from ledger.replay.reading import LogDamaged, ends, is_damage, read_records
from ops.findings import Finding, Findings
from ops.verify.codes import CODES
from ops.verify.demand import check_demand
from ops.verify.history import check_history
from ops.verify.rows import Rows, sentence
from ops.verify.snapshots import read_check
from ops.verify.views import (
    ViewCheck,
    ViewPositions,
    check_nowhere,
    check_unread,
    read_view_positions,
)
from ops.verify.walk import Stop, Walk, Watch
from projections.checkpoints import Checkpoint
from projections.database import Database, DatabaseUnavailable
from projections.history.tables import HISTORY_GROUP
from projections.planning.demand_statements import DEMAND_GROUP

# What is read back, for people.
_VIEWS: Final = "views"


class SealWatch(Watch, Protocol):
    """A seal that follows the walk."""

    def finish(self, next_offset: int) -> Sequence[Any]:
        """What differs, at the end of the partition."""
        ...


@dataclass
class PartitionReport:
    """What came of one partition. `end` is where the log ended; `sound_until` the first offset
    from which on nothing could be folded any more, if there is one."""

    partition: int
    findings: Findings
    end: int = 0
    head: str = ""
    head_offset: int = -1
    records: int = 0
    movements: int = 0
    refusals: int = 0
    void: int = 0
    void_listed: list[tuple[int, int | None]] = field(default_factory=list)
    sound_until: int | None = None
    ledger_id: str | None = None
    # How far the views, and those made from them, were compared; None where they were not.
    views_until: int | None = None
    demand_until: int | None = None
    history_until: int | None = None
    snapshot: bool = False
    # Views made from those of the log that have read nothing of the partition.
    unmade: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Sources:
    """What there is to compare. What is None is left out. `progress` is told offsets."""

    log: EventLog
    database: Database | None = None
    snapshots: SnapshotStore | None = None
    watch: SealWatch | None = None
    kept_max: int = 20
    progress: Callable[[int], object] | None = None


async def verify_partition(sources: Sources, partition: int) -> PartitionReport:
    """Check everything of a partition. Raises LogUnavailable, DatabaseUnavailable, LogRegressed."""
    report = PartitionReport(partition, Findings(CODES, sources.kept_max))
    await _Check(sources, report).run()
    return report


class _Check:
    def __init__(self, sources: Sources, report: PartitionReport) -> None:
        self._sources = sources
        self._report = report
        self._partition = report.partition
        self._findings = report.findings
        partitions = sources.log.partitions
        self._walk = Walk(self._partition, partitions, self._findings, sources.watch)
        self._stops: list[Stop] = []
        self._views: ViewCheck | None = None
        self._positions: ViewPositions | None = None
        self._rows: Rows | None = None

    async def run(self) -> None:
        """Take what is stored before the end of the log, so that it cannot be ahead of it."""
        async with AsyncExitStack() as stack:
            await self._open_views(stack)
            await self._open_snapshot()
            try:
                end = (await ends(self._sources.log, [self._partition]))[self._partition]
                self._report.end = end
                await self._read(end)
                await self._finish(end)
            except LogDamaged as error:
                self._wrong("unreadable", f"{self._partition}:{self._walk.next_offset}", error)
        self._fill()

    def _wrong(self, code: str, where: str, text: object) -> None:
        self._findings.take((Finding(code, where, str(text)),))

    async def _open_views(self, stack: AsyncExitStack) -> None:
        database = self._sources.database
        if database is None:
            return
        async with self._readable(_VIEWS):
            reader = await stack.enter_async_context(database.reader())
            self._positions = await read_view_positions(reader, self._partition)
            self._rows = Rows(reader)
            if self._positions is None:
                self._report.notes.append(f"the views have not read partition {self._partition}")
                self._findings.take(await check_unread(self._rows, self._partition))
                return
            core = self._positions.core
            self._views = ViewCheck(self._partition, self._rows, core, self._findings)

    async def _open_snapshot(self) -> None:
        store = self._sources.snapshots
        if store is None:
            return
        async with self._readable(f"snapshot of partition {self._partition}"):
            check = await read_check(store, self._partition)
            self._findings.take(check.found)
            self._report.notes += [check.note] if check.note else []
            self._report.snapshot = check.compared
            self._stops = sorted(check.stops, key=lambda stop: stop.offset)

    @asynccontextmanager
    async def _readable(self, what: str) -> AsyncIterator[None]:
        """A damaged file is something that is found, and not the end of everything else."""
        try:
            yield
        except (LogUnavailable, DatabaseUnavailable, SQLAlchemyError) as error:
            if not is_damage(error):
                raise
            of_views = what == _VIEWS
            if of_views:
                self._views = None
            if of_views and self._rows is not None:
                what = f"{what}, {self._rows.where}"
            self._wrong("unreadable", what, sentence(error))

    async def _read(self, end: int) -> None:
        log, partition = self._sources.log, self._partition
        progress = self._sources.progress
        async with aclosing(read_records(log, partition, until=end)) as slices:
            async for records in slices:
                await self._take(records)
                if progress is not None:
                    progress(self._walk.next_offset)

    async def _take(self, records: list[Record]) -> None:
        """Read on, and stop wherever something is to be compared."""
        first = 0
        while first < len(records):
            until = self._next_stop()
            last = len(records)
            if until is not None and records[-1].offset >= until:
                last = next(n for n in range(first, last) if records[n].offset >= until)
            await self._count(records[first:last])
            first = last
            if until is not None and first < len(records):
                await self._reach(until)

    def _next_stop(self) -> int | None:
        offsets = [self._stops[0].offset] if self._stops else []
        if self._views is not None:
            offsets.append(self._views.position.position)
        return min(offsets, default=None)

    async def _count(self, records: Sequence[Record]) -> None:
        if not records:
            return
        self._walk.keeps = self._views is not None
        counted = self._walk.take(records)
        if self._views is not None:
            until = self._walk.broken_at
            async with self._readable(_VIEWS):
                end = self._walk.next_offset if until is None else until
                await self._views.follow(counted, self._walk.voids, end)

    async def _reach(self, offset: int) -> None:
        """Compare what speaks of the state in front of `offset`, where that is known."""
        while self._stops and self._stops[0].offset <= offset:
            stop = self._stops.pop(0)
            if self._walk.sound:
                stop.check(self._walk)
            else:
                self._leave_out(stop.what)
        if self._views is not None and self._views.position.position <= offset:
            await self._compare_views(self._views)
            self._views = None

    async def _compare_views(self, views: ViewCheck) -> None:
        if not self._walk.sound:
            self._leave_out("the sums in the views")
            return
        async with self._readable(_VIEWS):
            await views.finish(self._walk)
            self._report.views_until = views.position.position
            await self._compare_derived()

    async def _compare_derived(self) -> None:
        """What is made from other views, at positions of its own."""
        assert self._positions is not None
        assert self._rows is not None
        core, demand, history = self._positions
        for group, position in ((DEMAND_GROUP, demand), (HISTORY_GROUP, history)):
            if position is None:
                self._report.unmade.append(group)
                await self._nowhere(group)
        if demand is not None and self._fits("demand", demand, core):
            until = demand.position
            self._findings.take(await check_demand(self._rows, self._partition, until))
            self._report.demand_until = until
        if history is not None and self._fits("history", history, core):
            until = history.position
            self._findings.take(await check_history(self._rows, self._partition, until))
            self._report.history_until = until

    async def _nowhere(self, group: str) -> None:
        assert self._rows is not None
        self._findings.take(await check_nowhere(self._rows, self._partition, group))

    def _fits(self, group: str, position: Checkpoint, core: Checkpoint) -> bool:
        if position.position <= core.position and position.ledger_id == core.ledger_id:
            return True
        text = f"it is at {position.position} of ledger {position.ledger_id}, ahead of its views"
        self._wrong("view_differs", f"view_positions '{group}', {self._partition}", text)
        return False

    def _leave_out(self, what: str) -> None:
        at = self._walk.broken_at
        self._report.notes.append(
            f"{what} of partition {self._partition} cannot be compared: the log is not sound "
            f"from offset {at} on"
        )

    async def _finish(self, end: int) -> None:
        walk = self._walk
        if walk.next_offset < end:
            text = f"offsets up to {end - 1} are missing"
            self._wrong("gap", f"{self._partition}:{walk.next_offset}", text)
        walk.finish()
        await self._reach(walk.next_offset)
        for stop in self._stops:
            self._wrong("ahead_of_log", stop.what, f"it is at {stop.offset}, the log ends at {end}")
        if self._views is not None:
            position = self._views.position.position
            where = f"views of partition {self._partition}"
            self._wrong("ahead_of_log", where, f"they are at {position}, the log ends at {end}")
        await self._check_ids()
        if self._sources.watch is not None:
            for one in self._sources.watch.finish(walk.next_offset):
                text = f"{one.text}; the last record that counts lies at {walk.head_offset}"
                self._wrong(one.code, f"{self._partition}:{one.offset}", text)

    async def _check_ids(self) -> None:
        """Compare the ids that have the same hash; two ids that differ have it hardly ever."""
        for first, second in self._walk.fold.past.repeated():
            names = [await self._id_at(offset) for offset in (first, second)]
            if names[0] == names[1]:
                text = f"the id {names[0]} counts at {first} already"
                self._wrong("counted_twice", f"{self._partition}:{second}", text)

    async def _id_at(self, offset: int) -> str | None:
        part = await self._sources.log.read(self._partition, offset, records_max=1)
        try:
            return getattr(Codec().decode(part.records[0])[1], "id", None)
        except LedgerError:
            return None

    def _fill(self) -> None:
        report, walk = self._report, self._walk
        report.head, report.head_offset = walk.head, walk.head_offset
        report.records, report.void = walk.counting, walk.void
        report.movements, report.refusals = walk.fold.movements, walk.fold.refusals
        report.void_listed = walk.void_listed
        report.sound_until = walk.broken_at
        opened = walk.fold.opened
        report.ledger_id = None if opened is None else opened.ledger_id
