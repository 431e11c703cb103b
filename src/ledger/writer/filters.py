"""Filters of ids: which were never used, told from a few bytes for each that was."""

import mmap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_MASK64 = (1 << 64) - 1
BITS_PER_ID = 48
_WORD_BITS = 64
_MASK_BITS_SET = 3
_MASKS_LOG2 = 12
_FIRST_FILTER_IDS = 65_536
_GROWTH = 4
# From so many ids on, arrays are faster than a loop: to look them up, and to hash them.
TOGETHER_MIN = 16
_HASHED_TOGETHER_MIN = 200

Words = npt.NDArray[np.uint64]


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
_MASK_ARRAY: Words = np.array(MASKS, np.uint64)
_LOW_MASK, _HALF = np.uint64(len(MASKS) - 1), np.uint64(32)
_SECOND_MASK = np.uint64(_MASKS_LOG2)


def places(hashes: Words, words: int) -> tuple[npt.NDArray[np.intp], Words]:
    """For each hash its word of a filter with so many, and the bits to be set there."""
    bits = _MASK_ARRAY[hashes & _LOW_MASK] | _MASK_ARRAY[hashes >> _SECOND_MASK & _LOW_MASK]
    return (hashes >> _HALF).astype(np.intp) % words, bits


def id_hash(identity: str) -> int:
    """64 bits of an id, the same in every process, well mixed even if ids are counted up.

    Python's hash of a tuple of integers (xxHash, Collet 2012) depends on nothing but them, and
    costs a third of a cryptographic one. A test pins what it gives.
    """
    return hash((int.from_bytes(identity.encode(), "little"),)) & _MASK64


def id_hashes(identities: Sequence[str]) -> Words:
    """`id_hash` of each, which for many of them is worked out column by column."""
    width = max(map(len, identities), default=0)
    joined = "".join(identities)
    fits = len(identities) >= _HASHED_TOGETHER_MIN and 0 < width <= _WIDTH_MAX
    if not fits or not joined.isascii():
        return np.fromiter(map(id_hash, identities), np.uint64, len(identities))
    if len(joined) != width * len(identities):
        # The same numbers: what is added are leading zeros.
        joined = "".join([identity.ljust(width, "\0") for identity in identities])
    padded = np.zeros((len(identities), -(-width // 8) * 8), np.uint8)
    padded[:, :width] = np.frombuffer(joined.encode(), np.uint8).reshape(-1, width)
    return _tuple_hashes(_remainders(padded.view("<u8").astype(np.uint64, copy=False)))


# Python's hash of an integer is its remainder by this Mersenne prime, that of a tuple xxHash's.
_PRIME_BITS = 61
_PRIME = np.uint64((1 << _PRIME_BITS) - 1)
_SHIFT = np.uint64(_PRIME_BITS)
_XX_1, _XX_2 = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F)
_XX_5 = 0x27D4EB2F165667C5
_XX_END = np.uint64(1 ^ _XX_5 ^ 3527539)
_XX_ROTATED = np.uint64(31)
# Seven words of eight bytes: the sum of their remainders still fits into one.
_WIDTH_MAX = 56


def _remainders(words: Words) -> Words:
    """Of integers that are given by rows of words, the lowest first.

    2^64 leaves 8, so the k-th word counts 8^k times, which turns its remainder by 3k bits.
    """
    folded = (words & _PRIME) + (words >> _SHIFT)
    folded = (folded & _PRIME) + (folded >> _SHIFT)
    total = folded[:, 0].copy()
    for number in range(1, words.shape[1]):
        turned = np.uint64(3 * number)
        word = folded[:, number]
        total += ((word << turned) & _PRIME) | (word >> (_SHIFT - turned))
    for _ in range(2):
        total = (total & _PRIME) + (total >> _SHIFT)
    total[total == _PRIME] = 0
    return total


def _tuple_hashes(hashes: Words) -> Words:
    """What Python makes of a tuple of one integer with such a hash.

    No remainder leads to the one result that it would replace.
    """
    mixed = np.uint64(_XX_5) + hashes * _XX_2
    mixed = (mixed << _XX_ROTATED) | (mixed >> (np.uint64(_WORD_BITS) - _XX_ROTATED))
    return mixed * _XX_1 + _XX_END


class _Filter:
    """A blocked Bloom filter (Putze, Sanders, Singler 2007): one 64-bit word an id."""

    __slots__ = ("array", "capacity", "count", "restored", "words")

    def __init__(self, capacity: int, count: int = 0) -> None:
        self.capacity = capacity
        self.count = count
        # How many words a snapshot has given back.
        self.restored = 0
        # Memory that the system clears when it is first touched, a page at a time: a large filter
        # would take tens of milliseconds to clear at once.
        size = 8 * (capacity * BITS_PER_ID // _WORD_BITS)
        self.words = memoryview(mmap.mmap(-1, size)).cast("Q")
        self.array: Words = np.frombuffer(self.words, np.uint64)

    def add(self, hashes: Words) -> None:
        """Remember ids by their hashes."""
        words, bits = places(hashes, len(self.array))
        np.bitwise_or.at(self.array, words, bits)
        self.count += len(hashes)

    def has(self, hashes: Words) -> npt.NDArray[np.bool_]:
        """For each hash whether its id may have been added."""
        words, bits = places(hashes, len(self.array))
        known: npt.NDArray[np.bool_] = (self.array[words] & bits) == bits
        return known


class OldIds:
    """A Bloom filter that grows by adding larger ones (Almeida and others, 2007).

    6 bytes an id; one to four new ids in ten thousand are taken for perhaps-known and looked up.
    """

    __slots__ = ("_asked", "_hashes", "filters")

    def __init__(self) -> None:
        """Empty: knows nothing."""
        self.filters: list[_Filter] = []
        # What was asked for together last, and its hashes: the same ids are often added next.
        self._asked: Sequence[str] = []
        self._hashes: Words = np.zeros(0, np.uint64)

    def __bool__(self) -> bool:
        """Whether anything was ever added."""
        return bool(self.filters)

    def __len__(self) -> int:
        """How many ids were added."""
        return sum(part.count for part in self.filters)

    def add(self, identities: Sequence[str]) -> None:
        """Remember ids."""
        known = self._asked[: len(identities)] == identities
        left = self._hashes[: len(identities)] if known else id_hashes(identities)
        self._asked = []
        while len(left):
            part = self._with_room()
            room = part.capacity - part.count
            part.add(left[:room])
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
        if len(identities) < TOGETHER_MIN:
            return [name for name in identities if self._has(id_hash(name))]
        hashes = id_hashes(identities)
        self._asked, self._hashes = [*identities], hashes
        known = self.filters[0].has(hashes)
        for part in self.filters[1:]:
            known |= part.has(hashes)
        return [identities[index] for index in known.nonzero()[0].tolist()]

    def _has(self, h: int) -> bool:
        wanted = MASKS[h & 4095] | MASKS[h >> 12 & 4095]
        tables = (part.words for part in self.filters)
        return any(words[(h >> 32) % len(words)] & wanted == wanted for words in tables)

    def restore(self, number: int, capacity: int, count: int, words: bytes) -> None:
        """Take back the next piece of a filter from a snapshot; pieces come in order.

        Raises ValueError if a piece before it is missing, or if it does not fit.
        """
        if number > len(self.filters):
            raise ValueError(f"filter {number} comes after {len(self.filters)} filters")
        if number < 0 or len(words) % 8:
            raise ValueError(f"filter {number} has {len(words)} bytes, not whole words")
        if number == len(self.filters):
            self.filters.append(_Filter(capacity, count))
        part = self.filters[number]
        piece = memoryview(words).cast("Q")
        part.words[part.restored : part.restored + len(piece)] = piece
        part.restored += len(piece)

    def whole(self) -> bool:
        """Whether every filter got all its words from a snapshot."""
        return all(part.restored == len(part.words) for part in self.filters)
