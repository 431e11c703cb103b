"""Ids for ever: the newest in memory, older ones through a Bloom filter and the views' id index.

The window holds the ids of the newest counting records of one partition. What leaves it enters
the filter. An id that the filter does not know was never used; one that it may know is looked up
in the index.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import Protocol

_MASK64 = (1 << 64) - 1
BITS_PER_ID = 48
_WORD_BITS = 64
_MASK_BITS_SET = 3
_MASKS_LOG2 = 12
_FIRST_FILTER_IDS = 65_536
_GROWTH = 4


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

    __slots__ = ("capacity", "count", "words")

    def __init__(self, capacity: int, count: int = 0, words: "array[int] | None" = None) -> None:
        self.capacity = capacity
        self.count = count
        if words is None:
            words = array("Q", bytes(8 * (capacity * BITS_PER_ID // _WORD_BITS)))
        self.words = words


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
        for h in hashes:
            part = self.filters[-1] if self.filters else None
            if part is None or part.count >= part.capacity:
                size = _FIRST_FILTER_IDS if part is None else part.capacity * _GROWTH
                part = _Filter(size)
                self.filters.append(part)
            part.words[(h >> 32) % len(part.words)] |= MASKS[h & 4095] | MASKS[h >> 12 & 4095]
            part.count += 1

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

        Raises ValueError if a piece before it is missing.
        """
        if number > len(self.filters):
            raise ValueError(f"filter {number} comes after {len(self.filters)} filters")
        if number == len(self.filters):
            self.filters.append(_Filter(capacity, count, array("Q")))
        part = self.filters[number]
        part.words.frombytes(words)
        part.count = max(part.count, count)

    def whole(self) -> bool:
        """Whether every filter has all its words."""
        return all(
            len(part.words) == part.capacity * BITS_PER_ID // _WORD_BITS for part in self.filters
        )


class Window:
    """The order in which ids of one partition came, so that the oldest can leave `ids`."""

    __slots__ = ("_first", "ids", "limit", "old", "order")

    def __init__(self, ids: dict[str, int], limit: int, old: OldIds) -> None:
        """`ids` is the state's dictionary; at most about `limit` stay in it."""
        self.ids = ids
        self.limit = limit
        self.old = old
        self.order: list[str] = []
        self._first = 0

    def __len__(self) -> int:
        """How many ids are in the window."""
        return len(self.order) - self._first

    def slice(self, start: int, count: int) -> list[str]:
        """Ids by age, the oldest first."""
        return self.order[self._first + start : self._first + start + count]

    def start_offset(self) -> int | None:
        """The offset of the oldest id in the window: the index must have passed it."""
        return self.ids[self.order[self._first]] if len(self) else None

    def extend(self, identities: Sequence[str]) -> None:
        """Ids of records that count now; the oldest leave if there are too many."""
        self.order.extend(identities)
        surplus = len(self) - self.limit
        if surplus <= 0:
            return
        leaving = self.order[self._first : self._first + surplus]
        self.old.add(map(id_hash, leaving))
        for identity in leaving:
            del self.ids[identity]
        self._first += surplus
        if self._first > self.limit:
            del self.order[: self._first]
            self._first = 0
