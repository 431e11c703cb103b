"""Checkpoints behind commits: in time, never without a reader, and nobody hears where one fails."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger import sqlite_checkpoint
from ledger.sqlite_checkpoint import COMMITTED_BYTES, NONE_BY_ITSELF, BehindCommits, checkpoint

ROW_BYTES = 4_000
ROWS = 500


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with an empty table."""
    made = tmp_path / "some.db"
    with closing(connected(made)) as connection:
        connection.execute("CREATE TABLE rows (data)")
    return made


@pytest.fixture
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Who writes to it."""
    with closing(connected(path)) as connection:
        yield connection


@pytest.fixture
def never_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the last one is ago."""
    monkeypatch.setattr(sqlite_checkpoint, "COMMITTED_SECONDS", float("inf"))


def connected(path: Path) -> sqlite3.Connection:
    """One that begins no transaction and makes no checkpoint by itself."""
    made = sqlite3.connect(path, isolation_level=None)
    made.execute("PRAGMA journal_mode = WAL")
    made.execute(NONE_BY_ITSELF)
    return made


def commit(connection: sqlite3.Connection, rows: int = ROWS) -> int:
    """Many rows; how many bytes they have."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO rows VALUES (zeroblob(?))", [(ROW_BYTES,)] * rows)
    connection.execute("COMMIT")
    return ROW_BYTES * rows


def behind_of(path: Path) -> BehindCommits:
    """Checkpoints of the file."""
    return BehindCommits(lambda: connected(path))


def ahead_bytes(path: Path) -> int:
    """How large the write-ahead log is, or has been."""
    return Path(f"{path}-wal").stat().st_size


def count_alone(path: Path, folder: Path) -> int:
    """How many rows the file holds without its write-ahead log."""
    alone = folder / "alone.db"
    alone.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(alone)) as connection:
        return int(connection.execute("SELECT count(*) FROM rows").fetchone()[0])


@pytest.mark.usefixtures("never_due")
def test_the_write_ahead_log_begins_again(path: Path, writing: sqlite3.Connection) -> None:
    """It does not grow with what is written."""
    with closing(behind_of(path)) as behind:
        for _ in range(30):
            behind.committed(writing, commit(writing))
        assert ahead_bytes(path) < 3 * COMMITTED_BYTES
        assert not writing.in_transaction


@pytest.mark.usefixtures("never_due")
def test_it_begins_again_beside_another_who_writes_all_the_time(path: Path) -> None:
    """Some of what the other writes during a checkpoint would always be ahead."""
    stopping = threading.Event()

    def write_on() -> None:
        with closing(connected(path)) as other:
            while not stopping.wait(0.002):
                commit(other, 20)

    other = threading.Thread(target=write_on)
    other.start()
    try:
        with closing(connected(path)) as writing, closing(behind_of(path)) as behind:
            for _ in range(100):
                behind.committed(writing, commit(writing))
            assert ahead_bytes(path) < 100 * ROWS * ROW_BYTES / 2
    finally:
        stopping.set()
        other.join()


@pytest.mark.usefixtures("never_due")
def test_little_is_left_where_it_is(path: Path, tmp_path: Path) -> None:
    """A checkpoint costs two waits for the disk."""
    with closing(connected(path)) as writing, closing(BehindCommits(no_more)) as behind:
        commit(writing)
        behind.committed(writing, COMMITTED_BYTES - 1)
        with pytest.raises(AssertionError, match="one more"):
            behind.committed(writing, 1)
    assert count_alone(path, tmp_path) == ROWS  # the last one to close moves all


def no_more() -> sqlite3.Connection:
    """In place of a connection that nobody should need."""
    raise AssertionError("one more")


def test_after_a_while_little_is_moved_too(
    path: Path, tmp_path: Path, writing: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small commits are as good as a large one."""
    monkeypatch.setattr(sqlite_checkpoint, "COMMITTED_SECONDS", 0.0)
    with closing(behind_of(path)) as behind:
        commit(writing)
        behind.committed(writing, 1)
        assert count_alone(path, tmp_path) == ROWS


@pytest.mark.usefixtures("never_due")
def test_one_that_fails_is_made_again(
    path: Path, tmp_path: Path, writing: sqlite3.Connection
) -> None:
    """What was committed is committed, so whoever did it hears nothing."""
    fails = [FileNotFoundError("the folder is gone"), sqlite3.OperationalError("no file")]

    def connect() -> sqlite3.Connection:
        if fails:
            raise fails.pop()
        return connected(path)

    with closing(BehindCommits(connect)) as behind:
        commit(writing)
        behind.committed(writing, COMMITTED_BYTES)
        behind.committed(writing, COMMITTED_BYTES)
        assert count_alone(path, tmp_path) == 0
        behind.committed(writing, COMMITTED_BYTES)
        assert count_alone(path, tmp_path) == ROWS


def test_who_writes_is_not_waited_for(path: Path, writing: sqlite3.Connection) -> None:
    """What was committed before is moved meanwhile."""
    commit(writing)
    with closing(connected(path)) as reading, closing(connected(path)) as other:
        reading.execute("PRAGMA busy_timeout = 0")
        writing.execute("BEGIN IMMEDIATE")
        for alone in (False, True):
            assert checkpoint(other, reading, alone=alone) > 0
            assert not reading.in_transaction
        writing.execute("ROLLBACK")


def test_nobody_writes_during_one_that_is_alone(path: Path, writing: sqlite3.Connection) -> None:
    """And afterwards everybody may again."""
    commit(writing)
    writing.execute("PRAGMA busy_timeout = 0")
    tried: list[str] = []

    def try_to_write(_statement: str) -> None:
        try:
            writing.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            tried.append(str(error))

    with closing(connected(path)) as reading, closing(connected(path)) as other:
        other.set_trace_callback(try_to_write)
        assert checkpoint(other, reading, alone=True) > 0
        assert tried == ["database is locked"]
        commit(writing)
