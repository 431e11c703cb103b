"""A digest of the window of ids: for a whole slice at once, which ids may be in it at all."""

from collections import deque
from collections.abc import Collection, Sequence

import numpy as np

from ledger.writer.filters import Words, places

# So that of a thousand new ids about two are looked for in vain, in each generation.
_BITS_PER_ID = 24
_WORD_BITS = 64
_ROWS_FIRST = 8
_LOW_HALF = np.uint64(32)


class Digest:
    """A small blocked Bloom filter for each generation, all of one size, side by side.

    A look at one dictionary after the other costs a miss of the cache for each id and generation.
    Here one gathering of words answers for all. It is kept in memory only, so Python's own hash of
    a text will do, which the text remembers.
    """

    __slots__ = ("_free", "_rows", "_table", "_words")

    def __init__(self, generation_ids: int) -> None:
        """For generations of about so many ids."""
        self._words = max(1, generation_ids * _BITS_PER_ID // _WORD_BITS)
        self._table: Words = np.zeros((_ROWS_FIRST, self._words), np.uint64)
        # Which row belongs to which generation, the oldest first.
        self._rows: deque[int] = deque()
        self._free = list(range(_ROWS_FIRST))

    def add(self, identities: Collection[str]) -> None:
        """The next generation."""
        if not self._free:
            rows = len(self._table)
            self._free = list(range(rows, 2 * rows))
            self._table = np.concatenate((self._table, np.zeros_like(self._table)))
        row = self._free.pop()
        self._rows.append(row)
        words, bits = places(_hashes(identities), self._words)
        np.bitwise_or.at(self._table[row], words, bits)

    def drop(self) -> None:
        """The oldest generation leaves."""
        row = self._rows.popleft()
        self._table[row] = 0
        self._free.append(row)

    def perhaps(self, identities: Sequence[str]) -> list[str]:
        """Those that may be in some generation; never misses one that is."""
        words, bits = places(_hashes(identities), self._words)
        # A row that is free is empty, and no id has no bits.
        known = ((self._table[:, words] & bits) == bits).any(axis=0)
        return [identities[index] for index in known.nonzero()[0].tolist()]


def _hashes(identities: Collection[str]) -> Words:
    hashes = np.fromiter(map(hash, identities), np.int64, len(identities)).view(np.uint64)
    # Tables of Python are indexed by the low bits, so the high ones need not be any good; a
    # multiplication (Fibonacci hashing, Knuth 1973) mixes them.
    return hashes * np.uint64(0x9E3779B97F4A7C15) ^ (hashes >> _LOW_HALF)
