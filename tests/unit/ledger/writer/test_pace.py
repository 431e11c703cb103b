"""Turns: no more than so many commands in one turn of the loop, in the order of asking."""

import asyncio

import pytest

from ledger.writer.pace import (
    PASSED_TURNS_MAX,
    SORTED_AS_DECIDED,
    TURN_COMMANDS_MAX,
    Pace,
)
from tests.builders import receipt


class Turns:
    """Counts the turns of the loop, and what was let through in each."""

    def __init__(self) -> None:
        """None yet."""
        self.number = 0
        self.order: list[int] = []
        self.spent: dict[int, int] = {}

    def count(self) -> None:
        """Once a turn, for ever."""
        self.number += 1
        asyncio.get_running_loop().call_soon(self.count)

    async def take(self, pace: Pace, who: int, commands: int, times: int = 1) -> None:
        """Ask again and again; note when it was granted."""
        for _ in range(times):
            await pace.turn(commands)
            self.order.append(who)
            self.spent[self.number] = self.spent.get(self.number, 0) + commands
            await asyncio.sleep(0)


@pytest.mark.parametrize("commands", [1, 80, TURN_COMMANDS_MAX // 2, TURN_COMMANDS_MAX])
async def test_a_turn_holds_little(commands: int) -> None:
    """Though twelve ask at once, and all again as soon as they can."""
    pace, turns = Pace(), Turns()
    turns.count()
    await asyncio.gather(*(turns.take(pace, who, commands, times=20) for who in range(12)))
    assert len(turns.order) == 240
    assert max(turns.spent.values()) <= 2 * TURN_COMMANDS_MAX
    # Nobody waits for no reason either: on average, more than half of what a turn holds.
    longest = 240 * commands // (TURN_COMMANDS_MAX // 2)
    assert turns.number <= max(longest, 20) + 25


async def test_a_large_bulk_is_sorted_in_several_turns() -> None:
    """In its order, and no part of it twice."""
    pace, turns = Pace(), Turns()
    turns.count()
    bulk = [receipt() for _ in range(10 * TURN_COMMANDS_MAX)]
    portions = [(turns.number, some) async for some in pace.portions(bulk)]
    assert [command for _, some in portions for command in some] == bulk
    assert len({number for number, _ in portions}) == len(portions) == 3
    assert [some async for some in pace.portions([])] == []


async def test_a_caller_who_comes_is_sorted_at_once_while_little_was_done() -> None:
    """Beside others who wait. Many who come together take several turns."""
    pace, turns = Pace(), Turns()
    turns.count()
    bulk = [receipt() for _ in range(SORTED_AS_DECIDED * TURN_COMMANDS_MAX)]
    begun: list[int] = []
    waited: list[int] = []

    async def sort() -> None:
        came = turns.number
        async for _ in pace.portions(bulk):
            begun.append(turns.number)
            waited.append(turns.number - came)

    waiting = [asyncio.create_task(pace.turn(TURN_COMMANDS_MAX, ahead=True)) for _ in range(3)]
    await asyncio.gather(*(sort() for _ in range(8)), *waiting)
    assert len(waited) == 8
    assert 0 < waited.count(0) < 8
    assert max(begun.count(turn) for turn in begun) <= 2


async def test_one_that_is_too_large_gets_a_turn() -> None:
    """By itself; it cannot be divided here."""
    pace, turns = Pace(), Turns()
    turns.count()
    sizes = [1, 3 * TURN_COMMANDS_MAX, 1]
    async with asyncio.timeout(10):
        await asyncio.gather(*(turns.take(pace, who, size) for who, size in enumerate(sizes)))
    assert turns.order == [0, 1, 2]
    assert len(turns.spent) == 3


async def test_in_the_order_of_asking() -> None:
    """A small one does not overtake a large one for ever."""
    pace, turns = Pace(), Turns()
    sizes = [TURN_COMMANDS_MAX, TURN_COMMANDS_MAX, 1, TURN_COMMANDS_MAX, 1, 1]
    await asyncio.gather(*(turns.take(pace, who, size) for who, size in enumerate(sizes)))
    assert turns.order == [0, 1, 2, 3, 4, 5]


async def test_who_has_gone_holds_nobody_up() -> None:
    """A task that was cancelled while it waited uses no turn."""
    pace, turns = Pace(), Turns()
    tasks = [asyncio.create_task(turns.take(pace, who, TURN_COMMANDS_MAX)) for who in range(4)]
    await asyncio.sleep(0)
    for task in tasks[1:3]:
        task.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks, return_exceptions=True)
        await turns.take(pace, 4, 1)
    assert turns.order == [0, 3, 4]


async def batch(pace: Pace, who: int, slices: int, order: list[int]) -> None:
    """Begin a batch, and decide it slice by slice, as a writer does."""
    await pace.begin(slices * SLICE)
    for _ in range(slices):
        await pace.turn(SLICE, ahead=True)
        order.append(who)


SLICE = TURN_COMMANDS_MAX // 3


async def test_a_batch_is_finished_before_others_are_begun() -> None:
    """So that it is on its way while they are decided."""
    pace, order = Pace(), list[int]()
    async with asyncio.timeout(10):
        await asyncio.gather(*(batch(pace, who, 8, order) for who in range(12)))
    assert order == [who for who in range(12) for _ in range(8)]


async def test_a_small_batch_is_decided_beside_a_large_one() -> None:
    """One movement does not wait for thousands."""
    pace, order = Pace(), list[int]()

    async def small() -> None:
        await asyncio.sleep(0)
        await pace.begin(1)
        await pace.turn(1, ahead=True)
        order.append(-1)

    async with asyncio.timeout(10):
        large = (batch(pace, who, 30, order) for who in range(3))
        await asyncio.gather(*large, small())
    assert order.index(-1) <= 6


async def test_who_begins_is_not_passed_over_for_ever() -> None:
    """Though somebody is always ahead."""
    pace, order = Pace(), list[int]()

    async def always_ahead() -> None:
        while True:
            await pace.turn(TURN_COMMANDS_MAX, ahead=True)
            await asyncio.sleep(0)

    others = [asyncio.create_task(always_ahead()) for _ in range(3)]
    async with asyncio.timeout(10):
        await asyncio.gather(*(batch(pace, who, 1, order) for who in range(3)))
    assert order == [0, 1, 2]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def ask(pace: Pace, ahead: bool) -> None:
    """A whole turn."""
    await pace.turn(TURN_COMMANDS_MAX, ahead=ahead)


@pytest.mark.parametrize("ahead", [True, False])
async def test_whoever_has_gone_others_are_let_through(ahead: bool) -> None:
    """Those who went, all at once, waited where the next one is looked for."""
    pace = Pace()
    await ask(pace, ahead=True)
    gone = [asyncio.create_task(ask(pace, ahead)) for _ in range(3)]
    left = [asyncio.create_task(ask(pace, not ahead)) for _ in range(3)]
    # Both have asked before the turn is over, and nobody was let through.
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: [task.cancel() for task in gone])
    async with asyncio.timeout(10):
        await asyncio.gather(*left)
        await asyncio.gather(*gone, return_exceptions=True)
        await ask(pace, ahead=False)


async def test_only_who_waits_is_passed_over() -> None:
    """Turns in which nobody wanted to begin do not count."""
    pace, order = Pace(), list[str]()

    async def noted(name: str, *, ahead: bool) -> None:
        await pace.turn(TURN_COMMANDS_MAX, ahead=ahead)
        order.append(name)

    tasks = [asyncio.create_task(noted("ahead", ahead=True)) for _ in range(PASSED_TURNS_MAX + 5)]
    async with asyncio.timeout(10):
        while len(order) <= PASSED_TURNS_MAX:  # noqa: ASYNC110 - the turn matters
            await asyncio.sleep(0)
        tasks.append(asyncio.create_task(noted("begins", ahead=False)))
        await asyncio.gather(*tasks)
    assert order[-1] == "begins"
