"""Many records read with two statements, however many there are.

The driver gives the interpreter away for each row and takes it back, for which it waits up to
milliseconds while the event loop is busy: read row by row beside a projector, a record took five
times the time. So SQLite joins each column of numbers to a text, and each of bytes to a blob.
"""

import sqlite3
from collections.abc import Sequence
from itertools import accumulate, pairwise, repeat
from typing import Final

import msgspec

from ledger.adapters.sqlite_file import OFFSET_MASK, place_of
from ledger.log import Record

READ_BYTES_MAX: Final = 8 * 1024 * 1024

_WHERE = "FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"


def _length(column: str) -> str:
    """Of bytes it stands in front of them, so that they need not be read for it; a text that
    somebody with another tool has written is as long as its bytes."""
    return (
        f"CASE typeof({column}) WHEN 'blob' THEN length({column})"
        f" ELSE length(CAST({column} AS BLOB)) END"
    )


# What is no whole number states nothing. What is joined leaves nothing out but NULL.
_NUMBERS = (
    "SELECT group_concat(at), group_concat(stamp), group_concat(key), group_concat(value),"  # noqa: S608
    " group_concat(stated), group_concat(ifnull(trace, 'null'))"
    f" FROM (SELECT place & {OFFSET_MASK} AS at, CAST(timestamp_ms AS INTEGER) AS stamp,"
    " CASE typeof(stated) WHEN 'integer' THEN stated ELSE 'null' END AS stated,"
    f" {_length('key')} AS key, {_length('value')} AS value, {_length('traceparent')} AS trace"
    f" {_WHERE})"
)
_BYTES = (
    "SELECT CAST(group_concat(CAST(key AS BLOB), '') AS BLOB),"  # noqa: S608
    " CAST(group_concat(CAST(value AS BLOB), '') AS BLOB),"
    " CAST(group_concat(CAST(traceparent AS BLOB), '') AS BLOB)"
    f" FROM (SELECT key, value, traceparent {_WHERE})"
)
_decode = msgspec.json.Decoder(list[int]).decode
_decode_some = msgspec.json.Decoder(list[int | None]).decode


def read_records(
    connection: sqlite3.Connection, partition: int, offset: int, records_max: int
) -> list[Record]:
    """Records from `offset` on: at most so many, and no more than it takes for `READ_BYTES_MAX`.

    Raises sqlite3.Error.
    """
    bounds = place_of(partition, offset), place_of(partition + 1, 0)
    numbers = connection.execute(_NUMBERS, (*bounds, records_max)).fetchone()
    if numbers[0] is None:
        return []
    offsets, stamps, key_lengths, value_lengths = (_decode(f"[{one}]") for one in numbers[:4])
    stated, trace_lengths = (_decode_some(f"[{one}]") for one in numbers[4:])
    count = _fitting(value_lengths)
    # Of nothing but empty ones some versions of SQLite make NULL.
    keys, values, traces = connection.execute(_BYTES, (*bounds, count)).fetchone()
    columns = (
        offsets,
        stated,
        _apart(keys or b"", key_lengths[:count]),
        _apart(values or b"", value_lengths[:count]),
        stamps,
        repeat(None, count),
        _apart_some(traces, trace_lengths[:count]),
    )
    return [*map(Record, *columns)]


def _fitting(lengths: Sequence[int]) -> int:
    """How many of the first are read at once."""
    size = 0
    for count, length in enumerate(lengths):
        if size >= READ_BYTES_MAX:
            return count
        size += length
    return len(lengths)


def _apart(joined: bytes, lengths: Sequence[int]) -> list[bytes]:
    """What was joined. Raises sqlite3.OperationalError where it is not of these lengths."""
    ends = [*accumulate(lengths, initial=0)]
    if ends[-1] != len(joined):
        raise sqlite3.OperationalError("records were changed while they were read")
    return [joined[start:end] for start, end in pairwise(ends)]


def _apart_some(joined: bytes | None, lengths: Sequence[int | None]) -> Sequence[bytes | None]:
    """The same, where what has no length is None."""
    if joined is None and not any(lengths):
        return [None if one is None else b"" for one in lengths]
    parts = _apart(joined or b"", [one or 0 for one in lengths])
    return [None if one is None else part for one, part in zip(lengths, parts, strict=True)]
