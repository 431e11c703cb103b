"""Stored snapshots, read as any stranger could: msgpack, and the hash over the parts."""

import hashlib
from typing import Any, Final, NamedTuple

import msgspec

from ledger.errors import SnapshotCorrupt
from ledger.log import SnapshotStore

# The formats that are understood here; one of another format is not compared.
FORMATS: Final = (4, 5, 6, 7)
# From this one on the filter knows the ids of the window too.
FORMAT_FILTER_KNOWS_ALL: Final = 7
# So often may a snapshot be replaced while it is read.
ATTEMPTS_MAX: Final = 5


class _Format(msgspec.Struct):
    format: int


class StoredManifest(msgspec.Struct):
    """What a manifest says of its snapshot."""

    format: int
    partition: int
    ledger_id: str
    from_offset: int
    head: str
    until_offset: int
    until_head: str
    level: int
    recorded_ms: int
    parts: int
    hash: str


class StoredSku(msgspec.Struct, array_like=True):
    """One SKU. Quantities are scaled by `scale`."""

    sku: str
    levels: dict[str, int]
    quantity: int
    value: int
    scale: int
    item: Any
    moved: bool
    # Open supply orders by id: placed at, ordered, received and two instants; from format 6 on.
    supply: dict[str, tuple[int, int, int, int, int]] | None = None


class StoredPart(msgspec.Struct):
    """One slice, taken at the offset `at`."""

    at: int
    skus: list[StoredSku] = []
    # Pairs in format 4.
    ids: dict[str, int] | list[tuple[str, int]] = {}
    reversed: dict[int, int] | list[tuple[int, int]] = {}
    returned: dict[int, int] | list[tuple[int, int]] = {}
    # A piece of the filter of ids: which one, its capacity, how many it knows, some of its words.
    filter: tuple[int, int, int, bytes] | None = None


class StoredSnapshot(NamedTuple):
    """A snapshot that is whole."""

    manifest: StoredManifest
    parts: list[StoredPart]


class Ignored(NamedTuple):
    """A snapshot that recovery would not use either, and why.

    `corrupt` says that it is damaged, and not only of a format that is not known.
    """

    partition: int
    why: str
    corrupt: bool = True


async def read_stored(store: SnapshotStore, partition: int) -> StoredSnapshot | Ignored | None:
    """The newest snapshot of a partition, or None if there is none. Raises LogUnavailable."""
    for _ in range(ATTEMPTS_MAX):
        newest = await store.newest(partition)
        if newest is None:
            return None
        found = await _read(store, partition, *newest)
        # A writer that commits another one meanwhile lets the parts of this one go.
        if isinstance(found, StoredSnapshot) or await store.newest(partition) == newest:
            return found
    return Ignored(partition, "it was replaced each time while it was read", corrupt=False)


async def _read(
    store: SnapshotStore, partition: int, generation: int, data: bytes
) -> StoredSnapshot | Ignored:
    try:
        version = msgspec.msgpack.decode(data, type=_Format).format
        if version not in FORMATS:
            return Ignored(partition, f"its format {version} is not known here", corrupt=False)
        manifest = msgspec.msgpack.decode(data, type=StoredManifest)
        digest, count, parts = hashlib.sha256(), 0, []
        async for piece in store.parts(partition, generation):
            digest.update(piece)
            count += 1
            parts.append(msgspec.msgpack.decode(piece, type=StoredPart))
    except SnapshotCorrupt as error:
        return Ignored(partition, str(error))
    except (msgspec.MsgspecError, TypeError) as error:
        return Ignored(partition, f"it cannot be read: {error}")
    if count != manifest.parts or digest.hexdigest() != manifest.hash:
        return Ignored(partition, "its parts are not those of its manifest")
    return StoredSnapshot(manifest, parts)
