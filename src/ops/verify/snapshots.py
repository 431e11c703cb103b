"""Snapshots, held against the fold at the very offsets that their slices speak of."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ledger.domain.items import Item
from ledger.log import SnapshotStore
from ledger.writer.filters import OldIds
from ops.findings import Finding
from ops.stored_snapshots import (
    FORMAT_FILTER_KNOWS_ALL,
    Ignored,
    StoredManifest,
    StoredPart,
    StoredSku,
    StoredSnapshot,
    read_stored,
)
from ops.verify.accounts import named
from ops.verify.stock import Stock
from ops.verify.walk import Stop, Walk

_DIFFERS = "snapshot_differs"


class SnapshotCheck:
    """The newest snapshot of a partition. `compared` says that there is one to compare.

    `found` is what is wrong with it by itself, `note` why it is not compared.
    """

    def __init__(self, partition: int, stored: StoredSnapshot | Ignored | None) -> None:
        """Look at what was stored."""
        self.where = f"snapshot of partition {partition}"
        self.note: str | None = None
        self.found: list[Finding] = []
        self.stops: list[Stop] = []
        self.compared = isinstance(stored, StoredSnapshot)
        if isinstance(stored, Ignored):
            if stored.corrupt:
                self.found.append(Finding("snapshot_corrupt", self.where, stored.why))
            else:
                self.note = f"{self.where}: {stored.why}"
                # It can be of no log that holds nothing.
                self.stops = [Stop(1, lambda _walk: None, self.where)]
        elif stored is not None:
            self.stops = list(self._stops(stored))

    def _stops(self, stored: StoredSnapshot) -> Iterator[Stop]:
        manifest, parts = stored
        skus: dict[int, dict[str, StoredSku]] = {}
        ids: dict[str, int] = {}
        undone: dict[int, int] = {}
        back: dict[int, int] = {}
        for part in parts:
            ids.update(part.ids)
            undone.update(part.reversed)
            back.update(part.returned)
            at = skus.setdefault(part.at, {})
            for row in part.skus:
                known = at.get(row.sku)
                if known is None:
                    at[row.sku] = row
                else:
                    # One with many levels is spread over several parts of the same offset.
                    known.levels.update(row.levels)
        for offset, slice_ in skus.items():
            yield self._stop(offset, lambda walk, slice_=slice_: self._slice(walk, slice_))  # type: ignore[misc]
        everything = {sku for slice_ in skus.values() for sku in slice_}
        start = manifest.from_offset
        yield self._stop(start, lambda walk: self._start(walk, manifest, everything))
        yield self._stop(start, lambda walk: self._links(walk, undone, back))
        first = min(ids.values(), default=start) if _some_left(manifest, parts, len(ids)) else 0
        yield self._stop(start, lambda walk: self._lacking(walk, len(ids), first))
        yield self._stop(start, lambda _walk: _unknown(manifest, parts, ids))
        yield self._stop(manifest.until_offset, lambda walk: self._end(walk, manifest, ids))

    def _stop(self, offset: int, look: Callable[[Walk], Iterator[str]]) -> Stop:
        def check(walk: Walk) -> None:
            walk.findings.take(Finding(_DIFFERS, self.where, text) for text in look(walk))

        return Stop(offset, check, self.where)

    def _slice(self, walk: Walk, skus: dict[str, StoredSku]) -> Iterator[str]:
        for sku, row in skus.items():
            yield from _compare(row, walk.fold.skus.get(sku) or Stock(row.scale))

    def _start(self, walk: Walk, manifest: StoredManifest, held: set[str]) -> Iterator[str]:
        fold = walk.fold
        if manifest.head != walk.head:
            yield "the chain's head at its start is another one"
        if fold.opened is not None and fold.opened.ledger_id != manifest.ledger_id:
            yield f"it is of the ledger {manifest.ledger_id}"
        if (manifest.level, manifest.recorded_ms) != (fold.level, fold.recorded_ms):
            yield "the level of events or the time at its start are others"
        for sku in sorted(fold.skus.keys() - held):
            yield f"{sku} is not in it"

    def _links(self, walk: Walk, undone: dict[int, int], back: dict[int, int]) -> Iterator[str]:
        links = walk.fold.links
        for what, stored, true in (
            ("was reversed", undone, links.undone),
            ("came back", back, links.back),
        ):
            for offset in sorted(stored.keys() | true.keys()):
                if stored.get(offset) != true.get(offset):
                    yield f"{what} of {offset}: {stored.get(offset)}, not {true.get(offset)}"

    def _lacking(self, walk: Walk, held: int, first: int) -> Iterator[str]:
        """An id that recovery does not know would count a second time."""
        used = walk.fold.past.ids_between(first, walk.next_offset)
        if used > held:
            yield f"it lacks {used - held} of the {used} ids that were used from {first} on"

    def _end(self, walk: Walk, manifest: StoredManifest, ids: dict[str, int]) -> Iterator[str]:
        if manifest.until_head != walk.head:
            yield "the chain's head at its end is another one"
        for identity, offset in ids.items():
            if not walk.fold.past.uses(offset, identity):
                yield f"it knows {identity} at {offset}, where it does not lie"


def _some_left(manifest: StoredManifest, parts: list[StoredPart], held: int) -> bool:
    """Whether some ids were used that are not among those in the window."""
    known = {part.filter[0]: part.filter[2] for part in parts if part.filter is not None}
    if manifest.format < FORMAT_FILTER_KNOWS_ALL:
        return bool(known)
    return sum(known.values()) > held


def _unknown(
    manifest: StoredManifest, parts: list[StoredPart], ids: dict[str, int]
) -> Iterator[str]:
    """An id in the window of which the filter says that it was never used would count again."""
    if manifest.format < FORMAT_FILTER_KNOWS_ALL:
        return
    known = OldIds()
    try:
        for part in parts:
            if part.filter is not None:
                known.restore(*part.filter)
    except (ValueError, OverflowError, OSError) as error:
        yield f"its filter cannot be read: {error}"
        return
    if not known.whole():
        yield "its filter is not whole"
    names = [*ids]
    if unknown := len(names) - len(known.perhaps(names)):
        yield f"its filter does not know {unknown} of the {len(names)} ids in it"


def _compare(row: StoredSku, stock: Stock) -> Iterator[str]:
    """What a snapshot says of a SKU, and what its records add up to."""
    real = stock.real
    for account in sorted(row.levels.keys() | real.keys()):
        one, other = row.levels.get(account, 0), real.get(account, 0)
        if one != other:
            yield f"{row.sku}: {one} in {named(account)}, where {other} is"
    said: dict[str, Any] = {
        "sum": row.quantity,
        "value": row.value,
        "scale": row.scale,
        "movements": row.moved,
        "item": _item(row),
        "supply orders": row.supply or {},
    }
    true = {
        "sum": stock.total,
        "value": stock.value,
        "scale": stock.scale,
        "movements": stock.moved,
        "item": stock.item,
        "supply orders": {
            name: (one.offset, one.ordered, one.received, one.placed_us, one.expected_us)
            for name, one in (stock.lines or {}).items()
            if one.open
        },
    }
    for name, value in true.items():
        if said[name] != value:
            yield f"{row.sku}: {name} {said[name]}, not {value}"


def _item(row: StoredSku) -> Any:
    """The item as state has it; as it is stored if it is none."""
    try:
        return None if row.item is None else msgspec.convert(row.item, Item)
    except msgspec.ValidationError:
        return row.item


async def read_check(store: SnapshotStore, partition: int) -> SnapshotCheck:
    """The newest snapshot of a partition, ready to be compared. Raises LogUnavailable."""
    return SnapshotCheck(partition, await read_stored(store, partition))
