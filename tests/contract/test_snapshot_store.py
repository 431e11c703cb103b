"""The contract of `SnapshotStore`, the same for every store."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from ledger.adapters.sqlite_snapshots import SqliteSnapshots
from ledger.errors import LogUnavailable
from ledger.log import SnapshotStore
from ledger.sqlite_checkpoint import COMMITTED_BYTES
from tests.contract.log_cases import KafkaPlace, Place

PART_BYTES = 500_000


async def opened(place: Place) -> SnapshotStore:
    """Open a store on the place."""
    store = place.snapshots()
    await store.open()
    return store


async def put(store: SnapshotStore, generation: int, *parts: bytes, partition: int = 0) -> None:
    """Put and commit a snapshot with the parts, whose manifest is its generation."""
    for number, part in enumerate(parts):
        await store.put(partition, generation, number, part)
    await store.commit(partition, generation, b"manifest %d" % generation)


async def parts_of(store: SnapshotStore, generation: int, partition: int = 0) -> list[bytes]:
    """Read all parts."""
    return [part async for part in store.parts(partition, generation)]


async def test_there_is_none_at_first(place: Place) -> None:
    """An empty store is no error."""
    assert await (await opened(place)).newest(0) is None


async def test_a_committed_snapshot_is_read_back(place: Place) -> None:
    """Large parts, binary ones, an empty manifest's worth of nothing lost."""
    store = await opened(place)
    parts = [bytes([number]) * PART_BYTES for number in range(5)]
    await put(store, 7, *parts)
    assert await store.newest(0) == (7, b"manifest 7")
    assert await parts_of(store, 7) == parts
    assert await store.newest(1) is None


async def test_parts_come_in_the_order_of_their_numbers(place: Place) -> None:
    """However they were put."""
    store = await opened(place)
    for number in (2, 0, 11, 1):
        await store.put(0, 1, number, b"%d" % number)
    await store.commit(0, 1, b"m")
    assert await parts_of(store, 1) == [b"0", b"1", b"2", b"11"]


async def test_a_part_that_is_put_again_is_replaced(place: Place) -> None:
    """A writer may begin a generation anew."""
    store = await opened(place)
    await store.put(0, 1, 0, b"old")
    await store.put(0, 1, 0, b"new")
    await store.commit(0, 1, b"m")
    assert await parts_of(store, 1) == [b"new"]


async def test_a_generation_is_not_there_before_its_commit(place: Place) -> None:
    """Nor does it harm the one before it."""
    store = await opened(place)
    await put(store, 1, b"one")
    await store.put(0, 2, 0, b"two")
    assert await store.newest(0) == (1, b"manifest 1")
    assert await parts_of(store, 1) == [b"one"]
    await store.commit(0, 2, b"manifest 2")
    assert await store.newest(0) == (2, b"manifest 2")
    assert await parts_of(store, 2) == [b"two"]


async def test_the_newest_generation_wins(place: Place) -> None:
    """Also if a slow process commits an older one after it, and in every instance."""
    store, other = await opened(place), await opened(place)
    for generation in range(1, 9):
        await put(store, generation, b"%d" % generation, b"more")
    await put(other, 5, b"late")
    for one in (store, other):
        assert await one.newest(0) == (8, b"manifest 8")
        assert await parts_of(one, 8) == [b"8", b"more"]


async def test_partitions_do_not_meet(place: Place) -> None:
    """Each has its own newest."""
    store = await opened(place)
    await put(store, 1, b"zero")
    await put(store, 9, b"two", partition=2)
    assert await store.newest(0) == (1, b"manifest 1")
    assert await parts_of(store, 9, partition=2) == [b"two"]


async def test_snapshots_survive_the_store_object(place: Place) -> None:
    """Another instance finds them, and goes on from them."""
    store = await opened(place)
    await put(store, 1, b"one")
    await store.put(0, 2, 0, b"never committed")
    await store.close()
    again = await opened(place)
    assert await again.newest(0) == (1, b"manifest 1")
    assert await parts_of(again, 1) == [b"one"]
    await put(again, 3, b"three")
    assert await parts_of(again, 3) == [b"three"]


async def test_all_can_be_deleted(place: Place) -> None:
    """After which a lower generation may come again."""
    store, other = await opened(place), await opened(place)
    await put(store, 5, b"five")
    await put(store, 6, b"six", partition=1)
    await store.delete_all()
    for one in (store, other):
        assert await one.newest(0) is None
        assert await one.newest(1) is None
    await put(store, 1, b"one")
    assert await store.newest(0) == (1, b"manifest 1")
    assert await parts_of(other, 1) == [b"one"]


async def test_generations_take_turns_in_their_keys(kafka_place: KafkaPlace) -> None:
    """Compaction drops the parts of old ones, and spares the two before the newest."""
    store = kafka_place.snapshots()
    await store.open()
    slots = []
    for generation in (10, 20, 30, 40):
        await put(store, generation, b"part")
        await store.newest(0)
        slots.append(store._committed[0].slot)
    assert slots == [0, 1, 2, 0]


async def test_a_closed_store_says_so(place: Place) -> None:
    """Before `open` and after `close`."""
    store = place.snapshots()
    with pytest.raises(LogUnavailable):
        await store.newest(0)
    await store.open()
    await store.close()
    with pytest.raises(LogUnavailable):
        await store.put(0, 1, 0, b"x")


async def test_a_busy_new_file_is_waited_for(tmp_path: Path) -> None:
    """While another process makes the file, opening it takes longer and does not fail."""
    path = tmp_path / "snapshots.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = SqliteSnapshots(path)
    opening = asyncio.create_task(store.open())
    done, _ = await asyncio.wait({opening}, timeout=0.2)
    assert not done
    other.execute("COMMIT")
    other.close()
    await opening
    await store.close()


async def test_parts_get_into_the_file_while_it_is_open(tmp_path: Path) -> None:
    """The write-ahead log does not grow with them."""
    path = tmp_path / "snapshots.db"
    store = SqliteSnapshots(path)
    await store.open()
    for generation in range(8):
        await put(store, generation, *[bytes(PART_BYTES)] * 8)
    found = sizes(tmp_path)
    assert found["snapshots.db-wal"] < 3 * COMMITTED_BYTES
    assert found["snapshots.db"] > 16 * PART_BYTES
    await store.close()
    assert [*sizes(tmp_path)] == ["snapshots.db"]


def sizes(folder: Path) -> dict[str, int]:
    """How large each file in a folder is."""
    return {path.name: path.stat().st_size for path in folder.iterdir()}
