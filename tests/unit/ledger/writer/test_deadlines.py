"""Callers wait as long as they said, all on one timer."""

import asyncio
from collections.abc import Callable
from typing import Any

from ledger.writer.deadlines import Deadlines
from ledger.writer.queue import Request


class Handle:
    """A timer that can be cancelled."""

    def __init__(self, when: float, call: Callable[[], None]) -> None:
        """Not cancelled."""
        self.when = when
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        """It never fires."""
        self.cancelled = True


class Clock:
    """Stands in for an event loop whose time passes only when it is told."""

    def __init__(self) -> None:
        """It is zero o'clock."""
        self.now = 0.0
        self.handles: list[Handle] = []

    def time(self) -> float:
        """The loop's time."""
        return self.now

    def call_at(self, when: float, call: Callable[..., None], *arguments: Any) -> Handle:
        """Call at that time."""
        handle = Handle(when, lambda: call(*arguments))
        self.handles.append(handle)
        return handle

    def advance(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.now + seconds
        while due := [one for one in self.handles if not one.cancelled and one.when <= end]:
            first = min(due, key=lambda one: one.when)
            self.handles.remove(first)
            self.now = max(self.now, first.when)
            first.call()
        self.now = end


def made() -> tuple[Clock, Deadlines]:
    """A clock and the deadlines on it."""
    clock = Clock()
    return clock, Deadlines(clock)  # type: ignore[arg-type]


async def test_each_expires_when_its_time_is_up() -> None:
    """In the order of their ends, whichever came first; who was answered does not."""
    clock, deadlines = made()
    loop = asyncio.get_running_loop()
    late, early, answered, second = (Request(loop) for _ in range(4))
    deadlines.add(late, 6.0)
    deadlines.add(early, 2.0)
    deadlines.add(answered, 2.0)
    deadlines.remove(answered, 2.0)
    clock.advance(1.9)
    assert not early.expired
    clock.advance(0.2)
    assert early.expired
    # The timer of this length has run out, and starts anew.
    deadlines.add(second, 2.0)
    clock.advance(1.9)
    assert not second.expired
    clock.advance(0.2)
    assert second.expired
    assert not late.expired
    clock.advance(2.0)
    assert late.expired
    assert not answered.done.done()


async def test_later_ones_of_one_length_get_their_whole_time() -> None:
    """The timer goes on to the next, though the first it was set for is gone."""
    clock, deadlines = made()
    loop = asyncio.get_running_loop()
    first, second = Request(loop), Request(loop)
    deadlines.add(first, 3.0)
    clock.advance(1.5)
    deadlines.remove(first, 3.0)
    deadlines.add(second, 3.0)
    assert len(clock.handles) == 1
    clock.advance(2.9)
    assert not second.expired
    clock.advance(0.2)
    assert second.expired
    assert not first.expired


async def test_nothing_expires_after_the_end() -> None:
    """And removing once more is no error."""
    clock, deadlines = made()
    request = Request(asyncio.get_running_loop())
    deadlines.add(request, 1.0)
    deadlines.close()
    deadlines.remove(request, 1.0)
    clock.advance(5.0)
    assert not request.expired


async def test_a_request_knows_when_its_caller_leaves() -> None:
    """What is sent to another instance must carry it."""
    clock, deadlines = made()
    request = Request(asyncio.get_running_loop())
    clock.advance(2.0)
    deadlines.add(request, 3.0)
    assert request.expires_at == 5.0
