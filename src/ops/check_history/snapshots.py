"""Stored snapshots, read as any stranger could: msgpack, and the hash over the parts."""

import hashlib
from typing import Any, Final, NamedTuple

import msgspec

from ledger.log import SnapshotStore
from ops.check_history.accounts import Account
from ops.check_history.amounts import of_scaled
from ops.check_history.checks_state import Balances, LineRow, Snapshot

# The formats that are understood here; one of another format is not compared.
FORMATS: Final = (4, 5, 6)
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


class _Row(msgspec.Struct, array_like=True):
    sku: str
    levels: dict[str, int]
    quantity: int
    value: int
    scale: int
    item: Any
    moved: bool
    # Open supply orders by id: placed at, ordered, received and two instants; from format 6 on.
    supply: dict[str, tuple[int, int, int, int, int]] | None = None


class _Part(msgspec.Struct):
    at: int
    skus: list[_Row] = []
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
    lines: dict[int, dict[str, dict[str, LineRow]]] = {}
    ids: dict[str, int] = {}
    undone: dict[int, int] = {}
    for part in parts:
        ids.update(part.ids)
        undone.update(part.reversed)
        at = slices.setdefault(part.at, {})
        sums, open_ = totals.setdefault(part.at, {}), lines.setdefault(part.at, {})
        for row in part.skus:
            sums[row.sku] = of_scaled(row.quantity, row.scale), row.value
            # One with many levels is spread over several parts of the same offset; what is on
            # order is in the first of them.
            open_.setdefault(row.sku, _lines(row))
            held = at.setdefault(row.sku, {})
            held.update(
                (_account(key), of_scaled(level, row.scale)) for key, level in row.levels.items()
            )
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
        lines,
    )


def _lines(row: _Row) -> dict[str, LineRow]:
    return {
        name: (offset, of_scaled(ordered, row.scale), of_scaled(received, row.scale), True)
        for name, (offset, ordered, received, _, _) in (row.supply or {}).items()
    }


def _account(key: str) -> Account:
    location, separator, rest = key.partition(_SEPARATOR)
    if not separator:
        return location, None, "available"
    lot, _, status = rest.partition(_SEPARATOR)
    return location, lot or None, status
