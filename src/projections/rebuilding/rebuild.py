"""The whole of a rebuild: build beside the live views, compare, exchange; and the way back."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple, Protocol
from uuid import uuid4

import msgspec

from ledger.domain.facts import Opened
from ledger.errors import UndecodableRecord
from ledger.events.decoding import Codec
from ledger.log import EventLog
from projections.checkpoints import VIEW_GROUP
from projections.database import Database
from projections.derived import COMPARED
from projections.history import catching_up as history
from projections.planning.demand_statements import DEMAND_GROUP
from projections.rebuilding.beginning import begun, bring_demand, check_tables, now_ms
from projections.rebuilding.build import Ahead, Build
from projections.rebuilding.comparison import SHOWN_DEFAULT, TableResult, compare
from projections.rebuilding.errors import NothingKept
from projections.rebuilding.exchange import (
    FENCED_RECORDS_MAX,
    Exchange,
    check_history,
    check_kept,
)
from projections.rebuilding.sites import BEFORE, BUILD, Note, Positions, Side, Site, open_site

_AHEAD = "an earlier run has built further than the live views are"
_RESTORED = "the live views are of another history"
_NOT_ASKED = "it was not asked for"


class Order(NamedTuple):
    """What is wanted. `made_by` is the version of this code, which does not go on with another's.

    `restored` says that the live views may be of another history than the log.
    """

    made_by: str
    compare: bool = True
    swap: bool = True
    afresh: bool = False
    restored: bool = False
    shown: int = SHOWN_DEFAULT


class Hearing(Protocol):
    """Who hears how it goes."""

    def say(self, what: str) -> None:
        """Something worth a line."""
        ...

    def progress(self, stage: str, records: int) -> None:
        """So many records of all partitions are read."""
        ...


class Report(msgspec.Struct, kw_only=True):
    """What came of a rebuild. `seconds` are of this run, by stage."""

    build_id: str
    resumed: bool
    compared_at: dict[int, int] = {}
    tables: list[TableResult] = []
    other_heads: list[int] = []
    not_compared: str | None = None
    swapped: bool = False
    records: int = 0
    seconds: dict[str, float] = {}

    @property
    def equal(self) -> bool | None:
        """Whether nothing was found that differs; None where nothing was compared."""
        if self.not_compared is not None:
            return None
        return not self.other_heads and all(one.equal for one in self.tables)


async def rebuild(
    log: EventLog,
    database: Database,
    order: Order,
    hearing: Hearing,
    ahead: Ahead | None = None,
) -> Report:
    """Make the views anew and exchange the live ones for them. All are open.

    `ahead` reads the log into the built views, faster than one process would. Can be killed at any
    point: what is live is whole, and the next call goes on. Raises RebuildRunning, TablesBehind,
    OtherHistory, BuildStopped, ViewsInUse, DemandRefused, DatabaseUnavailable, LogUnavailable, and
    what `ahead` raises.
    """
    async with _claimed(database) as site:
        await check_tables(site)
        live = (await site.positions()).get(VIEW_GROUP, {})
        # Asked for behind the positions: what is projected meanwhile does not lie beyond the end.
        ends = await _ends(log)
        if not order.restored:
            check_history(live, ends, await ledger_of(log))
        note, resumed = await begun(site, order.made_by, afresh=order.afresh)
        hearing.say("an earlier rebuild is gone on with" if resumed else "the views are built")
        report = Report(build_id=note.build_id, resumed=resumed)
        async with _building(log, site, BUILD, hearing) as build:
            if order.compare and not order.restored:
                await bring_demand(database, build)
            run = _Run(site, build, order, hearing, report)
            run.ahead = ahead
            await run.run(ends, note)
        if report.swapped:
            hearing.say("balance checkpoints are made")
            await history.catch_up(database)
            run.lap("checkpoints made")
        return report


async def roll_back(
    log: EventLog, database: Database, made_by: str, hearing: Hearing, *, restored: bool = False
) -> Note:
    """Bring the views that are kept up to date, and exchange the live ones for them.

    Those are kept in turn, and may be of another history if `restored` says so; the views that
    become live may not. Raises NothingKept, and what `rebuild` raises.
    """
    async with _claimed(database) as site:
        note, revision = await site.note(BEFORE), await site.revision()
        if note is None:
            raise NothingKept
        if note.revision != revision:
            raise NothingKept("the tables have been migrated since the earlier views were kept")
        async with _building(log, site, BEFORE, hearing) as build:
            live, earlier = (await site.positions()).get(VIEW_GROUP, {}), await build.checkpoints()
            # Asked for behind the positions, as for a rebuild.
            ends, ledger_id = await _ends(log), await ledger_of(log)
            check_kept(earlier, ends, ledger_id)
            if not restored:
                check_history(live, ends, ledger_id)
            hearing.say("the views that are kept are brought up to date")
            await build.start({})
            build.allow_all()
            await build.bring(ends)
            kept = Note(str(uuid4()), made_by, revision, now_ms(), now_ms())
            await Exchange(site, build, restored=restored).make(BEFORE, kept, hearing.say)
        return kept


async def drop(database: Database, side: Side) -> bool:
    """Remove what is kept, or what is built; whether there was anything. Raises RebuildRunning."""
    async with _claimed(database) as site:
        there = await site.note(side) is not None
        await site.drop(side)
        return there


async def ledger_of(log: EventLog) -> str:
    """The ledger that the log's first record names; empty while there is none."""
    records = (await log.read(0, 0, records_max=1)).records
    if not records or not records[0].counts:
        return ""
    try:
        _, fact = Codec().decode(records[0])
    except UndecodableRecord as error:
        raise UndecodableRecord(f"partition 0: {error}") from error
    return fact.ledger_id if isinstance(fact, Opened) else ""


async def _ends(log: EventLog) -> dict[int, int]:
    return {one: await log.end(one) for one in range(log.partitions)}


class _Run:
    """One run through all stages."""

    def __init__(
        self, site: Site, build: Build, order: Order, hearing: Hearing, report: Report
    ) -> None:
        self._site, self._build, self._order = site, build, order
        self._hearing, self._report = hearing, report
        self._begun = time.monotonic()
        self.ahead: Ahead | None = None

    async def run(self, ends: Mapping[int, int], note: Note) -> None:
        """Build, compare where that can be, and exchange where that is wanted."""
        build, report = self._build, self._report
        report.not_compared = await self._why_not()
        if report.not_compared is None:
            await self._compare()
            build.allow_all()
        else:
            await self._run_ahead(ends)
            await build.start({})
            build.allow_all()
        await build.bring(ends)
        if report.not_compared is not None:
            await self._site.analyze(BUILD)
        report.records = sum(build.positions.values())
        self.lap("built")
        if self._order.swap:
            kept = msgspec.structs.replace(note, kept_ms=now_ms())
            await Exchange(self._site, build, restored=self._order.restored).make(
                BUILD, kept, self._hearing.say
            )
            report.swapped = True
            self.lap("exchanged")

    async def _why_not(self) -> str | None:
        """Why the views cannot be compared, if so."""
        if not self._order.compare:
            return _NOT_ASKED
        if self._order.restored:
            return _RESTORED
        live = await self._site.positions()
        # Demand is summed up later than the views are read, so one may be ahead without the other.
        for group in (VIEW_GROUP, DEMAND_GROUP):
            known = _offsets(live, group)
            built = await self._build.checkpoints(group)
            if any(at.position > known.get(one, 0) for one, at in built.items()):
                return _AHEAD
        return None

    async def _compare(self) -> None:
        """At one position, which the live views do not leave until both are held still."""
        build = self._build
        live = await self._site.positions()
        await self._run_ahead(_offsets(live, VIEW_GROUP))
        await build.start(_offsets(live, VIEW_GROUP))
        while True:
            live = await self._site.positions()
            behind = sum(_offsets(live, VIEW_GROUP).values()) - sum(build.positions.values())
            await self._reach(live)
            if behind <= FENCED_RECORDS_MAX:
                break
        await self._site.analyze(BUILD)
        self.lap("built")
        async with AsyncExitStack() as stack:
            async with self._site.fence() as live:
                await self._reach(live)
                comparing = await stack.enter_async_context(self._site.comparing(BUILD))
            self._report.compared_at = _offsets(live, VIEW_GROUP)
            built = await build.checkpoints()
            self._report.other_heads = [
                one for one, at in live.get(VIEW_GROUP, {}).items() if built.get(one) != at
            ]
            self._hearing.say("the live views and the built ones are compared")
            for table in COMPARED:
                result = await compare(comparing, table, shown=self._order.shown)
                self._report.tables.append(result)
        self.lap("compared")

    async def _run_ahead(self, until: Mapping[int, int]) -> None:
        if self.ahead is not None:
            await self._build.run_ahead(self.ahead, until)
            self.lap("read ahead")

    async def _reach(self, live: Positions) -> None:
        await self._build.bring(_offsets(live, VIEW_GROUP), _offsets(live, DEMAND_GROUP))

    def lap(self, stage: str) -> None:
        """Note how long a stage took, the one that ends here."""
        now = time.monotonic()
        seconds = self._report.seconds
        seconds[stage] = round(seconds.get(stage, 0.0) + now - self._begun, 3)
        self._begun = now


@asynccontextmanager
async def _claimed(database: Database) -> AsyncIterator[Site]:
    site = open_site(database)
    try:
        await site.open()
        await site.claim()
        await site.settle()
        yield site
    finally:
        await site.close()


@asynccontextmanager
async def _building(
    log: EventLog, site: Site, side: Side, hearing: Hearing
) -> AsyncIterator[Build]:
    database = site.database(side)
    await database.open()
    build = Build(log, database, hearing.progress)
    try:
        yield build
    finally:
        await build.stop()
        await database.close()


def _offsets(positions: Positions, group: str) -> dict[int, int]:
    return {one: at.position for one, at in positions.get(group, {}).items()}
