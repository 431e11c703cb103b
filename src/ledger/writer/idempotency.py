"""Ids for ever: the newest in memory, older ones through a Bloom filter and the views' id index.

The window holds the newest ids. What leaves it enters the filter first. An id that neither knows
was never used; one that only the filter may know is looked up in the index.
"""

import mmap
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Protocol

from ledger.domain.stock import PartitionState

_MASK64 = (1 << 64) - 1
BITS_PER_ID = 48
_WORD_BITS = 64
_MASK_BITS_SET = 3
_MASKS_LOG2 = 12
_FIRST_FILTER_IDS = 65_536
_GROWTH = 4
# Ids in one generation of the window. A batch more still fits into a table of 2^15 places, whose
# making takes about a millisecond, as does freeing a generation. One dictionary with a million ids
# would stop everything for a tenth of a second whenever it grows; many small ones cost a look each.
GENERATION_IDS = 20_000
# A window holds at most one generation more than it must, and one that is leaving; each no more
# than this part of it.
_GENERATIONS_MIN = 4
# So many ids of the leaving generation enter the filter for each new id.
_LEAVING_PER_ID = 4
_LEAVING_MIN = 250


class IdIndex(Protocol):
    """Where older ids are found: the views."""

    async def find(self, partition: int, ids: Sequence[str]) -> dict[str, int]:
        """The offsets of those ids that the view has seen in the partition."""
        ...

    async def position(self, partition: int) -> int:
        """The offset that the view reads next in the partition."""
        ...


def _masks() -> list[int]:
    """4096 words with three bits set each, by a fixed linear congruential sequence (Knuth, MMIX).

    An id takes two of them, so that hardly two ids in one word have the same bits.
    """
    masks, seed = [], 1
    for _ in range(1 << _MASKS_LOG2):
        word = 0
        while word.bit_count() < _MASK_BITS_SET:
            seed = (seed * 6364136223846793005 + 1442695040888963407) & _MASK64
            word |= 1 << (seed >> 58)
        masks.append(word)
    return masks


MASKS = _masks()


def id_hash(identity: str) -> int:
    """64 bits of an id, the same in every process, well mixed even if ids are counted up.

    Python's hash of a tuple of integers (xxHash, Collet 2012) depends on nothing but them, and
    costs a third of a cryptographic one. A test pins what it gives.
    """
    return hash((int.from_bytes(identity.encode(), "little"),)) & _MASK64


class _Filter:
    """A blocked Bloom filter (Putze, Sanders, Singler 2007): one 64-bit word an id."""

    __slots__ = ("capacity", "count", "restored", "words")

    def __init__(self, capacity: int, count: int = 0) -> None:
        self.capacity = capacity
        self.count = count
        # How many words a snapshot has given back.
        self.restored = 0
        # Memory that the system clears when it is first touched, a page at a time: a large filter
        # would take tens of milliseconds to clear at once.
        size = 8 * (capacity * BITS_PER_ID // _WORD_BITS)
        self.words = memoryview(mmap.mmap(-1, size)).cast("Q")


class OldIds:
    """A Bloom filter that grows by adding larger ones (Almeida and others, 2007).

    6 bytes an id; one to four new ids in ten thousand are taken for perhaps-known and looked up.
    """

    __slots__ = ("filters",)

    def __init__(self) -> None:
        """Empty: knows nothing."""
        self.filters: list[_Filter] = []

    def __bool__(self) -> bool:
        """Whether anything was ever added."""
        return bool(self.filters)

    def __len__(self) -> int:
        """How many ids were added."""
        return sum(part.count for part in self.filters)

    def add(self, hashes: Iterable[int]) -> None:
        """Remember ids by their hashes."""
        masks = MASKS
        left = list(hashes)
        while left:
            part = self._with_room()
            room = part.capacity - part.count
            words, size = part.words, len(part.words)
            for h in left[:room]:
                words[(h >> 32) % size] |= masks[h & 4095] | masks[h >> 12 & 4095]
            part.count += len(left[:room])
            left = left[room:]

    def _with_room(self) -> _Filter:
        if not self.filters:
            self.filters.append(_Filter(_FIRST_FILTER_IDS))
        elif self.filters[-1].count >= self.filters[-1].capacity:
            self.filters.append(_Filter(self.filters[-1].capacity * _GROWTH))
        return self.filters[-1]

    def perhaps(self, identities: Sequence[str]) -> list[str]:
        """Those that may have been added; never misses one that was."""
        if not self.filters:
            return []
        masks = MASKS
        hits: list[str] = []
        tables = [(part.words, len(part.words)) for part in self.filters]
        for identity in identities:
            # id_hash, without the call.
            h = hash((int.from_bytes(identity.encode(), "little"),)) & _MASK64
            wanted = masks[h & 4095] | masks[h >> 12 & 4095]
            for words, size in tables:
                if words[(h >> 32) % size] & wanted == wanted:
                    hits.append(identity)
                    break
        return hits

    def restore(self, number: int, capacity: int, count: int, words: bytes) -> None:
        """Take back the next piece of a filter from a snapshot; pieces come in order.

        Raises ValueError if a piece before it is missing, or if it does not fit.
        """
        if number > len(self.filters):
            raise ValueError(f"filter {number} comes after {len(self.filters)} filters")
        if number == len(self.filters):
            self.filters.append(_Filter(capacity, count))
        part = self.filters[number]
        piece = memoryview(words).cast("Q")
        part.words[part.restored : part.restored + len(piece)] = piece
        part.restored += len(piece)

    def whole(self) -> bool:
        """Whether every filter got all its words from a snapshot."""
        return all(part.restored == len(part.words) for part in self.filters)


class Window:
    """The newest ids of one partition and their offsets, in generations.

    The youngest generation is the state's own `ids`, where each new id is put. When it is large
    enough it becomes an older generation, which never changes, and the state gets an empty one.
    The oldest one leaves once all its ids have entered the filter, some with each batch. None of
    these steps grows with the window.
    """

    __slots__ = ("_count", "_leaving", "_older", "_state", "entered", "limit", "old")

    def __init__(self, state: PartitionState, limit: int, old: OldIds) -> None:
        """The newest `limit` ids stay in it, and at most half more or a batch more."""
        self.limit = limit
        self.old = old
        self._state = state
        # The oldest first.
        self._older: deque[dict[str, int]] = deque()
        # Ids of the oldest generation that have yet to enter the filter, while it is leaving.
        self._leaving: Iterator[str] | None = None
        # How many of them have entered it, and so are counted there as well as here.
        self.entered = 0
        self._count = 0

    def __len__(self) -> int:
        """How many ids of counting records are in the window."""
        return self._count

    @property
    def young(self) -> bool:
        """Whether the state's `ids` hold every id that was ever used."""
        return not self._older and not self.old

    def start_offset(self) -> int | None:
        """The offset of the oldest id in the window: the index must have passed it."""
        oldest = self._older[0] if self._older else self._state.ids
        return next(iter(oldest.values()), None)

    def older(self, identities: Sequence[str]) -> dict[str, int]:
        """The offsets of those ids that are in the window, but not in the state's `ids`."""
        found: dict[str, int] = {}
        for generation in self._older:
            if not generation.keys().isdisjoint(identities):
                found |= {name: generation[name] for name in identities if name in generation}
        return found

    def items(self) -> Iterator[tuple[str, int]]:
        """Ids and offsets as they are now, the oldest first; takes no harm from what comes later.

        The state must hold nothing but counting records.
        """
        generations = (*self._older, self._state.ids.copy())
        return chain.from_iterable(generation.items() for generation in generations)

    def extend(self, identities: Sequence[str]) -> None:
        """Ids in the state that count now; the oldest may leave."""
        self._count += len(identities)
        self._turn_over()
        self.shrink(max(_LEAVING_MIN, _LEAVING_PER_ID * len(identities)))

    def restore(self, ids: dict[str, int]) -> None:
        """Take back ids from a snapshot, the oldest first; none leaves before `shrink`."""
        self._state.ids.update(ids)
        self._count += len(ids)
        self._turn_over()

    def shrink(self, ids_max: int) -> bool:
        """Let so many of the oldest ids leave, if there are too many; whether there still are."""
        while self._older and self._count - len(self._older[0]) >= self.limit:
            if ids_max <= 0:
                return True
            ids_max -= self._leave(ids_max)
        return False

    def _leave(self, ids_max: int) -> int:
        """Put ids of the oldest generation into the filter; it goes when all of them are there."""
        if self._leaving is None:
            self._leaving = iter(self._older[0])
        ids = [*islice(self._leaving, ids_max)]
        self.old.add(map(id_hash, ids))
        self.entered += len(ids)
        if len(ids) < ids_max:
            self._count -= len(self._older.popleft())
            self._leaving, self.entered = None, 0
        return len(ids)

    def _turn_over(self) -> None:
        if len(self._state.ids) >= max(1, min(GENERATION_IDS, self.limit // _GENERATIONS_MIN)):
            self._older.append(self._state.ids)
            self._state.ids = {}
