"""Checkpoints beside the writer: what is in the write-ahead log gets into the file meanwhile."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters import sqlite_checkpoints
from ledger.adapters.sqlite_checkpoints import FINISH_BYTES
from ledger.adapters.sqlite_file import LogFile
from ledger.errors import LogUnavailable
from ledger.log import FillableLog
from ledger.sqlite_checkpoint import checkpoint
from tests.contract.log_cases import SqlitePlace, records
from tests.waiting import eventually

KEYS = [f"key-{number}" for number in range(500)]
VALUE = b"v" * 1_000
BATCH_BYTES = len(KEYS) * len(VALUE)
SOON = 2_000_000


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is made behind a few batches."""
    monkeypatch.setattr(sqlite_checkpoints, "CHECKPOINT_BYTES", SOON)


async def fill(log: FillableLog, first: int, batches: int) -> None:
    """One batch after the other."""
    for number in range(first, first + batches):
        offset = number * len(KEYS)
        assert await log.append(0, offset, records(*KEYS, value=VALUE)) == offset


def threads() -> set[str]:
    """The names of all that run."""
    return {thread.name for thread in threading.enumerate()}


def holds(path: Path, size: int) -> Callable[[], bool]:
    """Whether a file has come to be so large."""
    return lambda: path.stat().st_size >= size


def ahead_bytes(place: SqlitePlace) -> int:
    """How large the write-ahead log is, or has been."""
    ahead = Path(f"{place.path}-wal")
    return ahead.stat().st_size if ahead.exists() else 0


def count_alone(path: Path, folder: Path) -> int:
    """How many records the file holds without its write-ahead log."""
    folder.mkdir()
    alone = shutil.copyfile(path, folder / path.name)
    with closing(sqlite3.connect(alone)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM records").fetchone()
    return int(count)


async def test_the_file_gets_what_was_written(sqlite_place: SqlitePlace, tmp_path: Path) -> None:
    """Without a commit that waits for it, and more than once."""
    log = await sqlite_place.open_log()
    assert "log-checkpoint" not in threads()
    assert 24 * BATCH_BYTES < FINISH_BYTES
    for first in (0, 12):
        await fill(log, first, 12)
        await eventually(holds(sqlite_place.path, (first + 12) * BATCH_BYTES - 2 * SOON))
    await log.close()
    assert "log-checkpoint" not in threads()
    assert count_alone(sqlite_place.path, tmp_path / "alone") == 24 * len(KEYS)


@pytest.mark.parametrize("readers", [0, 2])
async def test_the_write_ahead_log_begins_again(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch, readers: int
) -> None:
    """However long one writes without a pause it stays small, though there is always somebody who
    has begun to read before the last commit."""
    monkeypatch.setattr(sqlite_checkpoints, "FINISH_BYTES", 2 * SOON)
    log = await sqlite_place.open_log()
    await fill(log, 0, 1)

    async def read() -> None:
        while True:
            await log.read(0, 0, records_max=400)

    tasks = [asyncio.create_task(read()) for _ in range(readers)]
    await fill(log, 1, 80)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert ahead_bytes(sqlite_place) < 80 * BATCH_BYTES // 2
    await log.close()


async def test_a_closed_log_is_one_file(sqlite_place: SqlitePlace, tmp_path: Path) -> None:
    """Also if it was read: who closes last moves what is ahead, and only the writer can."""
    log = await sqlite_place.open_log()
    await fill(log, 0, 1)
    waiting = asyncio.create_task(log.read(1, 0, wait_seconds=30))
    assert len((await log.read(0, 0)).records) == len(KEYS)
    await log.close()
    with pytest.raises(LogUnavailable):
        await waiting
    assert not ahead_bytes(sqlite_place)
    assert count_alone(sqlite_place.path, tmp_path / "alone") == len(KEYS)


async def test_a_log_found_with_much_ahead_is_moved_at_once(sqlite_place: SqlitePlace) -> None:
    """Servers that are killed again and again would else leave more each time."""
    log = await sqlite_place.open_log()
    with closing(sqlite3.connect(sqlite_place.path, isolation_level=None)) as other:
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("CREATE TABLE filler (a)")
        other.execute("INSERT INTO filler VALUES (zeroblob(?))", (FINISH_BYTES,))
        assert ahead_bytes(sqlite_place) > FINISH_BYTES
        await log.close()
        log = await sqlite_place.open_log()
        await log.append(0, 0, records("a"))
        await eventually(holds(sqlite_place.path, FINISH_BYTES))
        await log.close()


async def test_where_none_can_be_made_writing_goes_on(sqlite_place: SqlitePlace) -> None:
    """What somebody has begun to read must not be overwritten in the file; it is moved later."""
    log = await sqlite_place.open_log()
    await log.append(1, 0, records("first"))
    with closing(sqlite3.connect(sqlite_place.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        await fill(log, 0, 12)
        assert reader.execute("SELECT count(*) FROM records").fetchone() == (1,)
        assert sqlite_place.path.stat().st_size < SOON
    await fill(log, 12, 12)
    await eventually(holds(sqlite_place.path, 18 * BATCH_BYTES))
    await log.close()


async def test_one_that_fails_is_not_the_last(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be no room for one more open file, for a while."""
    log = await sqlite_place.open_log()
    connect, failures = LogFile.connect, [1, 2, 3]

    def failing(self: LogFile, *, make: bool = False) -> sqlite3.Connection:
        if failures:
            failures.pop()
            raise sqlite3.OperationalError("unable to open database file")
        return connect(self, make=make)

    monkeypatch.setattr(LogFile, "connect", failing)
    first = 0
    while failures:
        known = len(failures)
        await fill(log, first, 5)
        first += 5
        await eventually(lambda known=known: len(failures) < known)  # type: ignore[misc]
    await fill(log, first, 10)
    await eventually(holds(sqlite_place.path, 10 * BATCH_BYTES))
    await log.close()


async def test_somebody_reads_while_one_is_made(sqlite_place: SqlitePlace) -> None:
    """Or the write-ahead log could begin again meanwhile, which SQLite has not always borne."""
    log = await sqlite_place.open_log()
    await log.append(0, 0, records("a"))
    reads: list[bool] = []
    path = sqlite_place.path
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        closing(sqlite3.connect(path, isolation_level=None)) as reading,
    ):
        connection.set_trace_callback(lambda _: reads.append(reading.in_transaction))
        assert checkpoint(connection, reading) > 0
        assert reads == [True]
        assert not reading.in_transaction
        reading.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            checkpoint(connection, reading)
    await log.close()
