"""A stored snapshot: found, checked against itself and the log, and taken back into memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256

from ledger.domain.facts import Moved
from ledger.domain.items import ItemDefined
from ledger.domain.stock import PartitionState, SkuState
from ledger.domain.supply import SupplyFact
from ledger.errors import SnapshotCorrupt, WrongLedger
from ledger.events.chain import GENESIS, link
from ledger.log import Slice, SnapshotStore
from ledger.writer.idempotency import Window
from ledger.writer.snapshots import (
    FORMAT,
    Manifest,
    Part,
    decode_format,
    decode_manifest,
    decode_part,
)


async def newest(
    partition: int, store: SnapshotStore, ledger_id: str
) -> tuple[int, Manifest] | None:
    """Generation and manifest of the newest snapshot, or None.

    Raises SnapshotCorrupt, WrongLedger, and whatever the store and the decoder raise.
    """
    found = await store.newest(partition)
    if found is None:
        return None
    generation, data = found
    version = decode_format(data).format
    if version != FORMAT:
        raise SnapshotCorrupt(f"it has format {version}, and this version reads {FORMAT}")
    manifest = decode_manifest(data)
    if manifest.ledger_id != ledger_id:
        raise WrongLedger(f"it belongs to the ledger {manifest.ledger_id}")
    if manifest.partition != partition or manifest.until_offset < manifest.from_offset:
        raise SnapshotCorrupt("its manifest contradicts itself")
    return generation, manifest


async def check_head(
    partition: int, read_one: Callable[[int], Awaitable[Slice]], manifest: Manifest
) -> None:
    """The record in front of the snapshot must have the hash that the snapshot continues."""
    offset = manifest.from_offset - 1
    while offset >= 0:
        part = await read_one(offset)
        record = next((record for record in part.records if record.offset == offset), None)
        if record is not None and record.counts:
            if link(partition, offset, record.key, record.value) == manifest.head:
                return
            raise SnapshotCorrupt(f"the snapshot's chain head is not the log's at {offset}")
        # Void records and gaps do not belong to the chain.
        offset -= 1
    if manifest.head != GENESIS:
        raise SnapshotCorrupt("the snapshot's chain head is not in the log")


async def checked_parts(
    partition: int, store: SnapshotStore, generation: int, manifest: Manifest
) -> AsyncIterator[Part]:
    """The parts in their order. Raises SnapshotCorrupt behind the last if they are not those."""
    digest = sha256()
    count = 0
    async for data in store.parts(partition, generation):
        digest.update(data)
        count += 1
        yield decode_part(data)
    if count != manifest.parts or digest.hexdigest() != manifest.hash:
        raise SnapshotCorrupt("the parts do not match the manifest")


def apply_part(part: Part, state: PartitionState, window: Window, folded: dict[str, int]) -> None:
    """Take one part back."""
    for row in part.skus:
        known = state.skus.get(row.sku)
        if known is not None:
            # One with many levels is spread over several parts, all of the same moment.
            known.levels.update(row.levels)
            continue
        state.skus[row.sku] = SkuState(
            row.levels, row.quantity, row.value, row.scale, row.item, row.moved, row.supply
        )
        folded[row.sku] = part.at
    if part.ids:
        window.restore(part.ids)
    state.reversed.update(part.reversed)
    state.returned.update(part.returned)
    if part.filter is not None:
        window.old.restore(*part.filter)


def check_ids(partition: int, window: Window) -> None:
    """All parts are there. Raises SnapshotCorrupt if the filter does not know what it must."""
    if not window.old.whole():
        raise SnapshotCorrupt(f"partition {partition}: a filter of old ids is not whole")
    if len(window.old) < len(window):
        raise SnapshotCorrupt(f"partition {partition}: a filter knows less than the window holds")
    window.restored()


def note(fact: Moved | ItemDefined | SupplyFact, state: PartitionState) -> None:
    """A fact whose balances the snapshot holds already: only what lies outside the SKU."""
    state.ids[fact.id] = fact.offset
    if type(fact) is Moved and fact.reverses_offset >= 0:
        state.reversed[fact.reverses_offset] = fact.offset
    if type(fact) is Moved and fact.original_offset >= 0:
        state.come_back(fact.original_offset, fact.quantity_back)
    state.offset = fact.offset + 1
    state.recorded_ms = fact.recorded_ms
