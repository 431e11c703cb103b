"""Projectors that share the partitions out: each writes its own, and together they write all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from ledger.log import Record
from ledger.ownership.group import Assigned
from projections import positions as positions_module
from projections.changes import Changes
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, DatabaseUnavailable, ReadConnection
from projections.positions import POLL_SECONDS, Positions, read_positions
from projections.runner import Projector
from projections.stores import ViewStore, open_store
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import WAIT_SECONDS, count, project, sums, until


class Shares:
    """A group that says what the test says."""

    def __init__(self, *partitions: int) -> None:
        """The first share."""
        self.failure: str | None = None
        self.first = frozenset(partitions)

    async def run(self, assigned: Assigned) -> None:
        """Say the first share; the test says the others to the projector itself."""
        assigned(self.first)
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Nobody hears of it."""


@asynccontextmanager
async def sharing(log: MemoryLog, database: Database, *share: int) -> AsyncIterator[Projector]:
    """A running projector that begins with this share."""
    projector = Projector(log, database, group=Shares(*share))
    task = asyncio.create_task(projector.run())
    try:
        yield projector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def two_tellers(log: MemoryLog, records: int) -> tuple[Teller, Teller]:
    """Partitions 0 and 1, each opened and with so many receipts of a SKU of its own."""
    tellers = Teller(log, 0), Teller(log, 1)
    for number in range(records):
        for teller in tellers:
            teller.tell(receipt(f"r{number}", f"SKU-{teller.partition}"))
    return tellers


class Gate:
    """Stands before the writing of a store, and notes which partitions would have been written."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """Closed: the database seems to be away."""
        self.open = False
        self.tried: list[set[int]] = []
        store = type(open_store(database, VIEW_GROUP))
        write = store.write

        async def guarded(this: ViewStore, changes: Sequence[Changes]) -> list[int]:
            self.tried.append({one.partition for one in changes})
            if not self.open:
                raise DatabaseUnavailable("the gate is closed")
            return await write(this, changes)

        monkeypatch.setattr(store, "write", guarded)


async def stored(database: Database) -> dict[int, int]:
    """How far the views are."""
    async with database.reader() as reader:
        return await read_positions(reader)


async def test_only_the_share_is_followed(database: Database) -> None:
    """The rest is as if the projector were not there, until it is part of the share."""
    log = MemoryLog(3)
    one, other = two_tellers(log, 3)
    async with sharing(log, database, 1) as projector:
        await projector.positions.wait_for({1: other.end - 1}, WAIT_SECONDS)
        assert projector.partitions == {1}
        assert projector.lag() == {1: 0}
        assert await stored(database) == {1: other.end}
        projector.share(frozenset({0, 2}))
        await projector.positions.wait_for({0: one.end - 1}, WAIT_SECONDS)
        other.tell(receipt("late", "SKU-1"))
        one.tell(receipt("late", "SKU-0"))
        await projector.positions.wait_for({0: one.end - 1}, WAIT_SECONDS)
        assert await stored(database) == {0: one.end, 1: other.end - 1}
        assert projector.partitions == {0, 2}
        # Back again: it goes on from where the views are.
        projector.share(frozenset({0, 1, 2}))
        await projector.positions.wait_for({1: other.end - 1}, WAIT_SECONDS)
        assert projector.failures == {}
    assert await count(database) == 8
    assert await sums(database) == {"SKU-0": 0, "SKU-1": 0}


async def test_what_is_gathered_of_a_lost_partition_is_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not written, although it waits to be; when it comes back it is read again."""
    log = MemoryLog(2)
    one, other = two_tellers(log, 3)
    gate = Gate(database, monkeypatch)
    async with sharing(log, database, 0, 1) as projector:
        await until(lambda: {0, 1} in gate.tried)
        projector.share(frozenset({1}))
        gate.tried.clear()
        gate.open = True
        await projector.positions.wait_for({1: other.end - 1}, WAIT_SECONDS)
        assert set(map(frozenset, gate.tried)) == {frozenset({1})}
        assert await stored(database) == {1: other.end}
        projector.share(frozenset({0, 1}))
        await projector.positions.wait_for({0: one.end - 1}, WAIT_SECONDS)
    assert await count(database) == 6


async def test_a_partition_lost_and_regained_between_two_tries(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another projector wrote meanwhile: what was gathered before is not even tried."""
    log = MemoryLog(2)
    one, other = two_tellers(log, 3)
    gate = Gate(database, monkeypatch)
    async with sharing(log, database, 0, 1) as projector:
        await until(lambda: {0, 1} in gate.tried)
        projector.share(frozenset())
        projector.share(frozenset({0, 1}))
        gate.open = True
        await project(log, database)
        one.tell(receipt("late", "SKU-0"))
        await projector.positions.wait_for({0: one.end - 1, 1: other.end - 1}, WAIT_SECONDS)
        assert projector.failures == {}
    assert await count(database) == 7
    assert await sums(database) == {"SKU-0": 0, "SKU-1": 0}


async def test_partitions_wander_while_they_are_written(database: Database) -> None:
    """Two projectors whose shares change all the time, and overlap: nothing missing or doubled."""
    log = MemoryLog(3)
    tellers = [Teller(log, partition) for partition in range(3)]
    async with sharing(log, database, 0, 1, 2) as one, sharing(log, database) as other:
        for number in range(150):
            teller = tellers[number % 3]
            teller.tell(receipt(f"r{number}", f"SKU-{teller.partition}", "1"))
            if number % 10 == 0:
                turn = number // 10
                one.share(frozenset({turn % 3}))
                other.share(frozenset(range(3)) - {(turn + turn % 2) % 3})
            await asyncio.sleep(0.002)
        one.share(frozenset({0}))
        other.share(frozenset({1, 2}))
        ends = {teller.partition: teller.end - 1 for teller in tellers}
        await one.positions.wait_for(ends, WAIT_SECONDS)
        await other.positions.wait_for(ends, WAIT_SECONDS)
        assert one.failures == other.failures == {}
    assert await count(database) == 150
    assert set((await sums(database)).values()) == {0}


async def test_a_stopped_partition_goes_with_the_share(database: Database) -> None:
    """Whoever has it says what is wrong with it, and nobody else."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r0", "A"))
    log.put(0, Record(2, 2, b"A", b"not JSON", 0))
    async with sharing(log, database, 0) as projector:
        await until(lambda: 0 in projector.failures)
        projector.share(frozenset())
        assert projector.failures == {}
        projector.share(frozenset({0}))
        await until(lambda: 0 in projector.failures)


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


async def test_indexes_are_made_when_all_have_loaded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when the first has: making them would hold up the others."""
    built: list[dict[int, int]] = []
    store = type(open_store(database, VIEW_GROUP))
    build = store.build_indexes

    async def noted(this: ViewStore) -> None:
        built.append(await stored(database))
        await build(this)

    monkeypatch.setattr(store, "build_indexes", noted)
    monkeypatch.setattr("projections.runner.OTHERS_SECONDS", 0.01)
    log = MemoryLog(2)
    one, other = two_tellers(log, 3)
    async with sharing(log, database, 0) as first:
        await first.positions.wait_for({0: one.end - 1}, WAIT_SECONDS)
        async with sharing(log, database, 1):
            await until(lambda: len(built) == 2)
    assert built == [{0: one.end, 1: other.end}] * 2


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
