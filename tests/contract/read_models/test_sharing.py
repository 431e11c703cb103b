"""Projectors that share the partitions out: each writes its own, and together they write all."""

import asyncio
from collections.abc import Sequence

import pytest

from ledger.log import Record
from projections.changes import Changes, Row
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, DatabaseUnavailable
from projections.stores import ViewStore, open_store
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import WAIT_SECONDS, count, project, sums, until
from tests.contract.read_models.shares import sharing, stored, two_tellers


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


async def test_partitions_go_while_their_failure_is_noted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database takes its time; the projector lives on."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    store = type(open_store(database, VIEW_GROUP))
    note = store.note_failure

    async def noted_late(this: ViewStore, row: Row) -> None:
        begun.set()
        await go_on.wait()
        await note(this, row)

    monkeypatch.setattr(store, "note_failure", noted_late)
    log = MemoryLog(1)
    Teller(log).tell(receipt("r0", "A"))
    log.put(0, Record(2, 2, b"A", b"not JSON", 0))
    async with sharing(log, database, 0) as projector:
        await begun.wait()
        projector.share(frozenset())
        go_on.set()
        await asyncio.sleep(0)
        projector.share(frozenset({0}))
        await until(lambda: 0 in projector.failures)


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


async def test_a_projector_that_was_paused_reads_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is held up with what it gathered; another goes past it; it changes nothing and goes on."""
    store = type(open_store(database, VIEW_GROUP))
    write = store.write
    paused, resumed = asyncio.Event(), asyncio.Event()
    answers: list[list[int]] = []

    async def pausing(this: ViewStore, changes: Sequence[Changes]) -> list[int]:
        if paused.is_set():
            return await write(this, changes)
        paused.set()
        await resumed.wait()
        answers.append(await write(this, changes))
        return answers[0]

    monkeypatch.setattr(store, "write", pausing)
    log = MemoryLog(2)
    one, other = two_tellers(log, 3)
    async with sharing(log, database, 0, 1) as zombie:
        await paused.wait()
        one.tell(receipt("meanwhile", "SKU-0"))
        await project(log, database)
        before = await stored(database)
        resumed.set()
        await until(lambda: bool(answers))
        assert answers[0]
        assert await stored(database) == before
        one.tell(receipt("late", "SKU-0"))
        other.tell(receipt("late", "SKU-1"))
        await zombie.positions.wait_for({0: one.end - 1, 1: other.end - 1}, WAIT_SECONDS)
        assert zombie.failures == {}
    assert await count(database) == 9
    assert await sums(database) == {"SKU-0": 0, "SKU-1": 0}
