"""Verifying partitions in one process, or shared out over several."""

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Final

from ledger.config import Settings
from ops.console import CommandError, ExitCode
from ops.replay.running import run_async, shares
from ops.verify.partition import PartitionReport
from ops.verify.run import Order, Target, verify_some

LOOK_SECONDS: Final = 0.2

Show = Callable[[int], None]


class Stopped(Exception):
    """Nobody waits for the answer any more."""


def verify_all(
    settings: Settings, order: Order, target: Target, jobs: int, show: Show
) -> list[PartitionReport]:
    """The reports of the partitions of `target`, by at most `jobs` processes.

    `show` is told now and then how many offsets are behind. Raises what `verify_some` raises.
    """
    groups = [sorted(group) for group in shares(target.ends, jobs)]
    if len(groups) > 1:
        return _in_processes(settings, order, target, groups, show)
    done: dict[int, int] = {}

    def told(partition: int, offset: int) -> None:
        done[partition] = offset
        show(sum(done.values()))

    return _verify(settings, order, target, groups[0] if groups else [], told)


def _verify(
    settings: Settings,
    order: Order,
    target: Target,
    partitions: Sequence[int],
    told: Callable[[int, int], None],
) -> list[PartitionReport]:
    with _no_collector():
        return run_async(verify_some(settings, order, target, partitions, told))


@contextmanager
def _no_collector() -> Iterator[None]:
    """Nothing here forms cycles that hold much, and looking for them takes long."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _in_processes(
    settings: Settings, order: Order, target: Target, groups: list[list[int]], show: Show
) -> list[PartitionReport]:
    # Fresh processes: a copy of this one would have its threads' locks without its threads.
    context = multiprocessing.get_context("spawn")
    done = context.Array("q", len(groups), lock=False)
    stop = context.Value("b", 0, lock=False)
    with ProcessPoolExecutor(
        len(groups), mp_context=context, initializer=_begin, initargs=(done, stop)
    ) as pool:
        works = [
            pool.submit(_work, number, settings, order, target, group)
            for number, group in enumerate(groups)
        ]
        try:
            _wait(works, lambda: show(sum(done)))
            return [report for one in works for report in one.result()]
        except BrokenProcessPool:
            raise CommandError(
                "a process was killed, perhaps for want of memory; fewer --jobs need less",
                ExitCode.UNAVAILABLE,
            ) from None
        finally:
            stop.value = 1


def _wait(works: Sequence["Future[list[PartitionReport]]"], look: Callable[[], None]) -> None:
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
    _shared.update(done=done, stop=stop, parent=os.getppid())


def _work(
    number: int, settings: Settings, order: Order, target: Target, partitions: list[int]
) -> list[PartitionReport]:
    behind: dict[int, int] = {}

    def told(partition: int, offset: int) -> None:
        behind[partition] = offset
        _shared["done"][number] = sum(behind.values())
        if _shared["stop"].value or os.getppid() != _shared["parent"]:
            raise Stopped

    return _verify(settings, order, target, partitions, told)
