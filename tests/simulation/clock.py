"""Time that passes only when everybody waits, so that hours of retries take milliseconds.

Several processes share the loop. Whatever a process has started belongs to it by its context, so
that it can be stopped between any two steps: for a while, or for ever.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from heapq import heappop, heappush
from typing import Any, TypeVar

Result = TypeVar("Result")
START_MS = 1_790_000_000_000

# For what belongs to no process: the network, the broker's disk.
OUTSIDE = Context()


class Stuck(Exception):
    """Everybody waits and nothing is going to happen: an answer was forgotten."""


class ConnectionLost(Exception):
    """The process died before it answered."""


class Process:
    """Tasks that are stopped and killed together, with everything they have begun."""

    def __init__(self, name: str) -> None:
        """It runs."""
        self.name = name
        self.alive = True
        self.context = Context()
        self.context.run(_PROCESS.set, self)
        # What would have run since it was stopped.
        self.held: list[asyncio.Handle] | None = None
        self._open: dict[asyncio.Task[Any], asyncio.Future[Any]] = {}

    @property
    def busy(self) -> bool:
        """Whether a request is not answered yet."""
        return bool(self._open)

    def spawn(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Start something in it."""
        return asyncio.get_running_loop().create_task(work, context=self.context)

    def call(self, work: Coroutine[Any, Any, Result]) -> asyncio.Future[Result]:
        """Carry out a request; fails with ConnectionLost should the process die before it ends."""
        answered: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        task = self.spawn(work)
        self._open[task] = answered
        task.add_done_callback(self._answer, context=OUTSIDE)
        # The caller may leave: then a failed answer interests nobody.
        answered.add_done_callback(lambda one: one.cancelled() or one.exception(), context=OUTSIDE)
        return answered

    def hang_up(self, answered: asyncio.Future[Any]) -> None:
        """The caller of a request does not wait any more."""
        for task, other in self._open.items():
            if other is answered:
                task.cancel()

    def pause(self) -> None:
        """No task gets a turn; timers that run out meanwhile do so afterwards."""
        if self.held is None:
            self.held = []

    def go_on(self) -> None:
        """End the pause."""
        held, self.held = self.held, None
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.run_held(held or [])

    def kill(self) -> None:
        """Nothing of it ever runs again, no cleaning up either."""
        self.alive = False
        self.pause()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.dead.append(self)
        for answered in self._open.values():
            if not answered.done():
                answered.set_exception(ConnectionLost(f"{self.name} died"))
        self._open.clear()

    def _answer(self, task: asyncio.Task[Any]) -> None:
        answered = self._open.pop(task, None)
        if answered is None or answered.done():
            return
        if task.cancelled():
            answered.set_exception(ConnectionLost("the request was cancelled"))
        elif (error := task.exception()) is not None:
            answered.set_exception(error)
        else:
            answered.set_result(task.result())


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on that clock. Its order of events depends on nothing but the program."""

    _ready: deque[asyncio.Handle]

    def __init__(self) -> None:
        """At second zero."""
        self._now = 0.0
        # What waits for its time; of one time, in the order in which it was asked for.
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._asked = 0
        super().__init__()
        self.dead: list[Process] = []
        self.set_exception_handler(lambda *_: None)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As the base class does it, without its checks."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As the base class does it, in a heap that compares numbers."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._asked += 1
        heappush(self._timers, (when, self._asked, timer))
        return timer

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._now

    def run_held(self, handles: list[asyncio.Handle]) -> None:
        """Run what a process could not, in its order."""
        self._ready.extend(handles)

    def bury(self) -> None:
        """Let the tasks of dead processes be cancelled: the run is over."""
        for process in self.dead:
            self.run_held(process.held or [])
            process.held = None

    def _run_once(self) -> None:
        """One round, as the base class does it, without asking the system for anything."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not ready and not getattr(self, "_stopping", False):
            if not timers:
                raise Stuck("nothing is scheduled and nobody is ready")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            context: Context = handle._context  # type: ignore[attr-defined]
            process = context.get(_PROCESS)
            if process is not None and process.held is not None:
                process.held.append(handle)
            else:
                # Not by way of the handle, which would hide what a callback raises.
                context.run(handle._callback, *handle._args)  # type: ignore[attr-defined]


def now_ms() -> int:
    """The virtual wall clock of the running loop."""
    return START_MS + int(asyncio.get_running_loop().time() * 1000)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(_then_bury(main))


async def _then_bury(main: Coroutine[Any, Any, Result]) -> Result:
    try:
        return await main
    finally:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.bury()
