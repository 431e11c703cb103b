"""Snapshots as audits read them, while the writer that takes them goes on."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from ledger.log import SnapshotStore
from ops.stored_snapshots import ATTEMPTS_MAX, Ignored, StoredSnapshot, read_stored
from tests.contract.log_cases import Place, SqlitePlace

PART = msgspec.msgpack.encode({"at": 3})


async def commit(store: SnapshotStore, generation: int, hashed: bytes = PART) -> None:
    """A snapshot of one part; its manifest is of the bytes that are `hashed`."""
    head = "0" * 64
    manifest = {
        "format": 6, "partition": 0, "ledger_id": "l", "from_offset": 3, "head": head,
        "until_offset": generation, "until_head": head, "level": 1, "recorded_ms": 0, "parts": 1,
        "hash": hashlib.sha256(hashed).hexdigest(),
    }  # fmt: skip
    await store.put(0, generation, 0, PART)
    await store.commit(0, generation, msgspec.msgpack.encode(manifest))


class Overtaken:
    """A store whose writer commits two more between the manifest and the parts, so often."""

    def __init__(self, store: SnapshotStore, times: int) -> None:
        """The store is open."""
        self._store = store
        self.left = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def parts(self, partition: int, generation: int) -> AsyncIterator[bytes]:
        """What is left of them by then."""
        if self.left:
            self.left -= 1
            for more in (1, 2):
                await commit(self._store, generation + more)
        async for part in self._store.parts(partition, generation):
            yield part


async def opened(place: Place) -> SnapshotStore:
    """A store with one snapshot."""
    store = place.snapshots()
    await store.open()
    await commit(store, 1)
    return store


async def test_one_that_is_replaced_meanwhile_is_not_damaged(place: Place) -> None:
    """The one in its place is read."""
    found = await read_stored(Overtaken(await opened(place), 1), 0)
    assert isinstance(found, StoredSnapshot)
    assert found.manifest.until_offset == 3


async def test_nor_is_one_that_is_replaced_each_time(sqlite_place: SqlitePlace) -> None:
    """It is left out, and the reason said."""
    overtaken = Overtaken(await opened(sqlite_place), ATTEMPTS_MAX)
    found = await read_stored(overtaken, 0)
    assert isinstance(found, Ignored)
    assert (found.corrupt, overtaken.left) == (False, 0)
    assert "replaced" in found.why


async def test_one_that_lacks_what_it_names_is_damaged(sqlite_place: SqlitePlace) -> None:
    """Nobody replaces it."""
    store = await opened(sqlite_place)
    await commit(store, 2, hashed=b"other")
    found = await read_stored(store, 0)
    assert isinstance(found, Ignored)
    assert found.corrupt
