"""Time that passes only when everybody waits, so that hours of retries take milliseconds."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
START_MS = 1_790_000_000_000


class Stuck(Exception):
    """Everybody waits and nothing is going to happen: an answer was forgotten."""


class _Selector(selectors.SelectSelector):
    """Never waits: moves the clock on by as long as it was asked to wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing is scheduled and nobody is ready")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on that clock. Its order of events depends on nothing but the program."""

    def __init__(self) -> None:
        """At second zero."""
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._virtual.now


def now_ms() -> int:
    """The virtual wall clock of the running loop."""
    return START_MS + int(asyncio.get_running_loop().time() * 1000)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
