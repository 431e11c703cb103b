"""The contract of `EventLog`, the same for every log."""

import asyncio
import random
import time

import pytest

from ledger.errors import LogMisconfigured, LogRegressed, LogUnavailable
from ledger.log import BATCH_BYTES_MAX, READ_RECORDS_MAX, EventLog, NewRecord
from tests.contract.log_cases import PARTITIONS, Place, counting, read_all, records


async def test_a_batch_at_the_right_offset_counts(place: Place) -> None:
    """It lies where it says, with what was given."""
    log = await place.open_log()
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    before_ms = time.time() * 1000
    assert await log.append(3, 0, [NewRecord(b"a", b"1"), NewRecord(b"b", b"2", trace)]) == 0
    assert await log.append(3, 2, records("c")) == 2
    read = await log.read(3, 0)
    found = [(one.offset, one.stated, one.key, one.value) for one in read.records]
    assert found == [(0, 0, b"a", b"1"), (1, 1, b"b", b"2"), (2, 2, b"c", b"{}")]
    assert [one.traceparent for one in read.records] == [None, trace, None]
    assert (read.next_offset, read.end, await log.end(3)) == (3, 3, 3)
    assert -5_000 < read.records[0].timestamp_ms - before_ms < 60_000
    assert await log.check() == []


async def test_a_batch_at_a_stale_offset_does_not_count(place: Place) -> None:
    """The answer says where the end was, and no reader counts the batch."""
    log = await place.open_log()
    await log.append(0, 0, records("a", "b"))
    assert await log.append(0, 1, records("c", "d")) == 2
    assert counting(await read_all(log, 0)) == ["a", "b"]


async def test_void_records_can_be_laid_down(place: Place) -> None:
    """They lie where they were appended, count for nobody, and what follows them counts."""
    log = await place.open_log()
    await log.append(0, 0, records("a"))
    assert await log.append_void(0, 1, 3) == 1
    assert await log.append(0, 4, records("b")) == 4
    # At an old offset, as at any other: whatever becomes of them, they are void.
    assert await log.append_void(0, 2, 1) == 5
    found = await read_all(log, 0)
    assert [(one.stated, one.key, one.value) for one in found[1:4]] == [(None, b"", b"")] * 3
    assert counting(found) == ["a", "b"]


async def test_the_same_batch_again_does_not_count(place: Place) -> None:
    """A repetition is void, whoever sends it."""
    log, other = await place.open_log(), await place.open_log()
    batch = records("a", "b")
    assert await log.append(0, 0, batch) == 0
    assert await log.append(0, 0, batch) == 2
    assert await other.append(0, 0, batch) >= 2
    assert counting(await read_all(log, 0)) == ["a", "b"]


async def test_a_gap_is_refused(place: Place) -> None:
    """Whoever has read further than the log goes has read another log."""
    log = await place.open_log()
    await log.append(0, 0, records("a"))
    with pytest.raises(LogRegressed):
        await log.append(0, 5, records("b"))
    assert counting(await read_all(log, 0)) == ["a"]


@pytest.mark.parametrize(("writers", "batches"), [(2, 20), (8, 4)])
async def test_racing_writers_lose_and_double_nothing(
    place: Place, writers: int, batches: int
) -> None:
    """Each acknowledged batch counts exactly once, whole, in its writer's order."""
    logs = [await place.open_log() for _ in range(writers)]

    async def write(name: int, log: EventLog) -> None:
        chance = random.Random(name)
        for number in range(batches):
            batch = records(*(f"{name}.{number}.{part}" for part in range(3)))
            offset = await log.end(5)
            while (base := await log.append(5, offset, batch)) != offset:
                await asyncio.sleep(chance.random() / 20)
                offset = max(await log.end(5), base)

    await asyncio.gather(*map(write, range(writers), logs))
    keys = counting(await read_all(logs[0], 5))
    expected = {f"{w}.{n}.{p}" for w in range(writers) for n in range(batches) for p in range(3)}
    assert len(keys) == len(expected)
    assert set(keys) == expected
    for writer in range(writers):
        own = [key for key in keys if key.startswith(f"{writer}.")]
        assert own == [f"{writer}.{n}.{p}" for n in range(batches) for p in range(3)]


@pytest.mark.parametrize("stated", [None, b"1_7"])
async def test_a_foreign_record_states_nothing(place: Place, stated: bytes | None) -> None:
    """It takes an offset, does not count, and hides nothing behind it."""
    log = await place.open_log()
    await log.append(0, 0, records("a"))
    await place.add_foreign(0, stated)
    assert await log.append(0, 1, records("b")) == 2
    assert await log.append(0, await log.end(0), records("c")) == await log.end(0) - 1
    found = await read_all(log, 0)
    assert (found[1].stated, found[1].key) == (None, b"k")
    assert counting(found) == ["a", "c"]


async def test_an_offset_without_a_record_is_passed(place: Place) -> None:
    """A read goes by the position, not by the number of records."""
    log = await place.open_log()
    await log.append(0, 0, records("a"))
    grown = await place.add_gap(0)
    end = 1 + grown
    async with asyncio.timeout(60):
        found = (await log.read(0, 0)).next_offset
        while found < end:  # Kafka writes the marker a little later
            found = (await log.read(0, found, wait_seconds=1)).next_offset
    assert await log.append(0, end, records("b")) == end
    everything = await read_all(log, 0)
    assert len(everything) < end + 1
    assert counting(everything) == ["a", "b"]
    # From any offset on, the gap's too.
    for offset in range(end + 1):
        read = await log.read(0, offset)
        assert read.records[-1].offset == end
        assert all(one.offset >= offset for one in read.records)


async def test_an_empty_partition(place: Place) -> None:
    """It has an end and no records, and a read of it waits no longer than asked."""
    log = await place.open_log()
    assert await log.end(7) == 0
    started = time.monotonic()
    assert await log.read(7, 0) == ([], 0, 0)
    assert await log.read(7, 0, wait_seconds=0.2) == ([], 0, 0)
    # It waits, and not for some other time that the adapter may have in mind.
    assert 0.2 <= time.monotonic() - started < 20


async def test_reading_at_and_beyond_the_end(place: Place) -> None:
    """At the end there is nothing yet; beyond it there was never anything."""
    log = await place.open_log()
    await log.append(0, 0, records("a", "b"))
    assert await log.read(0, 2) == ([], 2, 2)
    with pytest.raises(LogRegressed):
        await log.read(0, 3)
    with pytest.raises(LogRegressed):
        await log.read(0, 1_000, wait_seconds=1)


async def test_a_read_starts_inside_a_batch_and_stops_inside_one(place: Place) -> None:
    """Nothing in front of the offset, nothing lost behind it."""
    log = await place.open_log()
    await log.append(0, 0, records(*map(str, range(10))))
    await log.append(0, 10, records(*map(str, range(10, 20))))
    read = await log.read(0, 4, records_max=3)
    assert counting(read.records) == ["4", "5", "6"]
    assert (read.next_offset, read.end) == (7, 20)
    read = await log.read(0, 7, records_max=8)
    assert counting(read.records) == [str(number) for number in range(7, 15)]


async def test_a_large_batch_is_one_batch(place: Place) -> None:
    """More than a megabyte goes in whole; more than the maximum does not go in at all."""
    log = await place.open_log()
    large = [NewRecord(b"%d" % number, b"x" * 1_000) for number in range(1_500)]
    assert await log.append(0, 0, large) == 0
    with pytest.raises(ValueError, match="exceeds"):
        await log.append(0, 1_500, [NewRecord(b"k", b"x" * (BATCH_BYTES_MAX + 1))])
    with pytest.raises(ValueError, match="exceeds"):
        await log.append(0, 1_500, [NewRecord(b"k", b"x" * (BATCH_BYTES_MAX // 1_000))] * 1_500)
    assert await log.append(0, 1_500, records("after")) == 1_500
    assert counting(await read_all(log, 0))[1_498:] == ["1498", "1499", "after"]
    assert len((await log.read(0, 0, records_max=READ_RECORDS_MAX)).records) > 0


async def test_what_is_no_batch_is_refused(place: Place) -> None:
    """A caller's mistake does no harm to the log."""
    log = await place.open_log()
    with pytest.raises(ValueError, match="at least one"):
        await log.append(0, 0, [])
    with pytest.raises(ValueError, match="no partition"):
        await log.append(PARTITIONS, 0, records("a"))
    assert await log.append(0, 0, records("a")) == 0


async def test_partitions_are_read_at_the_same_time(place: Place) -> None:
    """Eleven reads that wait do not hold up the twelfth, and each gets its own records."""
    log, writer = await place.open_log(), await place.open_log()
    waiting = [
        asyncio.create_task(log.read(partition, 0, wait_seconds=60))
        for partition in range(1, PARTITIONS)
    ]
    second = asyncio.create_task(log.read(1, 0, wait_seconds=60))
    started = time.monotonic()
    await writer.append(0, 0, records("zero"))
    assert counting((await log.read(0, 0, wait_seconds=60)).records) == ["zero"]
    assert not any(task.done() for task in waiting)
    for partition in range(1, PARTITIONS):
        await writer.append(partition, 0, records(f"p{partition}"))
    found = [counting(read.records) for read in await asyncio.gather(*waiting)]
    assert found == [[f"p{partition}"] for partition in range(1, PARTITIONS)]
    assert counting((await second).records) == ["p1"]
    assert time.monotonic() - started < 30


async def test_a_read_that_was_given_up_disturbs_no_other(place: Place) -> None:
    """The next read gets its own answer, and at once."""
    log = await place.open_log()
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(log.read(1, 0, wait_seconds=60), 0.05)
    await log.append(0, 0, records("a"))
    started = time.monotonic()
    assert counting((await log.read(0, 0)).records) == ["a"]
    assert time.monotonic() - started < 30


async def test_the_log_survives_its_objects(place: Place) -> None:
    """What was acknowledged is there when the log is opened again."""
    log = await place.open_log()
    await log.append(0, 0, records("a"))
    await log.close()
    again = await place.open_log()
    assert counting(await read_all(again, 0)) == ["a"]
    assert await again.append(0, 1, records("b")) == 1


async def test_a_closed_log_says_so(place: Place) -> None:
    """Before `open` and after `close` nothing works, and nothing hangs."""
    log = place.log()
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            await log.append(0, 0, records("a"))
        with pytest.raises(LogUnavailable):
            await log.read(0, 0)
        await log.open()
        await log.close()


async def test_a_log_without_its_start_is_refused(place: Place) -> None:
    """History that was deleted can be neither counted nor checked."""
    log = await place.open_log()
    await log.append(2, 0, records("a", "b", "c"))
    await place.delete_before(2, 2)
    assert ["starts at offset 2" in sentence for sentence in await log.check()] == [True]
    with pytest.raises(LogMisconfigured, match="partition 2 starts at offset 2"):
        await place.log().open()


async def test_another_number_of_partitions_is_refused(place: Place) -> None:
    """A SKU would be looked for on a partition where it is not."""
    await place.open_log()
    with pytest.raises(LogMisconfigured, match="12 partitions, not 6"):
        await place.log(6).open()


@pytest.mark.parametrize("count", [0, 1, 9])
async def test_a_log_that_was_made_anew_is_noticed(place: Place, count: int) -> None:
    """Fewer or more records than there were: neither append nor read goes on."""
    log = await place.open_log()
    await log.append(0, 0, records("a", "b", "c"))
    assert (await log.read(0, 3)).end == 3
    reader = asyncio.create_task(log.read(0, 3, wait_seconds=60))
    await asyncio.sleep(0)
    await place.recreate(count)
    with pytest.raises(LogRegressed):
        await asyncio.wait_for(reader, 50)
    with pytest.raises(LogRegressed):
        await log.append(0, 3, records("d"))
    with pytest.raises(LogRegressed):
        await log.read(0, 3)
    assert await log.check() != []
