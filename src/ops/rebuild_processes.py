"""Reading the log into views that are built, in several processes."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from ledger.config import Settings
from ops.existing_log import existing_log
from ops.partition_processes import (
    Ends,
    Processes,
    Stopped,
    Told,
    jobs_default,
    over_partitions,
    run_async,
)

if TYPE_CHECKING:
    from projections.database import Database
    from projections.rebuilding.build import Way

LOOK_SECONDS: Final = 0.2


@contextmanager
def early_processes(
    database: "Database", jobs: int | None, ends: Ends
) -> Iterator[Processes | None]:
    """Processes for `run_ahead` that start while a place for the views is made.

    As many as the whole log is worth, up to these offsets; none where one process is as good.
    """
    count = _processes(jobs, ends)
    if database.is_sqlite or count == 1:
        yield None
        return
    with Processes(count, _prepare) as processes:
        yield processes


async def run_ahead(
    settings: Settings,
    jobs: int | None,
    way: "Way",
    show: Callable[[int], None],
    early: Processes | None = None,
) -> None:
    """Go the way: read the log of the settings into views.

    By the processes that were started `early`, if so. Does nothing where one process is as good.
    `show` hears how many records were read. Whoever is cancelled here stops the processes. Raises
    what `Build.reach` raises, and CommandError if a process was killed.
    """
    missing = {one: end - way.starts[one] for one, end in way.ends.items()}
    processes = _processes(jobs, missing)
    if processes == 1:
        if early is not None:
            await asyncio.to_thread(early.end)
        return
    stopped = threading.Event()
    read = [0]

    def told(records: int) -> None:
        if stopped.is_set():
            raise Stopped
        read[0] = records

    # Shared out by how much is missing, which is not where a partition ends.
    work = partial(_build_some, settings, way)
    reading = asyncio.create_task(
        asyncio.to_thread(over_partitions, work, missing, processes, told, early)
    )
    try:
        while not (await asyncio.wait([reading], timeout=LOOK_SECONDS))[0]:
            show(read[0])
        await reading
    finally:
        stopped.set()
        # Nobody may find them at work still, and begin beside them.
        await asyncio.wait([reading])
        if not reading.cancelled():
            reading.exception()  # looked at: what stopped it is raised above, or was asked for


def _processes(jobs: int | None, missing: Ends) -> int:
    return min(jobs or jobs_default(missing), len(missing))


def _prepare() -> None:
    """Import what `_build_some` needs, which takes longer than to make a place for views."""
    import projections.database
    import projections.rebuilding.build  # noqa: F401


def _build_some(settings: Settings, way: "Way", missing: Ends, told: Told) -> list[None]:
    """Bring the partitions of `missing` so many records on."""
    from projections.database import Database
    from projections.rebuilding.build import Build

    starts = way.starts
    ends = {one: starts[one] + records for one, records in missing.items()}

    async def bring() -> None:
        async with existing_log(settings) as log:
            database = Database(way.url)
            await database.open()

            def progress(_stage: str, _records: int) -> None:
                for one in ends:
                    told(one, build.positions.get(one, starts[one]) - starts[one])

            build = Build(log, database, progress, frozenset(ends))
            try:
                await build.start(ends)
                await build.reach(ends, indexed=False)
            finally:
                await build.stop()
                await database.close()

    run_async(bring())
    return []
