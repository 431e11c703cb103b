"""When a projector must stop, and that it stops loudly, at the right record, alone."""

import pytest

from ledger.domain.facts import LevelRaised
from ledger.log import Record
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, DatabaseUnavailable
from projections.failures import Failure, RecordName, read_failures
from projections.stores import ChangesRefused, ViewStore, open_store
from projections.views.movements import find_movement
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import (
    WAIT_SECONDS,
    count,
    project,
    projecting,
    sums,
    until,
)


async def stopped(log: MemoryLog, database: Database, partitions: int = 1) -> dict[int, Failure]:
    """The failures of a projector that has nothing more to do: so many partitions are stopped."""
    async with projecting(log, database) as projector:
        failures = projector.failures
        await until(lambda: len(failures) >= partitions)
        await until(lambda: all(one in failures or not lag for one, lag in projector.lag().items()))
        # What was gathered before the stop is still to be written.
        known = projector.positions.known
        await until(lambda: all(known().get(one, 0) >= at.offset for one, at in failures.items()))
        return failures


def tamper(log: MemoryLog, offset: int, value: bytes) -> None:
    """Put other bytes in the place of a record of partition 0."""
    old = log.records[0][offset]
    log.records[0][offset] = Record(offset, offset, old.key, value, old.timestamp_ms)


async def test_a_broken_chain_stops_one_partition(database: Database) -> None:
    """What lies before it is shown, what lies behind it never, other partitions go on."""
    log = MemoryLog(2)
    teller, other = Teller(log, 0), Teller(log, 1)
    for number in range(6):
        teller.tell(receipt(f"r{number}", "A"))
        other.tell(receipt(f"q{number}", "B"))
    tamper(log, 3, log.records[0][3].value.replace(b'"10"', b'"90"'))
    failures = await stopped(log, database)
    assert list(failures) == [0]
    # The record behind the altered one does not fit it.
    assert (failures[0].offset, failures[0].fault) == (4, "ChainBroken")
    assert failures[0].record == RecordName("stock.receipt.v1", "r3", "A")
    assert "hash" in failures[0].why
    async with database.reader() as reader:
        assert await read_failures(reader) == failures
    assert await count(database) == 3 + 6
    assert (await stopped(log, database))[0].offset == 4
    assert await count(database) == 3 + 6


@pytest.mark.parametrize("value", [b"not JSON", b'{"id":1}', b"\xff\xfe", b"[" * 100_000])
async def test_an_undecodable_record_stops_with_its_position(
    database: Database, value: bytes
) -> None:
    """A record that counts is never skipped."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r0", "A"))
    log.put(0, Record(2, 2, b"A", value, 0))
    failures = await stopped(log, database)
    assert failures[0].offset == 2
    assert "2" in failures[0].why
    assert failures[0].record == RecordName(None, None, "A")
    assert await count(database) == 1


async def test_a_log_beyond_this_version_stops(database: Database) -> None:
    """Events of a higher level may follow, which this version cannot read."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.lay(LevelRaised(1, 99, teller.now_ms))
    assert (await stopped(log, database))[0].offset == 1


async def test_a_recreated_log_stops_the_views(database: Database) -> None:
    """Another ledger under the same name, longer than the one that was read."""
    log = MemoryLog(2)
    teller = Teller(log)
    teller.tell(receipt("r0", "A"))
    await project(log, database)
    recreated = MemoryLog(2)
    again = Teller(recreated, ledger_id="22222222-2222-4222-8222-222222222222")
    for number in range(9):
        again.tell(receipt(f"n{number}", "A"))
    Teller(recreated, 1, ledger_id="22222222-2222-4222-8222-222222222222")
    failures = await stopped(recreated, database, partitions=2)
    # Also the partition that the views had never read.
    assert set(failures) == {0, 1}
    assert "2222" in failures[0].why
    assert await count(database) == 1


async def test_a_log_with_another_past_stops_the_views(database: Database) -> None:
    """The same ledger restored from an old copy, and written on differently."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r0", "A"))
    teller.tell(receipt("r1", "A"))
    await project(log, database)
    restored = MemoryLog(1)
    again = Teller(restored)
    for number in range(5):
        again.tell(receipt(f"other-{number}", "A"))
    failures = await stopped(restored, database)
    assert failures[0].offset == 3
    assert await count(database) == 2


async def test_a_log_that_became_shorter_stops_the_views(database: Database) -> None:
    """Before the restart, and also under a running projector."""
    log = MemoryLog(1)
    teller = Teller(log)
    for number in range(4):
        teller.tell(receipt(f"r{number}", "A"))
    async with projecting(log, database) as projector:
        await projector.positions.wait_for({0: 4}, WAIT_SECONDS)
        del log.records[0][2:]
        log.wake()
        await until(lambda: 0 in projector.failures)
    assert "ends at 2" in (await stopped(log, database))[0].why


async def test_a_log_recreated_under_a_running_projector_stops_it(database: Database) -> None:
    """The new one grows past the position before the projector looks again."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r0", "A"))
    async with projecting(log, database) as projector:
        await projector.positions.wait_for({0: 1}, WAIT_SECONDS)
        log.records[0].clear()
        again = Teller(log, ledger_id="22222222-2222-4222-8222-222222222222")
        for number in range(3):
            again.tell(receipt(f"n{number}", "A"))
        await until(lambda: 0 in projector.failures)
    assert await count(database) == 1


async def test_partitions_of_two_ledgers_do_not_mix(database: Database) -> None:
    """Views of one ledger hold no other, even if both are new."""
    log = MemoryLog(2)
    Teller(log, 0).tell(receipt("r0", "A"))
    Teller(log, 1, ledger_id="22222222-2222-4222-8222-222222222222").tell(receipt("r1", "B"))
    assert len(await stopped(log, database)) == 1
    assert await count(database) == 1


async def test_a_partition_that_does_not_begin_with_its_opening_stops(database: Database) -> None:
    """The first record of another partition is none either."""
    log = MemoryLog(2)
    Teller(log, 0)
    log.records[1] = list(log.records[0])
    assert list(await stopped(log, database)) == [1]


async def test_a_log_that_is_away_is_waited_for(database: Database) -> None:
    """No failure, but said; and then the views go on."""
    log = MemoryLog(1)
    teller = Teller(log)
    async with projecting(log, database) as projector:
        await projector.positions.wait_for({0: 0}, WAIT_SECONDS)
        log.unavailable = True
        teller.tell(receipt("r0", "A"))
        await until(lambda: projector.trouble is not None)
        teller.tell(receipt("r1", "A"))
        log.unavailable = False
        await projector.positions.wait_for({0: 2}, WAIT_SECONDS)
        await until(lambda: projector.trouble is None)
        assert projector.failures == {}


async def test_a_database_that_is_away_is_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after the commit: the answer that got lost is not written twice."""
    log = MemoryLog(2)
    tellers = [Teller(log, 0), Teller(log, 1)]
    store = type(open_store(database, VIEW_GROUP))
    write = store.write
    calls = 0

    async def flaky(self: ViewStore, changes: object) -> list[int]:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise DatabaseUnavailable("cut off before")
        answer = await write(self, changes)  # type: ignore[arg-type]
        if calls % 3 == 1:
            raise DatabaseUnavailable("cut off behind")
        return answer

    monkeypatch.setattr(store, "write", flaky)
    async with projecting(log, database) as projector:
        for number in range(12):
            moved = tellers[number % 2].tell(receipt(f"r{number}", f"SKU-{number % 2}"))
            await projector.positions.wait_for({number % 2: moved.offset}, WAIT_SECONDS)
    assert await count(database) == 12
    assert set((await sums(database)).values()) == {0}


async def test_a_row_that_the_database_refuses_stops_at_its_record(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All before it is written, and the other partitions go on."""
    log = MemoryLog(2)
    teller, other = Teller(log, 0), Teller(log, 1)
    for number in range(40):
        teller.tell(receipt(f"r{number}", "A"))
        other.tell(receipt(f"q{number}", "B"))
    store = type(open_store(database, VIEW_GROUP))
    write = store.write

    async def picky(self: ViewStore, changes: list[object]) -> list[int]:
        if "r22" in repr([one.movements for one in changes]):  # type: ignore[attr-defined]
            raise ChangesRefused("r22 is too much")
        return await write(self, changes)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "write", picky)
    async with projecting(log, database) as projector:
        await projector.positions.wait_for({1: 40}, WAIT_SECONDS)
        await until(lambda: 0 in projector.failures)
        record = RecordName("stock.receipt.v1", "r22", "A")
        failure = Failure(23, "ChangesRefused", "r22 is too much", record)
        assert projector.failures == {0: failure}
    async with database.reader() as reader:
        assert await find_movement(reader, "r21") is not None
        assert await find_movement(reader, "r22") is None
    assert await count(database) == 22 + 40
