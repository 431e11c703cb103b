"""Checkpoints beside the writer: what is in the write-ahead log gets into the file meanwhile."""

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from ledger.adapters.sqlite_checkpoints import CHECKPOINT_BYTES
from ledger.adapters.sqlite_file import CHECKPOINT_PAGES, PAGE_BYTES
from ledger.log import FillableLog
from tests.contract.log_cases import SqlitePlace, records
from tests.waiting import eventually

KEYS = [f"key-{number}" for number in range(500)]
VALUE = b"v" * 1_000
BATCHES = 2 * CHECKPOINT_BYTES // (len(KEYS) * len(VALUE))
# A commit would not move anything yet.
assert 2 * BATCHES * len(KEYS) * len(VALUE) < CHECKPOINT_PAGES * PAGE_BYTES


async def fill(log: FillableLog, first: int = 0) -> None:
    """Enough for a checkpoint, or two."""
    for number in range(first, first + BATCHES):
        offset = number * len(KEYS)
        assert await log.append(0, offset, records(*KEYS, value=VALUE)) == offset


def threads() -> set[str]:
    """The names of all that run."""
    return {thread.name for thread in threading.enumerate()}


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
    path = sqlite_place.path
    size = path.stat().st_size
    for first in (0, BATCHES):
        await fill(log, first)
        size += CHECKPOINT_BYTES
        await eventually(lambda enough=size: path.stat().st_size >= enough)  # type: ignore[misc]
    await log.close()
    assert "log-checkpoint" not in threads()
    assert count_alone(path, tmp_path / "alone") == 2 * BATCHES * len(KEYS)


async def test_where_none_can_be_made_writing_goes_on(sqlite_place: SqlitePlace) -> None:
    """Somebody else may be making one, for as long as they like."""
    log = await sqlite_place.open_log()
    await log.append(0, 0, records("first"))
    with closing(sqlite3.connect(sqlite_place.path, isolation_level=None)) as reader:
        # What this reader sees must not be overwritten in the file.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        for number in range(2 * BATCHES):
            offset = 1 + number * len(KEYS)
            assert await log.append(0, offset, records(*KEYS, value=VALUE)) == offset
        assert reader.execute("SELECT count(*) FROM records").fetchone() == (1,)
    assert await log.end(0) == 1 + 2 * BATCHES * len(KEYS)
    await log.close()
