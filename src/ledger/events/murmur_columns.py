"""The hash of many names at once (`murmur.murmur2` of each), column by column."""

from collections.abc import Sequence
from itertools import compress

import numpy as np
import numpy.typing as npt

from ledger.events.murmur import SEED, M

# Names of more bytes are hashed by themselves: they would cost all others a column for each four.
SHORT_BYTES_MAX = 100

Hashes = npt.NDArray[np.uint32]


def murmur2_of_all(names: Sequence[str]) -> Hashes:
    """The hash of the UTF-8 bytes of each."""
    joined = "".join(names)
    if joined.isascii():
        lengths = np.fromiter(map(len, names), np.int64, len(names))
        encoded: Sequence[bytes] | None = None
    else:
        encoded = [name.encode() for name in names]
        lengths = np.fromiter(map(len, encoded), np.int64, len(names))
    if lengths.max(initial=0) <= SHORT_BYTES_MAX:
        return _of_bytes(joined.encode(), lengths)
    if encoded is None:
        encoded = [name.encode() for name in names]
    hashes = np.empty(len(names), np.uint32)
    long = lengths > SHORT_BYTES_MAX
    for chosen in (~long, long):
        some = b"".join(compress(encoded, chosen.tolist()))
        hashes[chosen] = _of_bytes(some, lengths[chosen])
    return hashes


def _of_bytes(joined: bytes, lengths: npt.NDArray[np.int64]) -> Hashes:
    """The hash of each of several names that lie one behind the other."""
    longest = int(lengths.max(initial=0))
    words = _words(joined, lengths, longest)
    h = (lengths ^ SEED).astype(np.uint32)
    multiplier = np.uint32(M)
    whole = lengths >> 2
    for column in range(longest >> 2):
        k = words[:, column] * multiplier
        k = (k ^ k >> np.uint32(24)) * multiplier
        h = np.where(column < whole, h * multiplier ^ k, h)
    # Behind its end a name is zeros, so what is left of it is a word, too.
    left = words[np.arange(len(lengths)), whole]
    h = np.where(lengths & 3, (h ^ left) * multiplier, h)
    h = (h ^ h >> np.uint32(13)) * multiplier
    return h ^ h >> np.uint32(15)


def _words(joined: bytes, lengths: npt.NDArray[np.int64], longest: int) -> Hashes:
    """A row for each name: its bytes four by four, and zeros behind its end."""
    width = (longest // 4 + 1) * 4
    characters = np.frombuffer(joined + bytes(width), np.uint8)
    columns = np.arange(width)
    starts = (np.cumsum(lengths) - lengths)[:, None]
    rows = characters[starts + columns]
    rows[columns >= lengths[:, None]] = 0
    words: Hashes = rows.view("<u4").astype(np.uint32, copy=False)
    return words
