"""Where the log says that the owner is."""

import asyncio

import pytest

from ledger.errors import LogUnavailable
from ledger.log import Slice
from ledger.ownership import directory as module
from ledger.ownership.directory import Directory
from tests.builders import receipt
from tests.unit.ledger.writer.harness import World, tell

ONE, TWO, THREE = "http://one", "http://two", "http://three"


async def write(world: World, url: str, count: int) -> None:
    """An instance claims the partition and writes so many movements."""
    async with world.ledger(instance=url, url=url) as ledger:
        for number in range(count):
            await tell(ledger, receipt("1", id=f"{url}-{number}"))


async def test_the_newest_claim_counts() -> None:
    """Nobody looks until somebody asks, and then only at what is new."""
    world = World()
    directory = Directory(world.log())
    await write(world, ONE, 1)
    assert directory.believed(0) is None
    assert await directory.owner(0) == ONE
    await write(world, TWO, 1)
    assert await directory.owner(0) == ONE
    assert await directory.look(0) == TWO
    assert directory.believed(0) == TWO


async def test_a_claim_far_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """In longer and longer steps towards the start of the log."""
    monkeypatch.setattr(module, "CLAIM_EVERY_RECORDS", 2)
    monkeypatch.setattr(module, "BATCH_RECORDS_MAX", 1)
    world = World()
    await write(world, ONE, 40)
    assert await Directory(world.log()).owner(0) == ONE


async def test_without_any_claim_there_is_nobody() -> None:
    """A log that was opened and not written."""
    world = World()
    async with world.ledger():
        assert await Directory(world.log()).owner(0) is None


async def test_the_log_corrects_what_somebody_said() -> None:
    """A hint that is wrong must not outlive a look, even if nobody claims meanwhile."""
    world = World()
    await write(world, ONE, 1)
    directory = Directory(world.log())
    await directory.look(0)
    directory.believe(0, THREE)
    assert await directory.owner(0) == THREE
    assert await directory.look(0) == ONE
    assert directory.believed(0) == ONE


async def test_a_failed_look_is_not_remembered() -> None:
    """All who asked hear of it, one that has left does not; the next look reads."""
    world = World()
    await write(world, ONE, 1)
    log = world.log()
    directory = Directory(log)
    log.reads_refused = 1
    asked = [asyncio.create_task(directory.look(0)) for _ in range(3)]
    await asyncio.sleep(0)
    asked[0].cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in found] == [
        asyncio.CancelledError, LogUnavailable, LogUnavailable,
    ]  # fmt: skip
    assert await directory.look(0) == ONE


async def test_what_is_not_shown_yet_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has just begun to lead a partition may show less than its end."""
    world = World()
    log = world.log()
    directory = Directory(log)
    await write(world, ONE, 1)
    assert await directory.look(0) == ONE
    await write(world, TWO, 1)

    async def nothing(_partition: int, offset: int, **_more: object) -> Slice:
        return Slice([], offset, await log.end(0))

    with monkeypatch.context() as patch:
        patch.setattr(log, "read", nothing)
        with pytest.raises(LogUnavailable, match="not shown to its end"):
            await directory.look(0)
    assert await directory.look(0) == TWO
