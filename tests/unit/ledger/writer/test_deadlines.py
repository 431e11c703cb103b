"""Callers wait as long as they said, all on one timer."""

import asyncio

from ledger.writer.deadlines import Deadlines
from ledger.writer.queue import Request


async def test_each_expires_when_its_time_is_up() -> None:
    """In the order of their ends, whichever came first; who was answered does not."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    late, early, answered, second = (Request(loop) for _ in range(4))
    started = loop.time()
    deadlines.add(late, 0.06)
    deadlines.add(early, 0.02)
    deadlines.add(answered, 0.02)
    deadlines.remove(answered, 0.02)
    await early.done
    assert loop.time() - started >= 0.015
    assert early.expired
    assert not late.done.done()
    # The timer of this length has run out, and starts anew.
    deadlines.add(second, 0.02)
    await late.done
    await second.done
    assert late.expired
    assert second.expired
    assert loop.time() - started >= 0.055
    assert not answered.done.done()


async def test_later_ones_of_one_length_get_their_whole_time() -> None:
    """The timer goes on to the next, though the first it was set for is gone."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    first, second = Request(loop), Request(loop)
    deadlines.add(first, 0.03)
    await asyncio.wait([first.done], timeout=0.015)
    deadlines.remove(first, 0.03)
    started = loop.time()
    deadlines.add(second, 0.03)
    await second.done
    assert second.expired
    assert not first.expired
    assert loop.time() - started >= 0.025


async def test_nothing_expires_after_the_end() -> None:
    """And removing once more is no error."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    request = Request(loop)
    deadlines.add(request, 0.005)
    deadlines.close()
    deadlines.remove(request, 0.005)
    await asyncio.wait([request.done], timeout=0.02)
    assert not request.expired
