"""What has to be remembered of every record: whether its id was used before, and what a movement
was that a later one may undo. A few bytes each, since there may be many millions."""

import struct
from bisect import bisect_right
from typing import Final, NamedTuple

import numpy as np

from ledger.domain.facts import Moved

# Hash of the id, quantity, value; numbers of SKU and of both accounts.
_PACK: Final = struct.Struct("=qqqiii")
_ROW: Final = np.dtype(
    [("id", "<i8"), ("quantity", "<i8"), ("value", "<i8"), ("sku", "<i4"), ("source", "<i4"),
     ("target", "<i4")]
)  # fmt: skip
BYTES_A_RECORD: Final = _PACK.size
_NOBODY: Final = -1
_NO_ID: Final = _PACK.pack(0, 0, 0, -1, -1, -1)


class Earlier(NamedTuple):
    """A movement as it is remembered. Names are numbers of `Numbers`."""

    id_hash: int
    quantity: int
    value: int
    sku: int
    source: int
    target: int


class Numbers(dict[str, int]):
    """A number for each name, in the order in which they come."""

    def __missing__(self, name: str) -> int:
        """The next number."""
        number = self[name] = len(self)
        return number


class Past:
    """The records of one partition, by their offsets."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.names = Numbers()
        self._rows = bytearray()
        # Where offsets go on after some that are missing: the offset, and the row it has.
        self._starts: list[tuple[int, int]] = []
        self._next_offset = 0
        self.append_row = self._rows.extend

    def at(self, offset: int) -> None:
        """The next row is of this offset; only needed where offsets are missing."""
        if offset != self._next_offset:
            self._starts.append((offset, len(self._rows) // BYTES_A_RECORD))
        self._next_offset = offset + 1

    def add(self, offset: int, identity: str | None) -> None:
        """A record that is no movement; None: one that uses no id."""
        self.at(offset)
        self.append_row(
            _NO_ID if identity is None else _PACK.pack(hash(identity), 0, 0, 0, _NOBODY, _NOBODY)
        )

    def add_movement(self, fact: Moved, value: int, sku: int) -> None:
        """A movement, the value that it moved, and the number of its SKU."""
        offset, numbers, source, target = fact.offset, self.names, fact.source, fact.target
        if offset == self._next_offset:
            self._next_offset = offset + 1
        else:
            self.at(offset)
        try:
            row = _PACK.pack(
                hash(fact.id), fact.quantity, value, sku, numbers[source], numbers[target]
            )
        except struct.error:
            # Found to be wrong where it is checked; it only has to fit here.
            row = _PACK.pack(hash(fact.id), 0, 0, sku, numbers[source], numbers[target])
        self.append_row(row)

    def movement(self, offset: int) -> Earlier | None:
        """The movement at an offset, or None if none lies there."""
        row = self._row_of(offset)
        if row is None:
            return None
        found = Earlier(*_PACK.unpack_from(self._rows, row * BYTES_A_RECORD))
        return None if found.source == _NOBODY else found

    def uses(self, offset: int, identity: str) -> bool:
        """Whether the record at an offset uses the id."""
        row = self._row_of(offset)
        if row is None:
            return False
        found = Earlier(*_PACK.unpack_from(self._rows, row * BYTES_A_RECORD))
        return found.sku >= 0 and found.id_hash == hash(identity)

    def ids_between(self, first: int, until: int) -> int:
        """How many records use an id, from the offset `first` on and before `until`."""
        begin, end = (self._rows_before(offset) * BYTES_A_RECORD for offset in (first, until))
        rows = np.frombuffer(bytes(self._rows[begin:end]), _ROW)
        return int(np.count_nonzero(rows["sku"] >= 0))

    def repeated(self) -> list[tuple[int, int]]:
        """Pairs of offsets that seem to use the same id: whoever asks has to compare the ids.

        Two ids have the same hash of 64 bits once in many millions of ledgers.
        """
        rows = np.frombuffer(bytes(self._rows), _ROW)
        used = np.flatnonzero(rows["sku"] >= 0)
        hashes = rows["id"][used]
        order = np.argsort(hashes, kind="stable")
        same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
        return [
            (self._offset_of(int(used[order[one]])), self._offset_of(int(used[order[one + 1]])))
            for one in same
        ]

    def _row_of(self, offset: int) -> int | None:
        if not 0 <= offset < self._next_offset:
            return None
        first, row = self._start(bisect_right(self._starts, (offset, len(self._rows))))
        found = row + offset - first
        end = len(self._rows) // BYTES_A_RECORD
        until = next((start[1] for start in self._starts if start[0] > offset), end)
        return found if found < until else None

    def _rows_before(self, offset: int) -> int:
        """How many rows are of offsets before this one."""
        number = bisect_right(self._starts, (offset, len(self._rows)))
        first, row = self._start(number)
        rows = len(self._rows) // BYTES_A_RECORD
        until = self._starts[number][1] if number < len(self._starts) else rows
        return min(row + offset - first, until)

    def _offset_of(self, row: int) -> int:
        rows = [start[1] for start in self._starts]
        first, start = self._start(bisect_right(rows, row))
        return first + row - start

    def _start(self, number: int) -> tuple[int, int]:
        return self._starts[number - 1] if number else (0, 0)
