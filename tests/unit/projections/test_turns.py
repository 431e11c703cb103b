"""Turns: one at a time, who has most first, and nobody lost."""

import asyncio

import pytest

from projections.turns import Turns


async def _wait_in(turns: Turns, order: list[str], name: str, amount: int) -> None:
    async with turns.taken(amount):
        order.append(name)
        await asyncio.sleep(0)
        assert order[-1] == name, "somebody else came in between"


async def test_who_has_most_comes_next_and_equals_in_the_order_of_coming() -> None:
    turns, order = Turns(), list[str]()
    async with turns.taken(0):
        amounts = {"few": 1, "most": 9, "none": 0, "some": 5, "as few": 1}
        tasks = [
            asyncio.create_task(_wait_in(turns, order, name, amount))
            for name, amount in amounts.items()
        ]
        await asyncio.sleep(0)
        assert order == []
    await asyncio.gather(*tasks)
    assert order == ["most", "some", "few", "as few", "none"]


async def test_a_cancelled_wait_passes_the_turn_on() -> None:
    """Both before the turn comes and at the moment it comes."""
    turns, order = Turns(), list[str]()
    async with turns.taken(0):
        early = asyncio.create_task(_wait_in(turns, order, "early", 3))
        late = asyncio.create_task(_wait_in(turns, order, "late", 2))
        last = asyncio.create_task(_wait_in(turns, order, "last", 1))
        await asyncio.sleep(0)
        early.cancel()
    late.cancel()  # it was just given the turn
    await asyncio.gather(early, late, last, return_exceptions=True)
    assert order == ["last"]
    async with asyncio.timeout(1), turns.taken(0):
        order.append("free again")
    assert order == ["last", "free again"]


async def _fail_in(turns: Turns) -> None:
    async with turns.taken(0):
        raise ValueError("inside")


async def test_an_error_inside_a_turn_ends_it() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="inside"):
        await _fail_in(turns)
    async with asyncio.timeout(1), turns.taken(0):
        pass
