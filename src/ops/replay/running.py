"""Replaying partitions in one process, or in several: what is to be done is decoding and sums."""

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
from functools import partial
from multiprocessing import connection
from typing import Any, Final, TypeVar

from ledger.config import Settings
from ops.console import CommandError, ExitCode
from ops.existing_log import existing_log
from ops.replay.partition import PartitionAnswer, decode_answer, encode_answer, replay_partition
from ops.replay.question import Question

# A process takes about as long to start as so many records take to replay.
RECORDS_A_PROCESS_MIN: Final = 50_000
JOBS_MAX: Final = 64
LOOK_SECONDS: Final = 0.2

Untils = Mapping[int, int]
Show = Callable[[int], None]
Result = TypeVar("Result")


class Stopped(Exception):
    """Nobody waits for the answer any more."""


def jobs_default(untils: Untils) -> int:
    """As many processes as there are processors and enough to do for."""
    enough = sum(untils.values()) // RECORDS_A_PROCESS_MIN
    return max(1, min(_processors(), enough, JOBS_MAX))


def _processors() -> int:
    """Those that this process may use, where the system says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def replay(
    settings: Settings, question: Question, untils: Untils, jobs: int, show: Show
) -> list[PartitionAnswer]:
    """The answers of the partitions in `untils`, in order, by at most `jobs` processes.

    `show` is told now and then how many offsets are behind. Whatever the number of processes, the
    answers are the same. Raises what `replay_partition` raises.
    """
    groups = shares(untils, jobs)
    if len(groups) == 1:
        done = dict.fromkeys(untils, 0)

        def progress(partition: int, position: int) -> None:
            done[partition] = position
            show(sum(done.values()))

        answers = _replay_group(settings, question, groups[0], progress)
    else:
        answers = _in_processes(settings, question, groups, show)
    return sorted(answers, key=lambda one: one.partition)


def shares(untils: Untils, jobs: int) -> list[dict[int, int]]:
    """Partitions shared out so that each process has about as many records: the longest first,
    each to whoever has least (Graham 1969, longest processing time)."""
    groups: list[dict[int, int]] = [{} for _ in range(max(1, min(jobs, len(untils))))]
    for partition, until in sorted(untils.items(), key=lambda one: (-one[1], one[0])):
        min(groups, key=lambda one: sum(one.values()))[partition] = until
    return [group for group in groups if group]


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """In an event loop like the service's."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


def _replay_group(
    settings: Settings,
    question: Question,
    untils: Untils,
    progress: Callable[[int, int], None],
) -> list[PartitionAnswer]:
    async def all_of_them() -> list[PartitionAnswer]:
        async with existing_log(settings) as log:
            return [
                await replay_partition(
                    log, partition, question, until=until, progress=partial(progress, partition)
                )
                for partition, until in sorted(untils.items())
            ]

    with _no_collector():
        return run_async(all_of_them())


@contextmanager
def _no_collector() -> Iterator[None]:
    """Nothing here forms cycles, and looking for them among a million SKUs takes long."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _in_processes(
    settings: Settings, question: Question, groups: Sequence[Untils], show: Show
) -> list[PartitionAnswer]:
    # Fresh processes: a copy of this one would have its threads' locks without its threads.
    context = multiprocessing.get_context("spawn")
    # Offsets that are behind, by process, and whether to stop.
    done = context.Array("q", len(groups), lock=False)
    stop = context.Value("b", 0, lock=False)
    with ProcessPoolExecutor(
        len(groups), mp_context=context, initializer=_begin, initargs=(done, stop)
    ) as pool:
        works = [
            pool.submit(_work, number, settings, question, dict(group))
            for number, group in enumerate(groups)
        ]
        try:
            _wait(works, lambda: show(sum(done)))
            return [answer for one in works for answer in map(decode_answer, one.result())]
        except BrokenProcessPool:
            raise CommandError(
                "a process of the replay was killed, perhaps for want of memory; fewer --jobs need "
                "less",
                ExitCode.UNAVAILABLE,
            ) from None
        finally:
            stop.value = 1


def _wait(works: Sequence["Future[list[bytes]]"], look: Callable[[], None]) -> None:
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


def _begin(done: Any, stop: Any) -> None:
    # Control-C is for the process that was started; it says when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _shared.update(done=done, stop=stop)


def _end_with_parent() -> None:
    """Whoever is killed cannot say so, and its answer would wait for it for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _work(number: int, settings: Settings, question: Question, untils: Untils) -> list[bytes]:
    behind: dict[int, int] = {}

    def progress(partition: int, position: int) -> None:
        behind[partition] = position
        _shared["done"][number] = sum(behind.values())
        if _shared["stop"].value:
            raise Stopped

    return [encode_answer(one) for one in _replay_group(settings, question, untils, progress)]
