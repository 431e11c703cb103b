"""Stored snapshots, their amounts in millionths as the fold counts them."""

from typing import Final

from ledger.log import SnapshotStore
from ops.check_history.accounts import Account
from ops.check_history.amounts import of_scaled
from ops.check_history.checks_state import Balances, LineRow, Snapshot
from ops.stored_snapshots import FORMATS as FORMATS
from ops.stored_snapshots import Ignored as Ignored
from ops.stored_snapshots import StoredManifest, StoredPart, StoredSku, read_stored

_SEPARATOR: Final = "\x1f"


async def read_snapshot(store: SnapshotStore, partition: int) -> Snapshot | Ignored | None:
    """The newest snapshot of a partition, or None if there is none. Raises LogUnavailable."""
    stored = await read_stored(store, partition)
    if stored is None or isinstance(stored, Ignored):
        return stored
    return _snapshot(*stored)


def _snapshot(manifest: StoredManifest, parts: list[StoredPart]) -> Snapshot:
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


def _lines(row: StoredSku) -> dict[str, LineRow]:
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
