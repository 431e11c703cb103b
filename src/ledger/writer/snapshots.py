"""Snapshots: a cache of the state, written in small slices while the partition works on.

Each slice states the offset at which it was taken; recovery applies to a SKU only what came after
its slice. So no moment has to hold still, and no slice stalls anybody for more than a few
milliseconds. A generation is valid once its manifest is stored, with the hash over its parts.
"""

import asyncio
import logging
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice

import msgspec

from ledger.domain.items import Item
from ledger.domain.stock import PartitionState
from ledger.domain.supply import OpenOrder
from ledger.events.chain import Chain
from ledger.log import SnapshotStore
from ledger.writer.idempotency import Window
from ledger.writer.names import SkuNames

# Raised whenever older parts would be misread: 2, ids are hashed differently in the filter;
# 3, what came back of a movement; 4, a SKU may be spread over parts, and the end is on the chain;
# 5, the filter may know ids of the window; 6, a SKU has open supply orders; 7, it knows all those.
FORMAT = 7
# Each slice encodes about this many entries: one to three milliseconds.
SLICE_SKUS = 1_000
SLICE_LEVELS = 2_000
SLICE_IDS = 5_000
_FILTER_WORDS = 65_536
_RETRY_SECONDS = 30.0
_log = logging.getLogger(__name__)


class SkuRow(msgspec.Struct, array_like=True, gc=False):
    """One SKU's state. Further rows of the same SKU hold the rest of its levels."""

    sku: str
    levels: dict[str, int]
    quantity: int
    value: int
    scale: int
    item: Item | None
    moved: bool
    # In the first row of the SKU only.
    supply: dict[str, OpenOrder] | None


class Part(msgspec.Struct, gc=False, omit_defaults=True):
    """One slice. `at` is the offset up to which the SKUs in it are folded."""

    at: int
    skus: list[SkuRow] = []
    # The garbage collector looks at a dictionary of plain values at most once, at each pair else.
    ids: dict[str, int] = {}
    reversed: dict[int, int] = {}
    # As it was at `from_offset`: whatever came back later is added from the tail.
    returned: dict[int, int] = {}
    # Which filter of ids, its capacity, its count at `from_offset`, the next piece of its words.
    filter: tuple[int, int, int, bytes] | None = None


class Format(msgspec.Struct):
    """What manifests of all formats have."""

    format: int


class Manifest(msgspec.Struct):
    """What makes a generation whole. The tail is read from `from_offset` with `head` before it.

    No slice holds anything from `until_offset` on; `until_head` is the chain's head there.
    """

    format: int
    ledger_id: str
    partition: int
    from_offset: int
    head: str
    until_offset: int
    until_head: str
    level: int
    recorded_ms: int
    parts: int
    hash: str


encode = msgspec.msgpack.Encoder().encode
decode_part = msgspec.msgpack.Decoder(Part).decode
decode_format = msgspec.msgpack.Decoder(Format).decode
decode_manifest = msgspec.msgpack.Decoder(Manifest).decode


class SnapshotTaker:
    """Takes snapshots of one partition, slice by slice, between batches."""

    def __init__(self, partition: int, store: SnapshotStore, every_records: int) -> None:
        """A new generation starts once that many records came since the last one."""
        self.store = store
        self.failure: str | None = None
        self.taken = self.failed = 0
        self._partition = partition
        self._every = every_records
        self._last_offset = 0
        self._run: _Run | None = None
        # In seconds of the loop.
        self._not_before = 0.0

    def recovered(self, snapshot_offset: int) -> None:
        """The state comes from a snapshot at that offset, or from 0."""
        self._last_offset = snapshot_offset

    def due(self, state: PartitionState) -> bool:
        """Whether a step should be taken now."""
        if self._run is not None:
            return True
        enough = state.offset - self._last_offset >= self._every
        return enough and asyncio.get_running_loop().time() >= self._not_before

    async def step(
        self, state: PartitionState, window: Window, names: SkuNames, chain: Chain
    ) -> None:
        """Begin a generation, or take and store one slice of it.

        The state must hold nothing but counting records.

        Whatever goes wrong costs the snapshot, never the partition; `failure` says what it was.
        """
        run = self._run
        if run is None:
            # A step of its own: it copies what was reversed and returned.
            self._run = _Run(self._partition, state, window, names, chain)
            return
        try:
            if await run.step(self.store, state):
                self._last_offset, self._run = run.from_offset, None
                self.taken += 1
                self._note(None)
        except Exception as error:  # noqa: BLE001 - a store may raise whatever its client raises
            self._run = None
            self._not_before = asyncio.get_running_loop().time() + _RETRY_SECONDS
            self.failed += 1
            self._note(f"{type(error).__name__}: {error}")

    def _note(self, failure: str | None) -> None:
        """Say it in the log, but not again and again."""
        if failure == self.failure:
            return
        self.failure = failure
        if failure is None:
            _log.info("partition %d: a snapshot was taken again", self._partition)
        else:
            _log.warning("partition %d: no snapshot can be taken: %s", self._partition, failure)

    async def settle(self) -> None:
        """Forget a generation that is half taken; its parts are never read."""
        self._run = None


class _Run:
    """One generation in the making."""

    def __init__(
        self,
        partition: int,
        state: PartitionState,
        window: Window,
        names: SkuNames,
        chain: Chain,
    ) -> None:
        self.partition = partition
        self.from_offset = state.offset
        self.head = chain.head
        # How far the slices taken so far go, and the head there.
        self.until_offset, self.until_head = self.from_offset, self.head
        self.level = state.level
        self.recorded_ms = state.recorded_ms
        self.generation = state.offset
        self._chain = chain
        # What came later is in the tail.
        self._names = names.walk()
        # The name that did not fit into the slice before.
        self._name: str | None = None
        self._ids = window.items()
        # So that whoever reads it may rely on the filter for each of these ids.
        window.enter()
        self._filters = [(part, part.count) for part in window.old.filters]
        self._reversed = iter(state.reversed.copy().items())
        self._returned = iter(state.returned.copy().items())
        # What is left of a SKU with many levels, as it was when its first part was taken.
        self._large: tuple[SkuRow, Iterator[tuple[str, int]], int] | None = None
        self._filter_number = self._filter_position = 0
        self._parts = 0
        self._hash = sha256()

    async def step(self, store: SnapshotStore, state: PartitionState) -> bool:
        part = self._next(state)
        if part is not None:
            self.until_offset, self.until_head = state.offset, self._chain.head
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
            self.until_offset,
            self.until_head,
            self.level,
            self.recorded_ms,
            self._parts,
            self._hash.hexdigest(),
        )
        await store.commit(self.partition, self.generation, encode(manifest))
        return True

    def _next(self, state: PartitionState) -> Part | None:
        """The next slice; None when all is taken."""
        some = dict(islice(self._ids, SLICE_IDS))
        if some:
            return Part(state.offset, ids=some)
        piece = self._next_filter(state) or self._next_offsets(state)
        if piece is not None:
            return piece
        if self._large is not None:
            return self._next_of_large(*self._large)
        return self._next_skus(state)

    def _next_filter(self, state: PartitionState) -> Part | None:
        """The next piece of the filter of ids. Bits set meanwhile do no harm.

        A filter added since the run began knows nothing but ids of the tail.
        """
        while self._filter_number < len(self._filters):
            current, count = self._filters[self._filter_number]
            start = self._filter_position
            if start < len(current.words):
                self._filter_position += _FILTER_WORDS
                piece = current.words[start : start + _FILTER_WORDS].tobytes()
                return Part(
                    state.offset, filter=(self._filter_number, current.capacity, count, piece)
                )
            self._filter_number, self._filter_position = self._filter_number + 1, 0
        return None

    def _next_offsets(self, state: PartitionState) -> Part | None:
        """What was undone, then what came back."""
        some = dict(islice(self._reversed, SLICE_IDS))
        if some:
            return Part(state.offset, reversed=some)
        some = dict(islice(self._returned, SLICE_IDS))
        return Part(state.offset, returned=some) if some else None

    def _next_skus(self, state: PartitionState) -> Part | None:
        """Whole SKUs up to a number of levels, or the first part of one that has more."""
        rows: list[SkuRow] = []
        room = SLICE_LEVELS
        while len(rows) < SLICE_SKUS:
            name, self._name = self._name or next(self._names, None), None
            if name is None:
                break
            sku = state.skus[name]
            size = len(sku.levels) + len(sku.supply or ())
            if rows and size > room:
                self._name = name
                break
            row = SkuRow(
                name,
                sku.levels,
                sku.quantity,
                sku.value,
                sku.scale,
                sku.item,
                sku.moved,
                sku.supply,
            )
            if len(sku.levels) > SLICE_LEVELS:
                return self._next_of_large(row, iter(sku.levels.copy().items()), state.offset)
            rows.append(row)
            room -= size
        return Part(state.offset, skus=rows) if rows else None

    def _next_of_large(self, row: SkuRow, left: Iterator[tuple[str, int]], at: int) -> Part:
        """The next levels of one SKU. All of its parts show the moment of the first."""
        levels = dict(islice(left, SLICE_LEVELS))
        more = len(levels) == SLICE_LEVELS
        rest = msgspec.structs.replace(row, supply=None)
        self._large = (rest, left, at) if more else None
        return Part(at, skus=[msgspec.structs.replace(row, levels=levels)])
