"""What may be wrong with the file of a SQLite log that is one: with its tables and what is in them.

A file that is marked as a log has had its tables since the transaction that made it. So one that
lacks them is damaged, and does not mend by waiting.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ledger.adapters.sqlite_file import OFFSET_BITS, LogFile, offset_of, place_of, primary_code
from ledger.errors import LedgerError, LogMisconfigured, LogUnavailable
from ledger.sqlite_reading import SqliteReading, is_wal

FIRST: Final = "SELECT min(place) FROM records WHERE place >= ? AND place < ?"
# One of each: asked for both at once, SQLite reads the whole table.
OUTSIDE: Final = """
SELECT (SELECT min(place) FROM records WHERE place < 0),
    (SELECT min(place) FROM records WHERE place >= :end),
    (SELECT count(*) FROM records WHERE place < 0)
        + (SELECT count(*) FROM records WHERE place >= :end)
"""
# What is no number is left where it is: a text may even be no UTF-8.
DESCRIPTION: Final = (
    "SELECT CASE typeof(partitions) WHEN 'integer' THEN partitions END FROM ledger LIMIT 2"
)
# Of a table that is not there the list of columns is empty.
COLUMNS: Final = "SELECT lower(name) FROM pragma_table_xinfo(?)"
NEEDED: Final = {
    "ledger": ("partitions",),
    "records": ("place", "stated", "key", "value", "traceparent", "timestamp_ms"),
}


def violations(file: LogFile) -> list[str]:
    """List what is wrong with the file, each in a sentence. Raises LogUnavailable."""
    try:
        with contextlib.closing(file.reading()) as reading:
            file.await_made(reading)
            wrong = reading.run(
                lambda connection: (
                    file.foreign(connection)
                    or _lost(connection, file.path)
                    or [*_wrong_mode(connection, reading, file.path), *_wrong(connection, file)]
                )
            )
    except (sqlite3.Error, OSError) as error:
        raise LogUnavailable(f"{file.path} cannot be read: {error}") from error
    if not file.was_opened:
        # So nobody knows another one.
        return wrong
    try:
        file.confirm_identity()
    except LedgerError as error:
        wrong.append(f"{error}.")
    return wrong


def refuse_wrong(file: LogFile) -> None:
    """Raise LogMisconfigured with all that is wrong with the file. Raises LogUnavailable."""
    wrong = violations(file)
    if wrong:
        raise LogMisconfigured(" ".join(wrong))


def of_failed_read(file: LogFile, reading: SqliteReading, error: sqlite3.Error) -> LedgerError:
    """What it means that a log which was opened cannot be read.

    LogMisconfigured if it has lost a table or a column; a page that is damaged, a file that is
    locked and a disk that fails are LogUnavailable, behind which the error stands.
    """
    if primary_code(error) == sqlite3.SQLITE_ERROR:
        # Where that cannot be asked either, the first error counts.
        with contextlib.suppress(sqlite3.Error, LedgerError):
            lost = reading.run(lambda connection: _lost(connection, file.path))
            if lost:
                return LogMisconfigured(" ".join(lost))
    return LogUnavailable(f"{file.path} cannot be read: {error}")


def _lost(connection: sqlite3.Connection, path: Path) -> list[str]:
    """The tables and columns without which nothing can be read."""
    lost = []
    for table, needed in NEEDED.items():
        columns = {name for (name,) in connection.execute(COLUMNS, (table,))}
        missing = [one for one in needed if one not in columns]
        if not columns:
            lost.append(f"{path} is damaged: it has no table {table}.")
        elif missing:
            lost.append(f"{path} is damaged: its table {table} has no {', '.join(missing)}.")
    return lost


def _wrong_mode(connection: sqlite3.Connection, reading: SqliteReading, path: Path) -> list[str]:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode == "wal" or (reading.is_still and is_wal(path)):
        return []
    return [f"{path} has journal mode {mode}, not wal."]


def _wrong(connection: sqlite3.Connection, file: LogFile) -> list[str]:
    described = connection.execute(DESCRIPTION).fetchall()
    partitions = described[0][0] if len(described) == 1 else None
    if partitions is None or partitions < 1:
        return [
            f"{file.path}: its description of the log is damaged: the table ledger does not have "
            "one row with a number of partitions."
        ]
    if partitions != file.partitions:
        return [
            f"{file.path} has {partitions} partitions, not {file.partitions}: SKUs would be "
            "looked for where they are not."
        ]
    return [*_outside(connection, file), *_begun_late(connection, file)]


def _outside(connection: sqlite3.Connection, file: LogFile) -> Iterator[str]:
    """Records that nobody would ever read: what is read is read by partition."""
    end = {"end": place_of(file.partitions, 0)}
    below, above, count = connection.execute(OUTSIDE, end).fetchone()
    if not count:
        return
    first = above if below is None else below
    yield (
        f"{file.path}: {count} {'record lies' if count == 1 else 'records lie'} outside its "
        f"partitions 0 to {file.partitions - 1}, the first at partition {first >> OFFSET_BITS}, "
        f"offset {offset_of(first)}."
    )


def _begun_late(connection: sqlite3.Connection, file: LogFile) -> Iterator[str]:
    for partition in range(file.partitions):
        bounds = (place_of(partition, 0), place_of(partition + 1, 0))
        (first,) = connection.execute(FIRST, bounds).fetchone()
        if first is not None and first != bounds[0]:
            yield (
                f"{file.path}: partition {partition} starts at offset {offset_of(first)}, "
                "not 0: its history has been deleted."
            )
