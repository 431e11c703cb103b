"""MurmurHash2 (Austin Appleby, 2008), as Kafka's partitioner has it: of one name, or of many.

With the seed of org.apache.kafka.common.utils.Utils.murmur2, over the UTF-8 bytes of a name.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF
# A longer name would cost all others a column for each of its bytes.
LENGTH_MAX = 64

Hashes = npt.NDArray[np.uint32]


def murmur2(data: bytes) -> int:
    """The 32-bit hash, unsigned."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if length > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def murmur2_of_all(names: Sequence[str]) -> Hashes | None:
    """The hash of each, worked out column by column; None unless all are short and ASCII."""
    joined = "".join(names)
    lengths = np.fromiter(map(len, names), np.int64, len(names))
    longest = int(lengths.max(initial=0))
    if longest > LENGTH_MAX or not joined.isascii():
        return None
    words = _words(joined.encode(), lengths, longest)
    h = (lengths ^ _SEED).astype(np.uint32)
    multiplier = np.uint32(_M)
    whole = lengths >> 2
    for column in range(longest >> 2):
        k = words[:, column] * multiplier
        k = (k ^ k >> np.uint32(24)) * multiplier
        h = np.where(column < whole, h * multiplier ^ k, h)
    # Behind its end a name is zeros, so what is left of it is a word, too.
    left = words[np.arange(len(names)), whole]
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
