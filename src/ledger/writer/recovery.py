"""How a writer comes to know its partition: the newest snapshot and the tail, or all of the log.

A snapshot that is missing, torn, of another ledger or off the chain is not repaired or guessed
at: the log is read from the start instead.
"""

import asyncio
from hashlib import sha256

import msgspec

from ledger.domain.decider import evolve
from ledger.domain.facts import Fact, Moved, Opened, WriterClaimed
from ledger.domain.items import ItemDefined
from ledger.domain.stock import PartitionState, SkuState
from ledger.errors import LedgerError, LogUnavailable, SnapshotCorrupt, WrongLedger
from ledger.events.chain import GENESIS, Chain, link
from ledger.events.decoding import Codec
from ledger.log import EventLog, Record, SnapshotStore
from ledger.writer import snapshots
from ledger.writer.idempotency import OldIds

_READ_RECORDS = 1_000


class Recovered:
    """A partition as the log has it, up to its end."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self.state = PartitionState()
        self.chain: Chain = Chain(0)
        self.old_ids = OldIds()
        self.snapshot_offset = 0
        self.owner: WriterClaimed | None = None
        # SKU to the offset up to which the snapshot holds it.
        self.folded: dict[str, int] = {}


async def recover(partition: int, log: EventLog, store: SnapshotStore) -> Recovered:
    """The state of a partition. Raises what reading the log raises, and WrongLedger."""
    opened = await _opened(partition, log)
    try:
        recovered = await _from_snapshot(partition, log, store, opened)
    except (LedgerError, msgspec.MsgspecError, OSError, ValueError):
        # Whatever is wrong with a cache, the log is right.
        recovered = None
    if recovered is not None:
        await _tail(partition, log, recovered)
        if recovered.state.offset < max(recovered.folded.values(), default=0):
            # Slices of the snapshot are newer than all that the log gave: it may have lost them.
            recovered = None
    if recovered is None:
        recovered = Recovered()
        recovered.chain = Chain(partition)
        await _tail(partition, log, recovered)
    recovered.folded = {}
    if recovered.state.offset == 0:
        raise LogUnavailable(f"partition {partition} looks empty at the moment")
    if recovered.state.ledger_id != opened.ledger_id:
        raise WrongLedger(f"partition {partition} changed its ledger while it was read")
    return recovered


async def _opened(partition: int, log: EventLog) -> Opened:
    first = await log.read(partition, 0, records_max=1)
    if not first.records:
        # The service has written it; whoever answered has not heard of it yet.
        raise LogUnavailable(f"partition {partition} looks empty at the moment")
    for record in first.records:
        if record.counts:
            fact = Codec().decode(record)[1]
            if isinstance(fact, Opened) and record.offset == 0:
                return fact
        break
    raise WrongLedger(f"partition {partition} does not begin with ledger.opened")


async def _from_snapshot(
    partition: int, log: EventLog, store: SnapshotStore, opened: Opened
) -> Recovered | None:
    newest = await store.newest(partition)
    if newest is None:
        return None
    generation, data = newest
    manifest = snapshots.decode_manifest(data)
    if manifest.format != snapshots.FORMAT or manifest.ledger_id != opened.ledger_id:
        return None
    if manifest.from_offset > await log.end(partition):
        return None
    await _check_head(partition, log, manifest)
    recovered = Recovered()
    state = recovered.state
    state.ledger_id = manifest.ledger_id
    state.offset = recovered.snapshot_offset = manifest.from_offset
    state.level, state.recorded_ms = manifest.level, manifest.recorded_ms
    recovered.chain = Chain(partition, manifest.head)
    await _load(partition, store, generation, manifest, recovered)
    return recovered


async def _check_head(partition: int, log: EventLog, manifest: snapshots.Manifest) -> None:
    """The record in front of the snapshot must have the hash that the snapshot continues."""
    offset = manifest.from_offset - 1
    while offset >= 0:
        part = await log.read(partition, offset, records_max=1)
        record = _at(part.records, offset)
        if record is not None and record.counts:
            if link(partition, offset, record.key, record.value) == manifest.head:
                return
            raise SnapshotCorrupt(f"the snapshot's chain head is not the log's at {offset}")
        # Void records and gaps do not belong to the chain.
        offset -= 1
    if manifest.head != GENESIS:
        raise SnapshotCorrupt("the snapshot's chain head is not in the log")


def _at(records: list[Record], offset: int) -> Record | None:
    return next((record for record in records if record.offset == offset), None)


async def _load(
    partition: int,
    store: SnapshotStore,
    generation: int,
    manifest: snapshots.Manifest,
    recovered: Recovered,
) -> None:
    digest = sha256()
    count = 0
    async for data in store.parts(partition, generation):
        digest.update(data)
        count += 1
        _apply_part(snapshots.decode_part(data), recovered)
        await asyncio.sleep(0)
    if count != manifest.parts or digest.hexdigest() != manifest.hash:
        raise SnapshotCorrupt(f"partition {partition}: parts do not match the manifest")
    if not recovered.old_ids.whole():
        raise SnapshotCorrupt(f"partition {partition}: a filter of old ids is not whole")


def _apply_part(part: snapshots.Part, recovered: Recovered) -> None:
    state = recovered.state
    for row in part.skus:
        state.skus[row.sku] = SkuState(
            row.levels, row.quantity, row.value, row.scale, row.item, row.moved
        )
        recovered.folded[row.sku] = part.at
    state.ids.update(part.ids)
    state.reversed.update(part.reversed)
    state.returned.update(part.returned)
    if part.filter is not None:
        recovered.old_ids.restore(*part.filter)


async def _tail(partition: int, log: EventLog, recovered: Recovered) -> None:
    """Fold what came after the snapshot."""
    state, chain = recovered.state, recovered.chain
    while True:
        part = await log.read(partition, state.offset, records_max=_READ_RECORDS)
        for record in part.records:
            if record.counts:
                _fold(chain.accept(record), recovered)
        state.offset = max(state.offset, part.next_offset)
        if state.offset >= part.end:
            return
        await asyncio.sleep(0)


def _fold(fact: Fact, recovered: Recovered) -> None:
    if type(fact) is WriterClaimed:
        recovered.owner = fact
    if isinstance(fact, Moved | ItemDefined) and fact.offset < recovered.folded.get(fact.sku, 0):
        _note(fact, recovered.state)
        return
    evolve(recovered.state, fact)


def _note(fact: Moved | ItemDefined, state: PartitionState) -> None:
    """A fact whose balances the snapshot holds already: only what lies outside the SKU."""
    state.ids[fact.id] = fact.offset
    if type(fact) is Moved and fact.reverses_offset >= 0:
        state.reversed[fact.reverses_offset] = fact.offset
    if type(fact) is Moved and fact.original_offset >= 0:
        state.come_back(fact.original_offset, fact.quantity_back)
    state.offset = fact.offset + 1
    state.recorded_ms = fact.recorded_ms
