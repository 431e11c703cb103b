"""Records of a SQLite log read many at a time, whatever is in the columns."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters import sqlite_records
from ledger.adapters.sqlite_file import SCHEMA, place_of
from ledger.adapters.sqlite_records import read_records
from ledger.log import Record

PARTITION = 3
Row = tuple[int, object, object, object, object, object]
BYTES = st.binary(max_size=12) | st.sampled_from([b"", b"\0", b"a\0b", b"\xff\xfe", b",", b"null"])


@pytest.fixture
def log(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A file with the log's table."""
    with contextlib.closing(made(str(tmp_path / "log.db"))) as connection:
        yield connection


def made(path: str) -> sqlite3.Connection:
    """An empty log, in no transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(SCHEMA)
    return connection


def fill(connection: sqlite3.Connection, *rows: Row) -> None:
    """Offset, stated, key, value, traceparent, time; in this partition."""
    connection.executemany(
        "INSERT INTO records (place, stated, key, value, traceparent, timestamp_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(place_of(PARTITION, offset), *others) for offset, *others in rows],
    )


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1), BYTES, BYTES, st.none() | BYTES,
            st.integers(-(2**63), 2**63 - 1),
        ),
        max_size=8,
    ),
    st.integers(0, 2**40 - 10),
    st.integers(1, 10),
)  # fmt: skip
def test_what_was_written_is_read(
    rows: list[tuple[int | None, bytes, bytes, bytes | None, int]], first: int, records_max: int
) -> None:
    """Every byte and number, in order, up to as many as were asked for; nothing beside them."""
    with contextlib.closing(made(":memory:")) as connection:
        fill(connection, *((first + at, *row) for at, row in enumerate(rows)))
        for other in (PARTITION - 1, PARTITION + 1):
            connection.execute(
                "INSERT INTO records VALUES (?, 0, x'aa', x'bb', NULL, 1)",
                (place_of(other, first),),
            )
        expected = [
            Record(first + at, stated, key, value, stamp, None, trace)
            for at, (stated, key, value, trace, stamp) in enumerate(rows[:records_max])
        ]
        assert read_records(connection, PARTITION, first, records_max) == expected
        assert read_records(connection, PARTITION, first + len(rows), records_max) == []


def test_what_another_tool_has_written(log: sqlite3.Connection) -> None:
    """Texts are their bytes; what is no whole number states nothing, and is no time."""
    fill(
        log,
        (0, "1_7", "ключ", "text", "trace", "never"),
        (1, 1.5, 7, 2.5, 3, 4.75),
        (2, b"2", b"k", b"v", None, b"5"),
    )
    assert read_records(log, PARTITION, 0, 10) == [
        Record(0, None, "ключ".encode(), b"text", 0, None, b"trace"),
        Record(1, None, b"7", b"2.5", 4, None, b"3"),
        Record(2, None, b"k", b"v", 5, None, None),
    ]


def test_a_reading_has_a_bound_of_bytes(
    log: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends behind the record that reaches it, and one that is larger is read alone."""
    fill(log, *((at, at, b"k", b"v" * size, None, 1) for at, size in enumerate((6, 4, 1, 30, 1))))
    monkeypatch.setattr(sqlite_records, "READ_BYTES_MAX", 10)
    lengths, offset = [], 0
    while some := read_records(log, PARTITION, offset, 10):
        lengths.append([len(one.value) for one in some])
        offset = some[-1].offset + 1
    assert lengths == [[6, 4], [1, 30], [1]]


@pytest.mark.parametrize(
    "change", ["UPDATE records SET value = x'aa' WHERE stated = 0", "DELETE FROM records"]
)
def test_records_that_change_meanwhile_are_not_mixed(log: sqlite3.Connection, change: str) -> None:
    """Where numbers and bytes are of two states of the file, neither is believed."""
    fill(log, (0, 0, b"key", b"value", None, 1), (1, 1, b"key", b"value", None, 1))

    class Between(sqlite3.Connection):
        def execute(self, sql: str, /, *arguments: object) -> sqlite3.Cursor:
            if "AS BLOB), CAST(group_concat" in sql:
                super().execute(change)
            return super().execute(sql, *arguments)  # type: ignore[arg-type]

    path = log.execute("PRAGMA database_list").fetchone()[2]
    with (
        contextlib.closing(sqlite3.connect(path, factory=Between, isolation_level=None)) as other,
        pytest.raises(sqlite3.OperationalError, match="were changed while they were read"),
    ):
        read_records(other, PARTITION, 0, 10)
