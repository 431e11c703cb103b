"""What a writer asks window and filter: about all that comes next, and about nothing twice."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from ledger.writer.lookup import Lookup
from ledger.writer.queue import Queue, Request, Submission
from tests import builders as make


class Asked:
    """A window whose filter knows no id and counts how often it is asked for any."""

    young = False

    def __init__(self) -> None:
        """Not asked yet."""
        self.looks = 0
        self.names: list[str] = []
        self.old = self

    def perhaps(self, names: Sequence[str]) -> list[str]:
        """None of them was used."""
        self.looks += 1
        self.names += names
        return []


def parts() -> tuple[Asked, Lookup]:
    """A lookup, and what it asks."""
    asked = Asked()
    follower: Any = SimpleNamespace(window=asked, state=SimpleNamespace(ids={}))
    replies: Any = None  # nothing is suspected
    return asked, Lookup(follower, replies)


def waiting(count: int) -> tuple[Queue, list[Submission]]:
    """A queue of so many callers with one command each."""
    queue = Queue(10_000)
    request = Request(asyncio.get_running_loop())
    callers = [Submission([make.receipt("1", id=f"id-{n}")], None, request) for n in range(count)]
    for caller in callers:
        assert queue.offer(caller)
    return queue, callers


async def decide_all(lookup: Lookup, queue: Queue) -> int:
    """Look up slice by slice, as for one batch; how many there were."""
    slices = 0
    while (taken := queue.take()) is not None:
        submission, start, stop = taken
        assert await lookup.before([*submission.commands[start:stop]], 0, queue.ahead) == (None, {})
        slices += 1
    return slices


async def test_many_callers_are_one_look() -> None:
    """And each id is asked for once."""
    asked, lookup = parts()
    queue, _ = waiting(400)
    lookup.begin()
    assert await decide_all(lookup, queue) == 400
    assert asked.looks == 1
    assert sorted(asked.names) == sorted(f"id-{n}" for n in range(400))


async def test_callers_who_stopped_waiting_cost_no_further_look() -> None:
    """Neither before the first one, nor behind it."""
    asked, lookup = parts()
    queue, callers = waiting(400)
    for caller in callers[1:100:3]:
        caller.cancelled = True
    lookup.begin()
    taken = queue.take()
    assert taken is not None
    await lookup.before([*taken[0].commands], 0, queue.ahead)
    for caller in callers[101::2]:
        caller.cancelled = True
    left = sum(not caller.cancelled for caller in callers[1:])
    assert await decide_all(lookup, queue) == left
    assert asked.looks == 1
    # Of those who had stopped before nobody was asked.
    assert not {f"id-{n}" for n in range(1, 100, 3)} & {*asked.names}


async def test_what_came_meanwhile_is_looked_at() -> None:
    """Whoever comes behind what was looked at, or in front of it."""
    asked, lookup = parts()
    queue, _ = waiting(3)
    lookup.begin()
    taken = queue.take()
    assert taken is not None
    await lookup.before([*taken[0].commands], 0, queue.ahead)
    late = Submission([make.receipt("1", id="late")], None, Request(asyncio.get_running_loop()))
    assert queue.offer(late)
    first = Submission([make.receipt("1", id="first")], None, Request(asyncio.get_running_loop()))
    first.next = 1
    queue.put_back(first, 0)
    await decide_all(lookup, queue)
    assert {"first", "late"} <= {*asked.names}
    assert asked.looks == 2


async def test_the_next_batch_asks_again() -> None:
    """The window has changed."""
    asked, lookup = parts()
    for _ in range(2):
        queue, _ = waiting(2)
        lookup.begin()
        await decide_all(lookup, queue)
    assert asked.looks == 2
