"""Working through partitions in one process, or in several: decoding and sums take processors."""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any, Final, Protocol, Self, TypeVar

from ops.console import CommandError, ExitCode
from ops.memory import keep_freed_memory

# A process takes about as long to start as so many records take to replay.
RECORDS_A_PROCESS_MIN: Final = 50_000
JOBS_MAX: Final = 64
LOOK_SECONDS: Final = 0.2

Ends = Mapping[int, int]
Show = Callable[[int], None]
# Told the partition and the offset up to which it is done.
Told = Callable[[int, int], None]
Result = TypeVar("Result")
Part = TypeVar("Part", covariant=True)


class Work(Protocol[Part]):
    """What is done with some partitions, each up to its end. It and its results can be pickled."""

    def __call__(self, ends: Ends, told: Told) -> Sequence[Part]:
        """The results of these partitions; `told` is called now and then."""
        ...


class Stopped(Exception):
    """Nobody waits for the answer any more."""


def jobs_default(ends: Ends) -> int:
    """As many processes as there are processors and enough to do for."""
    enough = sum(ends.values()) // RECORDS_A_PROCESS_MIN
    return max(1, min(_processors(), enough, JOBS_MAX))


def _processors() -> int:
    """Those that this process may use, where the system says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shares(ends: Ends, jobs: int) -> list[dict[int, int]]:
    """Partitions shared out so that each process has about as many records: the longest first,
    each to whoever has least (Graham 1969, longest processing time)."""
    groups: list[dict[int, int]] = [{} for _ in range(max(1, min(jobs, len(ends))))]
    for partition, end in sorted(ends.items(), key=lambda one: (-one[1], one[0])):
        min(groups, key=lambda one: sum(one.values()))[partition] = end
    return [dict(sorted(group.items())) for group in groups]


def over_partitions(
    work: Work[Part], ends: Ends, jobs: int, show: Show, started: "Processes | None" = None
) -> list[Part]:
    """What `work` makes of the partitions, by at most `jobs` processes: those that were started
    for it, if so.

    `show` is told now and then how many offsets are behind. Raises what `work` raises, and
    CommandError if a process was killed.
    """
    # The log may have grown since they were counted.
    groups = shares(ends, jobs if started is None else min(jobs, started.count))
    if len(groups) > 1:
        if started is not None:
            return started.run(work, groups, show)
        with Processes(len(groups)) as processes:
            return processes.run(work, groups, show)
    done: dict[int, int] = {}

    def told(partition: int, offset: int) -> None:
        done[partition] = offset
        show(sum(done.values()))

    with no_collector():
        return list(work(groups[0], told))


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """In an event loop like the service's."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


@contextmanager
def no_collector() -> Iterator[None]:
    """For work on millions of records: they form no cycles, and looking for those takes long."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Processes:
    """Processes for one work, which may begin to start before it is known what there is to do.

    They end with the work, or when this is left.
    """

    def __init__(self, count: int, prepare: Callable[[], None] | None = None) -> None:
        """With `prepare` they begin to start at once, and call it: to import what is needed."""
        # Fresh processes: a copy of this one would have its threads' locks without its threads.
        context = multiprocessing.get_context("spawn")
        self.count = count
        # Offsets that are behind, by process, and whether to stop.
        self._done = context.Array("q", count, lock=False)
        self._stop = context.Value("b", 0, lock=False)
        self._pool = ProcessPoolExecutor(
            count,
            mp_context=context,
            initializer=_begin,
            initargs=(self._done, self._stop, prepare),
        )
        if prepare is not None:
            # One process starts for each, since none is idle yet.
            for _ in range(count):
                self._pool.submit(_nothing)

    def __enter__(self) -> Self:
        """As it is."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them, and wait for it."""
        self.end()

    def end(self) -> None:
        """Wait for them to end, which they do at the next look or when they have started."""
        self._stop.value = 1
        self._pool.shutdown()

    def run(self, work: Work[Part], groups: Sequence[Ends], show: Show) -> list[Part]:
        """What `work` makes of the groups, at most one for each process. Then they have ended."""
        works: list[Future[list[Part]]] = []
        try:
            for number, group in enumerate(groups):
                works.append(self._pool.submit(_work, number, work, dict(group)))
            _wait(works, lambda: show(sum(self._done)))
            return [result for one in works for result in one.result()]
        except BrokenProcessPool:
            raise CommandError(
                "a process was killed, perhaps for want of memory; fewer --jobs need less",
                ExitCode.UNAVAILABLE,
            ) from None
        finally:
            # Idle ones would keep their memory from whoever goes on.
            self.end()


def _wait(works: Sequence["Future[list[Part]]"], look: Callable[[], None]) -> None:
    """Until all are done or one has failed, which raises its error."""
    while True:
        done, others = wait(works, LOOK_SECONDS, FIRST_EXCEPTION)
        look()
        for one in done:
            one.result()
        if not others:
            return


# In the other processes: what `_begin` was given.
_shared: dict[str, Any] = {}


def _begin(done: Any, stop: Any, prepare: Callable[[], None] | None) -> None:
    # Control-C is for the process that was started; it says when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _shared.update(done=done, stop=stop)
    if prepare is not None:
        prepare()


def _nothing() -> None:
    """What a process is started for that has nothing to do yet."""


def _end_with_parent() -> None:
    """Whoever is killed cannot say so, and its answer would wait for it for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _work(number: int, work: Work[Part], ends: Ends) -> list[Part]:
    behind: dict[int, int] = {}
    if _shared["stop"].value:
        raise Stopped

    def told(partition: int, offset: int) -> None:
        behind[partition] = offset
        _shared["done"][number] = sum(behind.values())
        if _shared["stop"].value:
            raise Stopped

    with no_collector():
        return list(work(ends, told))
