"""How far a replay, or another reading of the log, is, on stderr."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ops.console import stderr

# Where stderr is no terminal, a line so often.
LINE_SECONDS: Final = 10.0


@contextmanager
def progress(total: int, what: str = "replaying") -> Iterator[Callable[[int], None]]:
    """Tell the answer how many of `total` offsets are behind; a bar, or a line now and then."""
    console = stderr()
    if not console.is_terminal:
        yield _Lines(total, what)
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=total)

        def show(done: int) -> None:
            bar.update(task, completed=done, description=f"{done:,} of {total:,} records")

        yield show


class _Lines:
    """For logs of jobs: nothing at all where it is quick."""

    def __init__(self, total: int, what: str) -> None:
        self._total = total
        self._what = what
        self._next = time.monotonic() + LINE_SECONDS

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LINE_SECONDS
            stderr().print(f"{self._what}: {done:,} of {self._total:,} records", markup=False)
