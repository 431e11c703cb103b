"""The hash of many names at once (`murmur.murmur2` of each), column by column."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ledger.domain.codes import SKU_LENGTH_MAX
from ledger.events.murmur import SEED, M

# A name of more bytes would cost all others a column for each of them.
LENGTH_MAX = SKU_LENGTH_MAX

Hashes = npt.NDArray[np.uint32]


def murmur2_of_all(names: Sequence[str]) -> Hashes | None:
    """The hash of the UTF-8 bytes of each; None where one of them is too long for that."""
    joined = "".join(names)
    encoded: Sequence[str | bytes] = names
    if not joined.isascii():
        encoded = [name.encode() for name in names]
    lengths = np.fromiter(map(len, encoded), np.int64, len(names))
    longest = int(lengths.max(initial=0))
    if longest > LENGTH_MAX:
        return None
    words = _words(joined.encode(), lengths, longest)
    h = (lengths ^ SEED).astype(np.uint32)
    multiplier = np.uint32(M)
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
