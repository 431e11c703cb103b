"""Snapshots: a cache of the state, written in small slices while the partition works on.

Each slice states the offset at which it was taken; recovery applies to a SKU only what came after
its slice. So no moment has to hold still, and no slice stalls anybody for more than a few
milliseconds. A generation is valid once its manifest is stored, with the hash over its parts.
"""

import time
from hashlib import sha256

import msgspec

from ledger.domain.items import Item
from ledger.domain.stock import PartitionState
from ledger.errors import LedgerError
from ledger.events.chain import Chain
from ledger.log import SnapshotStore
from ledger.writer.idempotency import Window

# Raised whenever older parts would be misread: 2, ids are hashed differently in the filter;
# 3, what came back of a movement.
FORMAT = 3
# Each slice encodes about this many entries: one to three milliseconds.
SLICE_SKUS = 1_000
SLICE_IDS = 5_000
_FILTER_WORDS = 65_536
_RETRY_SECONDS = 30.0


class SkuRow(msgspec.Struct, array_like=True, gc=False):
    """One SKU's state."""

    sku: str
    levels: dict[str, int]
    quantity: int
    value: int
    scale: int
    item: Item | None
    moved: bool


class Part(msgspec.Struct, gc=False, omit_defaults=True):
    """One slice. `at` is the offset up to which the SKUs in it are folded."""

    at: int
    skus: list[SkuRow] = []
    ids: list[tuple[str, int]] = []
    reversed: list[tuple[int, int]] = []
    # As it was at `from_offset`: whatever came back later is added from the tail.
    returned: list[tuple[int, int]] = []
    # Which filter of old ids, its capacity and count, and the next piece of its words.
    filter: tuple[int, int, int, bytes] | None = None


class Manifest(msgspec.Struct):
    """What makes a generation whole. The tail is read from `from_offset` with `head` before it."""

    format: int
    ledger_id: str
    partition: int
    from_offset: int
    head: str
    level: int
    recorded_ms: int
    parts: int
    hash: str


encode = msgspec.msgpack.Encoder().encode
decode_part = msgspec.msgpack.Decoder(Part).decode
decode_manifest = msgspec.msgpack.Decoder(Manifest).decode


class SnapshotTaker:
    """Takes snapshots of one partition, slice by slice, between batches."""

    def __init__(self, partition: int, store: SnapshotStore, every_records: int) -> None:
        """A new generation starts once that many records came since the last one."""
        self.store = store
        self.failure: str | None = None
        self.taken = 0
        self._partition = partition
        self._every = every_records
        self._last_offset = 0
        self._run: _Run | None = None
        self._not_before = 0.0

    def recovered(self, snapshot_offset: int) -> None:
        """The state comes from a snapshot at that offset, or from 0."""
        self._last_offset = snapshot_offset

    def due(self, state: PartitionState, window: Window, chain: Chain) -> bool:
        """Whether a slice should be taken now; starts a generation if enough has happened."""
        if self._run is not None:
            return True
        if state.offset - self._last_offset < self._every or time.monotonic() < self._not_before:
            return False
        self._run = _Run(self._partition, state, window, chain)
        return True

    async def step(self, state: PartitionState, window: Window) -> None:
        """Take and store one slice. The state must hold nothing but counting records.

        A store that fails costs the snapshot, never the partition.
        """
        run = self._run
        if run is None:
            return
        try:
            if await run.step(self.store, state, window):
                self._last_offset, self._run = run.from_offset, None
                self.taken += 1
                self.failure = None
        except (LedgerError, OSError) as error:
            self.failure = str(error)
            self._run = None
            self._not_before = time.monotonic() + _RETRY_SECONDS

    async def settle(self) -> None:
        """Forget a generation that is half taken; its parts are never read."""
        self._run = None


class _Run:
    """One generation in the making."""

    def __init__(self, partition: int, state: PartitionState, window: Window, chain: Chain) -> None:
        self.partition = partition
        self.from_offset = state.offset
        self.head = chain.head
        self.level = state.level
        self.recorded_ms = state.recorded_ms
        self.generation = state.offset
        # Copies of references only: what came later is in the tail.
        self._skus = list(state.skus)
        self._ids = window.slice(0, len(window))
        self._reversed = list(state.reversed.items())
        self._returned = list(state.returned.items())
        self._sku_position = self._id_position = 0
        self._reversed_position = self._returned_position = 0
        self._filter_number = self._filter_position = 0
        self._parts = 0
        self._hash = sha256()

    async def step(self, store: SnapshotStore, state: PartitionState, window: Window) -> bool:
        part = self._next(state, window)
        if part is not None:
            data = encode(part)
            self._hash.update(data)
            await store.put(self.partition, self.generation, self._parts, data)
            self._parts += 1
            return False
        manifest = Manifest(
            FORMAT,
            state.ledger_id,
            self.partition,
            self.from_offset,
            self.head,
            self.level,
            self.recorded_ms,
            self._parts,
            self._hash.hexdigest(),
        )
        await store.commit(self.partition, self.generation, encode(manifest))
        return True

    def _next(self, state: PartitionState, window: Window) -> Part | None:
        """The next slice; None when all is taken. Filters come after ids: see `_next_ids`."""
        if self._id_position < len(self._ids):
            return self._next_ids(state)
        piece = self._next_filter(state, window)
        if piece is not None:
            return piece
        if self._reversed_position < len(self._reversed):
            start = self._reversed_position
            self._reversed_position += SLICE_IDS
            return Part(state.offset, reversed=self._reversed[start : start + SLICE_IDS])
        if self._returned_position < len(self._returned):
            start = self._returned_position
            self._returned_position += SLICE_IDS
            return Part(state.offset, returned=self._returned[start : start + SLICE_IDS])
        if self._sku_position < len(self._skus):
            return self._next_skus(state)
        return None

    def _next_ids(self, state: PartitionState) -> Part:
        """Ids by age. One that left the window since the run began is in the filter by now."""
        names = self._ids[self._id_position : self._id_position + SLICE_IDS]
        self._id_position += SLICE_IDS
        ids = state.ids
        return Part(state.offset, ids=[(name, ids[name]) for name in names if name in ids])

    def _next_filter(self, state: PartitionState, window: Window) -> Part | None:
        """The next piece of the filter of old ids. Bits set meanwhile do no harm."""
        filters = window.old.filters
        while self._filter_number < len(filters):
            current = filters[self._filter_number]
            start = self._filter_position
            if start < len(current.words):
                self._filter_position += _FILTER_WORDS
                piece = current.words[start : start + _FILTER_WORDS].tobytes()
                number = self._filter_number
                return Part(state.offset, filter=(number, current.capacity, current.count, piece))
            self._filter_number, self._filter_position = self._filter_number + 1, 0
        return None

    def _next_skus(self, state: PartitionState) -> Part:
        names = self._skus[self._sku_position : self._sku_position + SLICE_SKUS]
        self._sku_position += SLICE_SKUS
        rows = []
        for name in names:
            sku = state.skus[name]
            rows.append(
                SkuRow(name, sku.levels, sku.quantity, sku.value, sku.scale, sku.item, sku.moved)
            )
        return Part(state.offset, skus=rows)
