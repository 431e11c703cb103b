"""The views that are built: a projector beside the live ones, which goes as far as it is told."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from ledger.ending import end
from ledger.errors import LedgerError, LogUnavailable
from ledger.log import EventLog
from ledger.ownership.group import Only
from ledger.replay.reading import is_damage, read_records
from projections.checkpoints import VIEW_GROUP, Checkpoint
from projections.database import Database, DatabaseUnavailable
from projections.planning.catching_up import catch_up
from projections.rebuilding.errors import BuildStopped
from projections.rebuilding.limited_log import LimitedLog
from projections.runner import Projector, defer_indexes
from projections.stores import open_store

LOOK_SECONDS = 0.01
# A log or database that is away is waited for so long; then the rebuild ends, and can be resumed.
PATIENCE_SECONDS = 60.0
# Nobody else waits for what a slice locks here, and larger ones have less to write.
DEMAND_RECORDS_A_SLICE = 200_000
DEMAND_WAYS = 2

Progress = Callable[[str, int], None]


class Way(NamedTuple):
    """Offsets from which and up to which partitions are to be read into the views at `url`."""

    url: str
    starts: Mapping[int, int]
    ends: Mapping[int, int]


# Goes the way in several processes, or not at all; the second argument hears how many records are
# read. Raises what `Build.reach` raises.
Ahead = Callable[[Way, Callable[[int], None]], Awaitable[None]]


class Build:
    """Views on a side, from a log. `start` and `stop` may follow each other several times."""

    def __init__(
        self,
        log: EventLog,
        database: Database,
        progress: Progress,
        share: frozenset[int] | None = None,
    ) -> None:
        """`database` is open. `progress` hears what is done, and how many records were read.

        With a `share` only these partitions are read, and the indexes are left to somebody else.
        """
        self._log = log
        self._share = share
        self._partitions = frozenset(range(log.partitions)) if share is None else share
        self._database = database
        self._progress = progress
        self._limited = LimitedLog(log)
        self._projector: Projector | None = None
        self._task: asyncio.Task[None] | None = None
        self.positions: dict[int, int] = {}

    async def start(self, until: Mapping[int, int]) -> None:
        """Read on from where the side is, up to these offsets."""
        stored = await self.checkpoints()
        self.positions = {one: at.position for one, at in stored.items()}
        self._limited.allow(self.positions)
        self._limited.allow(until)
        group = None if self._share is None else Only(self._share)
        self._projector = Projector(
            self._limited, self._database, group=group, indexes=self._share is None
        )
        self._task = asyncio.create_task(self._projector.run(), name="rebuild")

    async def run_ahead(self, ahead: Ahead, until: Mapping[int, int]) -> None:
        """Have others bring the side up to these offsets, where there is more than one writer.

        Not between `start` and `stop`. Raises what `reach` raises.
        """
        if self._database.is_sqlite:
            return
        stored = {one: at.position for one, at in (await self.checkpoints()).items()}
        missing = {one: end for one, end in until.items() if end > stored.get(one, 0)}
        if not missing:
            return
        if not stored:
            store = open_store(self._database, VIEW_GROUP)
            try:
                await defer_indexes(store, sum(missing.values()))
            finally:
                await store.close()
        before = sum(stored.values())
        way = Way(
            self._database.url.render_as_string(hide_password=False),
            {one: stored.get(one, 0) for one in missing},
            missing,
        )
        await ahead(way, lambda records: self._progress("records are read", before + records))

    async def stop(self) -> None:
        """Write nothing any more."""
        if self._task is not None:
            # Who is cancelled here has not stopped it yet.
            await end(self._task)
            self._task = None

    async def checkpoints(self, group: str = VIEW_GROUP) -> dict[int, Checkpoint]:
        """Where the side is, or a group of its views."""
        store = open_store(self._database, group)
        try:
            return await store.checkpoints()
        finally:
            await store.close()

    def allow_all(self) -> None:
        """Read on to the end of the log, from now on."""
        self._limited.allow_all()

    async def bring(
        self, until: Mapping[int, int], demand: Mapping[int, int] | None = None
    ) -> None:
        """Bring the views up to these offsets, and the demand view up to its own, or all there is.

        Demand is summed up while the indexes are made. Raises BuildStopped, DemandRefused,
        DatabaseUnavailable.
        """
        await self.reach(until, indexed=False)
        indexing = [asyncio.create_task(self.reach(until)), asyncio.create_task(self._index())]
        try:
            await self.sum_up(demand)
            await asyncio.gather(*indexing)
        finally:
            await end(*indexing)

    async def reach(self, until: Mapping[int, int], *, indexed: bool = True) -> None:
        """Return once the views show the records before these offsets, and have all indexes.

        Views of another log may have read as far, so they are compared with this one first.
        Raises BuildStopped, LogDamaged, LogUnavailable, DatabaseUnavailable.
        """
        self._limited.allow(until)
        projector, task = self._projector, self._task
        assert projector is not None
        assert task is not None
        well_at = time.monotonic()
        while True:
            if task.done():
                raise BuildStopped(projector.trouble or "")
            for partition, failure in projector.failures.items():
                raise BuildStopped(f"{partition}:{failure.offset}: {failure.why}")
            reached = self._reached(projector, until) and (projector.indexed or not indexed)
            if reached and projector.checked >= self._partitions:
                return
            if projector.trouble is None:
                well_at = time.monotonic()
            elif time.monotonic() - well_at > PATIENCE_SECONDS:
                raise _away(projector)
            await self._refuse_damage(projector.faults)
            await asyncio.sleep(LOOK_SECONDS)

    async def _refuse_damage(self, faults: Mapping[int, Exception]) -> None:
        """Raise LogDamaged with the place, for waiting does not mend it as it does a log away."""
        for partition in [one for one, fault in faults.items() if is_damage(fault)]:
            start, until = self.positions.get(partition, 0), await self._log.end(partition)
            records = read_records(self._log, partition, start=start, until=until)
            async with contextlib.aclosing(records) as slices:
                async for _ in slices:
                    pass

    async def sum_up(self, until: Mapping[int, int] | None = None) -> None:
        """Bring the demand view along, up to these offsets where they are given.

        Raises DatabaseUnavailable, DemandRefused.
        """
        if until is None:
            until = {one: at.position for one, at in (await self.checkpoints()).items()}
        await asyncio.gather(
            *(
                catch_up(self._database, until=part, records_max=DEMAND_RECORDS_A_SLICE)
                for part in self._shares(until)
            )
        )

    async def _index(self) -> None:
        """Make indexes beside the projector, where there is more than one writer."""
        if self._database.is_sqlite:
            return
        store = open_store(self._database, VIEW_GROUP)
        try:
            # The projector makes them all the same, and says what it meets.
            with contextlib.suppress(DatabaseUnavailable):
                await store.build_indexes()
        finally:
            await store.close()

    def _shares(self, until: Mapping[int, int]) -> list[dict[int, int]]:
        """What is summed up at once: a server has several processors, a file has one writer."""
        ways = 1 if self._database.is_sqlite else DEMAND_WAYS
        shares: list[dict[int, int]] = [{} for _ in range(ways)]
        for number, partition in enumerate(sorted(until)):
            shares[number % ways][partition] = until[partition]
        return shares

    def _reached(self, projector: Projector, until: Mapping[int, int]) -> bool:
        known = projector.positions.known()
        self.positions.update(known)
        there = all(known.get(one, 0) >= offset for one, offset in until.items())
        stage = "the indexes are made" if there else "records are read"
        self._progress(stage, sum(self.positions.values()))
        return there


def _away(projector: Projector) -> LedgerError:
    """Log or database, whichever was waited for too long."""
    for fault in projector.faults.values():
        if isinstance(fault, LogUnavailable):
            return fault
    return DatabaseUnavailable(projector.trouble or "")
