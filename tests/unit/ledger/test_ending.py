"""A task that swallows a cancellation ends all the same."""

import asyncio

from ledger.ending import end


async def stubborn(times: int) -> None:
    """Goes on so often."""
    for _ in range(times):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    await asyncio.Event().wait()


async def failing() -> None:
    """Raises when it is cancelled."""
    try:
        await asyncio.Event().wait()
    finally:
        raise ZeroDivisionError


async def test_all_end() -> None:
    """However often they must be asked, and whatever they raise."""
    tasks = [asyncio.create_task(work) for work in (stubborn(0), stubborn(3), failing())]
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await end(*tasks, again_seconds=0.001)
    assert [task.done() for task in tasks] == [True] * 3


async def test_what_has_ended_is_left_alone() -> None:
    """Nothing is waited for."""
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    await end(task)
    await end()
