"""Many rows of the log with one statement, and their bytes with one parameter.

While a statement runs, the interpreter is free for the event loop, but having it back may take
milliseconds when the loop is busy: with a statement for each row the two would take turns all the
time. And a parameter that is bytes or None costs more than all else of its row, since the driver
looks each time whether somebody has registered an adapter for it. So the bytes of all rows go as
one blob, and of each row only numbers.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, chain
from operator import add

from ledger.adapters.sqlite_file import OFFSET_MASK
from ledger.log import BATCH_BYTES_MAX, NewRecordTuple

# Rows of one statement: their numbers are fewer than the parameters that SQLite takes by default
# (32,766).
ROWS_MAX = 4_096
# Rows that exceed this together are inserted before others are added.
BLOB_BYTES_MAX = BATCH_BYTES_MAX
# Of each row: its place, where its bytes begin in the blob (from 1), and the lengths of its key,
# value and traceparent; -1 for no traceparent.
_NUMBERS = 5
# The blob begins with a byte of its own: of one without any, `substr` would make NULL.
_BEFORE = b"\0"
# In a statement for more rows than there are.
_NO_ROW = (-1,) * _NUMBERS
# In one that looks at more partitions than there are: nothing lies there.
_NO_PARTITION = (-1, -1, None)

# Of a partition: its first place, the first one behind it, and that of its last record, None
# without any.
Last = tuple[int, int, int | None]


def check_records(records: Sequence[NewRecordTuple]) -> None:
    """Raise ValueError unless these are records that fit into one batch.

    What passes the database cannot refuse for its form, so no append of a group spoils another.
    """
    if not records:
        raise ValueError("a batch needs at least one record")
    try:
        keys, values, traceparents = zip(*records, strict=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"these are not records: {error}") from None
    kinds = {*map(type, keys), *map(type, values)}
    if kinds != {bytes} or not {*map(type, traceparents)} <= {bytes, type(None)}:
        raise ValueError("these are not records: their parts must be bytes")
    size = sum(map(len, keys)) + sum(map(len, values))
    if size > BATCH_BYTES_MAX:
        raise ValueError(f"a batch of {size} bytes exceeds {BATCH_BYTES_MAX}")


class Rows:
    """Inserts rows into the open transaction, many at a time; void ones state no offset.

    Its methods raise sqlite3.Error; then nothing of the transaction may be kept.
    """

    __slots__ = (
        "_bytes",
        "_connection",
        "_keys",
        "_mask",
        "_places",
        "_stamp_ms",
        "_traceparents",
        "_values",
        "bytes_added",
    )

    def __init__(self, connection: sqlite3.Connection, stamp_ms: int, *, void: bool) -> None:
        """None yet. `bytes_added` counts those of all values."""
        self.bytes_added = 0
        self._connection = connection
        self._stamp_ms = stamp_ms
        self._mask = None if void else OFFSET_MASK
        self._forget()

    @property
    def full(self) -> bool:
        """Whether these are too many for one statement."""
        return len(self._places) > ROWS_MAX or self._bytes > BLOB_BYTES_MAX

    def add(self, place: int, records: Sequence[NewRecordTuple]) -> None:
        """Rows that lie one after the other from `place` on; `records` have been checked."""
        keys, values, traceparents = zip(*records, strict=True)
        self._places += range(place, place + len(records))
        self._keys += keys
        self._values += values
        self._traceparents += traceparents
        size = sum(map(len, values))
        self._bytes += size
        self.bytes_added += size

    def flush(self) -> None:
        """Insert what was added and not inserted yet."""
        for start in range(0, len(self._places), ROWS_MAX):
            size, values = self._parameters(slice(start, start + ROWS_MAX))
            self._connection.execute(_statement(size), values)
        self._forget()

    def insert_behind(self, lasts: Sequence[Last]) -> bool:
        """Insert what was added, not too many, in a transaction of its own.

        False if one of the partitions does not end where `lasts` says; nothing is inserted then.
        """
        size, values = self._parameters(slice(None))
        looks = _power_of_two(len(lasts))
        unused = _NO_PARTITION * (looks - len(lasts))
        known = (*chain.from_iterable(lasts), *unused)
        done = self._connection.execute(_statement(size) + _only_behind(looks), (*values, *known))
        return done.rowcount > 0

    def _parameters(self, some: slice) -> tuple[int, tuple[object, ...]]:
        """For how many rows the statement is to be, and its parameters."""
        blob, numbers = self._packed(some)
        count = len(numbers) // _NUMBERS
        size = _power_of_two(count)
        return size, (self._mask, self._stamp_ms, blob, *numbers, *_NO_ROW * (size - count))

    def _forget(self) -> None:
        self._places: list[int] = []
        self._keys: list[bytes] = []
        self._values: list[bytes] = []
        self._traceparents: list[bytes | None] = []
        self._bytes = 0

    def _packed(self, some: slice) -> tuple[bytes, list[int]]:
        """The bytes of some rows, and the numbers of each."""
        keys, values, traceparents = self._keys[some], self._values[some], self._traceparents[some]
        key_lengths, value_lengths = [*map(len, keys)], [*map(len, values)]
        sizes = map(add, key_lengths, value_lengths)
        columns: tuple[Sequence[bytes], ...] = (keys, values)
        if any(traceparents):
            texts = [one or b"" for one in traceparents]
            sizes = map(add, sizes, map(len, texts))
            columns = (keys, values, texts)
        blob = b"".join((_BEFORE, *chain.from_iterable(zip(*columns, strict=True))))
        starts = accumulate(sizes, initial=len(_BEFORE) + 1)  # and where the last one ends
        marks = [-1 if one is None else len(one) for one in traceparents]
        rows = zip(self._places[some], starts, key_lengths, value_lengths, marks, strict=False)
        return blob, [*chain.from_iterable(rows)]


def _power_of_two(count: int) -> int:
    """The next one, so that a few statements do for all numbers of rows."""
    return 1 << (count - 1).bit_length()


@cache
def _only_behind(partitions: int) -> str:
    """For `_statement`: inserts nothing unless so many partitions end at known places."""
    row = "(?, ?, ?)"
    return (
        " AND NOT EXISTS (SELECT * FROM"  # noqa: S608
        f" (VALUES {', '.join([row] * partitions)}) AS known WHERE known.column3 IS NOT"
        " (SELECT max(place) FROM records"
        " WHERE place >= known.column1 AND place < known.column2))"
    )


@cache
def _statement(rows: int) -> str:
    """Inserts so many rows, but for those whose place is negative.

    What cannot be inserted ends the transaction (OR ROLLBACK), so that SQLite need not remember
    what the statement has changed.
    """
    row = f"({', '.join('?' * _NUMBERS)})"
    return (
        "INSERT OR ROLLBACK INTO records (place, stated, key, value, traceparent, timestamp_ms)"  # noqa: S608
        " SELECT column1, column1 & ?1, substr(?3, column2, column3),"
        " substr(?3, column2 + column3, column4),"
        " CASE WHEN column5 >= 0 THEN substr(?3, column2 + column3 + column4, column5) END, ?2"
        f" FROM (VALUES {', '.join([row] * rows)}) WHERE column1 >= 0"
    )
