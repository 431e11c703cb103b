"""Partitions whose projector does nothing, and readers of what another process projects."""

import asyncio

import pytest

from ledger.log import Record
from projections import positions as positions_module
from projections.database import Database, ReadConnection
from projections.positions import POLL_SECONDS, Positions
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import WAIT_SECONDS, count, project, sums, until
from tests.contract.read_models.shares import sharing, stored, two_tellers


async def test_what_nobody_moves_on_is_taken_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partition 0 is nobody's; partition 1 is at its end and needs nobody."""
    monkeypatch.setattr("projections.relief.LOOK_SECONDS", 0.05)
    log = MemoryLog(2)
    one, other = two_tellers(log, 3)
    await project(log, database)
    one.tell(receipt("late", "SKU-0"))
    async with sharing(log, database) as projector:
        await projector.positions.wait_for({0: one.end - 1}, WAIT_SECONDS)
        assert projector.partitions == {0}
        # It becomes part of the share, and goes with the share.
        projector.share(frozenset({0, 1}))
        projector.share(frozenset({1}))
        assert projector.partitions == {1}
    assert other.end == (await stored(database))[1]
    assert await count(database) == 7


async def test_what_was_taken_over_is_left_to_who_writes_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one whose share it is comes back: the other notices by a write that changes nothing."""
    monkeypatch.setattr("projections.relief.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("projections.tail.READ_WAIT_SECONDS", WAIT_SECONDS)
    log, late = MemoryLog(1), MemoryLog(1)
    late.records = log.records  # the same log; who waits for it hears nothing before `wake`
    teller = Teller(log)
    teller.tell(receipt("r0", "A"))
    async with sharing(late, database) as helper:
        await helper.positions.wait_for({0: 1}, WAIT_SECONDS)
        assert helper.partitions == {0}
        monkeypatch.setattr("projections.relief.LOOK_SECONDS", WAIT_SECONDS)
        async with sharing(log, database, 0) as owner:
            teller.tell(receipt("r1", "A"))
            await owner.positions.wait_for({0: 2}, WAIT_SECONDS)
            late.wake()
            await until(lambda: helper.partitions == frozenset())
            teller.tell(receipt("r2", "A"))
            await owner.positions.wait_for({0: 3}, WAIT_SECONDS)
            assert owner.partitions == {0}
    assert await count(database) == 3
    assert await sums(database) == {"A": 0}


async def test_what_cannot_be_read_here_is_left_to_who_can(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken over, stopped, and then somebody else gets on, as a newer version would."""
    monkeypatch.setattr("projections.relief.LOOK_SECONDS", 0.05)
    log, unreadable = MemoryLog(1), MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r0", "A"))
    await project(log, database)
    unreadable.records[0] = [*log.records[0], Record(2, 2, b"A", b"not JSON", 0)]
    async with sharing(unreadable, database) as helper:
        await until(lambda: 0 in helper.failures)
        assert helper.partitions == {0}
        teller.tell(receipt("r1", "A"))
        await project(log, database)
        await until(lambda: helper.partitions == frozenset())
        assert helper.failures == {}
    assert await count(database) == 2


async def test_many_who_wait_ask_the_database_like_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For partitions that another process projects."""
    log = MemoryLog(2)
    one, _ = two_tellers(log, 1)
    asked = 0
    ask = positions_module.read_positions

    async def counted(reader: ReadConnection) -> dict[int, int]:
        nonlocal asked
        asked += 1
        return await ask(reader)

    monkeypatch.setattr(positions_module, "read_positions", counted)
    elsewhere = Positions(database)
    elsewhere.feed(frozenset({1}))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    waiting = [
        asyncio.create_task(elsewhere.wait_for({0: one.end - 1}, WAIT_SECONDS)) for _ in range(50)
    ]
    await until(lambda: asked >= 5)
    async with sharing(log, database, 0):
        await asyncio.gather(*waiting)
    # Two at once for those who have just come, the others at intervals.
    assert asked <= 3 + (loop.time() - begun) / POLL_SECONDS
