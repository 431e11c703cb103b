"""Stored snapshots, read as any stranger could: msgpack, and the hash over the parts."""

import hashlib
from typing import Any, Final, NamedTuple

import msgspec

from ledger.log import SnapshotStore
from ops.check_history.accounts import Account
from ops.check_history.amounts import of_scaled
from ops.check_history.checks_state import Balances, Snapshot

# The formats that are understood here; one of another format is not compared.
FORMATS: Final = (4, 5)
_SEPARATOR: Final = "\x1f"


class _Format(msgspec.Struct):
    format: int


class _Manifest(msgspec.Struct):
    partition: int
    from_offset: int
    head: str
    until_offset: int
    until_head: str
    parts: int
    hash: str


class _Part(msgspec.Struct):
    at: int
    # SKU, levels by stock key, sum, value, scale, item, whether it ever moved.
    skus: list[tuple[str, dict[str, int], int, int, int, Any, bool]] = []
    # Pairs in format 4.
    ids: dict[str, int] | list[tuple[str, int]] = {}
    reversed: dict[int, int] | list[tuple[int, int]] = {}


class Ignored(NamedTuple):
    """A snapshot that recovery would not use either, and why."""

    partition: int
    why: str


async def read_snapshot(store: SnapshotStore, partition: int) -> Snapshot | Ignored | None:
    """The newest snapshot of a partition, or None if there is none. Raises LogUnavailable."""
    newest = await store.newest(partition)
    if newest is None:
        return None
    generation, data = newest
    try:
        version = msgspec.msgpack.decode(data, type=_Format).format
        if version not in FORMATS:
            return Ignored(partition, f"its format {version} is not known here")
        manifest = msgspec.msgpack.decode(data, type=_Manifest)
        digest, count, parts = hashlib.sha256(), 0, []
        async for piece in store.parts(partition, generation):
            digest.update(piece)
            count += 1
            parts.append(msgspec.msgpack.decode(piece, type=_Part))
    except msgspec.MsgspecError as error:
        return Ignored(partition, f"it cannot be read: {error}")
    if count != manifest.parts or digest.hexdigest() != manifest.hash:
        return Ignored(partition, "its parts are not those of its manifest")
    return _snapshot(manifest, parts)


def _snapshot(manifest: _Manifest, parts: list[_Part]) -> Snapshot:
    slices: dict[int, dict[str, Balances]] = {}
    totals: dict[int, dict[str, tuple[int, int]]] = {}
    ids: dict[str, int] = {}
    undone: dict[int, int] = {}
    for part in parts:
        ids.update(part.ids)
        undone.update(part.reversed)
        at = slices.setdefault(part.at, {})
        sums = totals.setdefault(part.at, {})
        for sku, levels, quantity, value, scale, _, _ in part.skus:
            sums[sku] = of_scaled(quantity, scale), value
            # One with many levels is spread over several parts of the same offset.
            held = at.setdefault(sku, {})
            held.update((_account(key), of_scaled(level, scale)) for key, level in levels.items())
    return Snapshot(
        manifest.partition,
        manifest.from_offset,
        manifest.head,
        manifest.until_offset,
        manifest.until_head,
        list(slices.items()),
        ids,
        undone,
        totals,
    )


def _account(key: str) -> Account:
    location, separator, rest = key.partition(_SEPARATOR)
    if not separator:
        return location, None, "available"
    lot, _, status = rest.partition(_SEPARATOR)
    return location, lot or None, status
