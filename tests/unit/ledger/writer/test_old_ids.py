"""Ids older than the window: found through the index, and never guessed at."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ledger.domain.facts import Moved, Refused
from ledger.errors import LedgerError
from ledger.service import Ledger
from ledger.writer.outcomes import Replayed, Unavailable
from tests import builders as make
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import (
    World,
    tell,
    tell_all,
    writer_of,
)


class Index:
    """What the views would know; `behind` hides the newest records from it."""

    def __init__(self, world: World) -> None:
        """Up to date."""
        self.world = world
        self.behind = 0
        self.asked: list[str] = []
        self.fails = False

    async def position(self, partition: int) -> int:
        """How far it has read."""
        if self.fails:
            raise LedgerError("the database of the views is away")
        return len(self.world.broker.partitions[partition]) - self.behind

    async def find(self, partition: int, ids: Sequence[str]) -> dict[str, int]:
        """What it has read."""
        self.asked += ids
        end = await self.position(partition)
        found = {getattr(fact, "id", ""): fact.offset for fact in self.world.facts(partition)}
        return {name: found[name] for name in ids if found.get(name, end) < end}


async def filled(ledger: Ledger) -> list[Any]:
    """Fifty ids in a window of ten."""
    outcomes = [await tell(ledger, make.receipt("1", id=f"old-{n}")) for n in range(50)]
    assert len(writer_of(ledger).follower.window) == 10
    return outcomes


@pytest.fixture(autouse=True)
def small_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of a size that a test can fill."""
    monkeypatch.setattr("ledger.writer.filters._FIRST_FILTER_IDS", 64)


def test_an_old_id_is_found_and_answered_as_at_first() -> None:
    """For ever, also after a restart; other content is still refused."""

    async def main() -> None:
        world = World()
        index = Index(world)
        async with world.ledger(index=index, window_ids=10) as ledger:
            first = await filled(ledger)
            again = await tell_all(ledger, [make.receipt("1", id=f"old-{n}") for n in range(50)])
            assert again == [Replayed(one) for one in first]
            other = await tell(ledger, make.receipt("2", id="old-0"))
            assert getattr(other, "code", "") == "idempotency_key_reused"
        async with world.ledger(index=index, window_ids=10) as ledger:
            assert await tell(ledger, make.receipt("1", id="old-3")) == Replayed(first[3])
        assert len(world.ids()) == len(set(world.ids()))

    run(main())


def test_an_old_movement_is_reversed_and_found() -> None:
    """Its record is read from where the index says it lies."""

    async def main() -> None:
        world = World()
        async with world.ledger(index=Index(world), window_ids=10) as ledger:
            first = await filled(ledger)
            back = await tell(ledger, make.reversal("old-1"))
            assert isinstance(back, Moved)
            assert back.reverses_offset == first[1].offset
            assert isinstance(await tell(ledger, make.reversal("old-1")), Refused)
            assert await ledger.find_movement("old-2", None) == (0, first[2])

    run(main())


@pytest.mark.parametrize("how", ["behind", "fails", "missing"])
def test_an_index_that_cannot_tell(how: str) -> None:
    """The one command has to wait; all others go on, and the partition is not stopped."""

    async def main() -> None:
        world = World()
        index = Index(world)
        given = None if how == "missing" else index
        async with world.ledger(index=given, window_ids=10) as ledger:
            first = await filled(ledger)
            index.behind, index.fails = (30 if how == "behind" else 0), how == "fails"
            for number in range(2):
                old = await tell(ledger, make.receipt("1", id="old-0"))
                assert isinstance(old, Unavailable)
                assert isinstance(await tell(ledger, make.receipt("1", id=f"new-{number}")), Moved)
            assert isinstance(await tell(ledger, make.reversal("old-0")), Unavailable)
            assert writer_of(ledger).failure is None
            if how != "missing":
                index.behind, index.fails = 0, False
                again = await tell(ledger, make.receipt("1", id="old-0"))
                assert again == Replayed(first[0])
        assert world.ids().count("old-0") == 1

    run(main())


def test_an_index_that_has_read_as_far_as_the_window_begins_is_trusted() -> None:
    """It need not be up to date: what is newer is in the window."""

    async def main() -> None:
        world = World()
        index = Index(world)
        async with world.ledger(index=index, window_ids=10) as ledger:
            first = await filled(ledger)
            index.behind = 10
            assert await tell(ledger, make.receipt("1", id="old-0")) == Replayed(first[0])
            index.behind = 13
            assert isinstance(await tell(ledger, make.receipt("1", id="old-1")), Unavailable)

    run(main())


def test_new_ids_hardly_ever_ask_the_index() -> None:
    """Nor do those in the window."""

    async def main() -> None:
        world = World()
        index = Index(world)
        async with world.ledger(index=index, window_ids=10) as ledger:
            await filled(ledger)
            index.asked.clear()
            await tell_all(ledger, [make.receipt("1", id=f"new-{n}") for n in range(2_000)])
            assert len(index.asked) < 40

    run(main())


def test_the_index_is_not_asked_before_any_id_has_left_the_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A filter that suspects what was never used is answered by the window, which has them all."""
    monkeypatch.setattr("ledger.writer.filters.OldIds.perhaps", lambda _self, names: [*names])

    async def main() -> None:
        world = World()
        index = Index(world)
        index.fails = True
        async with world.ledger(index=index, window_ids=100) as ledger:
            first: list[Any] = await tell_all(
                ledger, [make.receipt("1", id=f"old-{n}") for n in range(60)]
            )
            assert not writer_of(ledger).follower.window.young
            assert isinstance(await tell(ledger, make.receipt("1", id="new")), Moved)
            repeats = await tell_all(ledger, [make.receipt("1", id=f"old-{n}") for n in range(60)])
            assert repeats == [Replayed(one) for one in first]
            assert await ledger.find_movement("old-2", None) == (0, first[2])
            assert await ledger.find_movement("never", None) is None
            assert isinstance(await tell(ledger, make.reversal("never")), Refused)
            assert index.asked == []

    run(main())


def test_a_slice_that_has_to_wait_holds_up_no_other_caller() -> None:
    """Other callers' commands in the same batch are decided."""

    async def main() -> None:
        world = World()
        index = Index(world)
        async with world.ledger(index=index, window_ids=10) as ledger:
            await filled(ledger)
            index.behind = 40
            one = asyncio.create_task(tell(ledger, make.receipt("1", id="old-5")))
            two = asyncio.create_task(tell(ledger, make.receipt("1", id="new")))
            assert isinstance(await one, Unavailable)
            assert isinstance(await two, Moved)

    run(main())


def test_callers_who_wait_together_are_looked_up_together() -> None:
    """One question for all of them; each gets the answer to its own id."""

    async def main() -> None:
        world = World()
        index = Index(world)
        async with world.ledger(index=index, window_ids=10) as ledger:
            first = await filled(ledger)
            asked_before = ledger.metrics.index_lookups
            repeats = [tell(ledger, make.receipt("1", id=f"old-{n}")) for n in range(30)]
            back = [tell(ledger, make.reversal(f"old-{n}")) for n in range(30, 35)]
            answers = await asyncio.gather(*repeats, *back)
            assert answers[:30] == [Replayed(one) for one in first[:30]]
            places = [getattr(one, "reverses_offset", None) for one in answers[30:]]
            assert places == [one.offset for one in first[30:35]]
            assert ledger.metrics.index_lookups - asked_before <= 2

    run(main())


def test_what_the_index_said_holds_for_one_batch_only() -> None:
    """An id that is used meanwhile and leaves the window is found by the next one."""

    async def main() -> None:
        world = World()
        index, log = Index(world), world.log()
        async with world.ledger(log, index=index, window_ids=10) as ledger:
            await filled(ledger)
            writer = writer_of(ledger)
            # Suspected though never used: the filter knows it, the index does not.
            writer.follower.window.old.add(["late"])
            used = await tell(ledger, make.receipt("1", id="late"))
            assert isinstance(used, Moved)
            for n in range(30):
                await tell(ledger, make.receipt("1", id=f"new-{n}"))
            assert await tell(ledger, make.receipt("1", id="late")) == Replayed(used)
        assert world.ids().count("late") == 1

    run(main())


def test_an_index_that_fails_is_asked_once_a_batch() -> None:
    """Each of many callers would wait for it in turn."""

    async def main() -> None:
        world = World()
        index = Index(world)
        async with world.ledger(index=index, window_ids=10) as ledger:
            await filled(ledger)
            index.fails = True
            asked_before = ledger.metrics.index_lookups
            repeats = [tell(ledger, make.receipt("1", id=f"old-{n}")) for n in range(30)]
            assert {type(one) for one in await asyncio.gather(*repeats)} == {Unavailable}
            assert ledger.metrics.index_lookups - asked_before <= 2
            index.fails = False
            assert isinstance(await tell(ledger, make.receipt("1", id="old-0")), Replayed)

    run(main())
