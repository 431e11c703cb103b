"""Rows go into the table as they were given, however many, and malformed ones not at all."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.sqlite_file import SCHEMA, place_of
from ledger.adapters.sqlite_rows import ROWS_MAX, Last, Rows, check_records
from ledger.log import BATCH_BYTES_MAX, NewRecordTuple

ALL = "SELECT place, stated, key, value, traceparent, timestamp_ms FROM records ORDER BY place"
TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A connection to an empty table of records."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(SCHEMA)
    yield made
    made.close()


def given(count: int) -> list[NewRecordTuple]:
    """Records of all lengths, also none, with and without a traceparent, also an empty one."""
    traceparents = (None, TRACEPARENT, b"")
    return [
        (b"key-%d" % number * (number % 3), b"\0v" * (number % 5), traceparents[number % 3])
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65, ROWS_MAX, ROWS_MAX + 1])
def test_rows_are_stored_as_they_were_given(connection: sqlite3.Connection, count: int) -> None:
    """In each partition, whatever the number of statements that it takes."""
    rows = Rows(connection, 1234, void=False)
    records = given(count)
    rows.add(place_of(0, 7), records)
    rows.add(place_of(11, 0), records)
    rows.flush()
    assert connection.execute(ALL).fetchall() == [
        (place_of(partition, first + index), first + index, *record, 1234)
        for partition, first in ((0, 7), (11, 0))
        for index, record in enumerate(records)
    ]


def test_large_rows_do_not_wait_for_each_other(connection: sqlite3.Connection) -> None:
    """Their bytes would have to fit into memory several times."""
    rows = Rows(connection, 1, void=False)
    large = [(b"k", b"x" * (BATCH_BYTES_MAX // 2), None)]
    for offset in range(4):
        rows.add(place_of(0, offset), large)
        if rows.full:
            rows.flush()
    assert connection.execute("SELECT count(*) FROM records").fetchone() == (3,)
    rows.flush()
    assert connection.execute("SELECT sum(value = ?) FROM records", large[0][1:2]).fetchone() == (
        4,
    )


def test_records_without_any_byte_are_not_null(connection: sqlite3.Connection) -> None:
    """Void ones have neither key nor value, and state nothing."""
    rows = Rows(connection, 5, void=True)
    rows.add(place_of(2, 0), [(b"", b"", None)] * 3)
    rows.flush()
    assert connection.execute(ALL).fetchall() == [
        (place_of(2, index), None, b"", b"", None, 5) for index in range(3)
    ]


def test_many_rows_are_more_than_a_statement_takes(connection: sqlite3.Connection) -> None:
    """However few bytes they have."""
    rows = Rows(connection, 1, void=False)
    rows.add(place_of(0, 0), given(ROWS_MAX))
    assert not rows.full
    rows.add(place_of(0, ROWS_MAX), given(1))
    assert rows.full


@pytest.mark.parametrize("count", [1, 3, ROWS_MAX])
def test_rows_are_inserted_at_once_only_where_partitions_end(tmp_path: Path, count: int) -> None:
    """Whatever others have committed meanwhile: what matters is where the partitions end."""
    path = tmp_path / "log.db"
    with closing(connected(path)) as connection, closing(connected(path)) as other:
        connection.executescript(SCHEMA)
        assert behind(connection, {0: 0}, count)
        assert behind(other, {1: 0, 2: 0, 7: 0}, 1)
        assert behind(connection, {0: count}, count)
        other.execute("DELETE FROM records WHERE place = ?", (place_of(0, 2 * count - 1),))
        stored = 2 * count - 1 + 3
        for wrong in ({0: 2 * count}, {0: 2 * count - 2}, {1: 0}, {5: 1}, {3: 0, 2: 0}):
            assert not behind(connection, wrong, 1)
            assert not connection.in_transaction
        assert behind(connection, {0: 2 * count - 1}, count)
        found = connection.execute("SELECT count(*) FROM records").fetchone()
        assert found == (stored + count,)


def behind(connection: sqlite3.Connection, ends: dict[int, int], count: int) -> bool:
    """Insert so many rows into each partition, if they end there."""
    rows = Rows(connection, 1, void=False)
    lasts: list[Last] = []
    for partition, end in ends.items():
        rows.add(place_of(partition, end), given(count))
        last = place_of(partition, end - 1) if end else None
        lasts.append((place_of(partition, 0), place_of(partition + 1, 0), last))
    return rows.insert_behind(lasts)


def connected(path: Path) -> sqlite3.Connection:
    """One that begins no transaction by itself, as the log's."""
    made = sqlite3.connect(path, isolation_level=None)
    made.execute("PRAGMA journal_mode = WAL")
    return made


def test_no_rows_are_no_statement(connection: sqlite3.Connection) -> None:
    """Nothing is inserted for nothing."""
    Rows(connection, 1, void=False).flush()
    assert connection.execute("SELECT count(*) FROM records").fetchone() == (0,)


def test_a_place_that_is_taken_ends_the_transaction(connection: sqlite3.Connection) -> None:
    """Nothing of what was inserted before it in the transaction remains."""
    taken, fresh = (Rows(connection, 1, void=False) for _ in range(2))
    taken.add(place_of(0, 5), given(1))
    taken.flush()
    fresh.add(place_of(0, 0), given(6))
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.IntegrityError):
        fresh.flush()
    assert not connection.in_transaction
    assert connection.execute("SELECT count(*) FROM records").fetchone() == (1,)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [(b"k", b"v")],
        [(b"k", b"v", None), (b"k", b"v")],
        [(b"k", b"v", None, None)],
        [(None, b"v", None)],
        [(b"k", "v", None)],
        [(b"k", bytearray(b"v"), None)],
        [(b"k", b"v", 7)],
        [None],
        [(b"k", b"x" * BATCH_BYTES_MAX, None)],
    ],
)
def test_what_is_no_batch_is_refused(records: Any) -> None:
    """Before it comes to a database."""
    with pytest.raises(ValueError, match=r"batch|records"):
        check_records(records)


def test_the_largest_batch_is_one() -> None:
    """Up to the last byte."""
    check_records([(b"k", b"x" * (BATCH_BYTES_MAX - 1), None)])
