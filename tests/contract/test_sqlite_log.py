"""What only SQLite does: transactions that fail, other processes, files that are something else."""

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.sqlite import SqliteLog
from ledger.adapters.sqlite_writer import Writer
from ledger.errors import LogMisconfigured, LogRegressed, LogUnavailable, OutcomeUnknown
from ledger.log import NewRecord
from tests.contract.log_cases import SqlitePlace, counting, read_all, records
from tests.waiting import eventually

OTHER_PROCESS = """
import asyncio, sys
from ledger.adapters.sqlite import SqliteLog
from ledger.log import NewRecord

async def main():
    log = SqliteLog(sys.argv[1])
    await log.open()
    for number in range(int(sys.argv[2])):
        batch = [NewRecord(b"other.%d.%d" % (number, part), b"{}") for part in range(3)]
        offset = await log.end(0)
        while (base := await log.append(0, offset, batch)) != offset:
            offset = base
    await log.close()

asyncio.run(main())
"""


class FailingConnection:
    """A connection whose commit fails, after it has worked or before."""

    def __init__(
        self, real: sqlite3.Connection, committing: str, *, committed: bool, code: int
    ) -> None:
        """Stand in for a connection; `committing` is how the statement begins that commits."""
        self._real = real
        self._committing = committing
        self._committed = committed
        self._code = code

    def __getattr__(self, name: str) -> Any:
        """Be like the real one in all else."""
        return getattr(self._real, name)

    def execute(self, statement: str, values: Any = ()) -> Any:
        """Fail at the commit."""
        if not statement.startswith(self._committing):
            return self._real.execute(statement, values)
        if self._committed:
            self._real.execute(statement, values)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = self._code
        raise error


def write_elsewhere(path: Path, statement: str) -> None:
    """Another program commits something."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(statement)


async def opened(place: SqlitePlace) -> SqliteLog:
    """Open a log on the place."""
    log = place.log()
    await log.open()
    return log


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("committing", ["INSERT", "COMMIT"])
async def test_a_commit_that_fails_leaves_the_outcome_unknown(
    sqlite_place: SqlitePlace, committing: str, committed: bool
) -> None:
    """A failed fsync may have stored the transaction; only reading tells."""
    log, other = await opened(sqlite_place), await opened(sqlite_place)
    # One statement does not do where a partition ends otherwise than this log knows.
    await (log if committing == "INSERT" else other).append(0, 0, records("a"))
    await other.close()
    assert isinstance(log._writer, Writer)
    real = log._writer.storing.connection
    log._writer.storing.connection = FailingConnection(  # type: ignore[assignment]
        real, committing, committed=committed, code=sqlite3.SQLITE_IOERR_FSYNC
    )
    with pytest.raises(OutcomeUnknown):
        await log.append(0, 1, records("b"))
    log._writer.storing.connection = real
    end = await log.end(0)
    assert end == (2 if committed else 1)
    assert await log.append(0, end, records("c")) == end
    assert counting(await read_all(log, 0)) == (["a", "b", "c"] if committed else ["a", "c"])


async def test_a_full_disk_stores_nothing_and_says_so(sqlite_place: SqlitePlace) -> None:
    """Whatever waited in the same group is told the same; later it works again."""
    log = await opened(sqlite_place)
    await log.append(0, 0, records("a"))
    assert isinstance(log._writer, Writer)
    (pages,) = log._writer.storing.connection.execute("PRAGMA page_count").fetchone()
    log._writer.storing.connection.execute(f"PRAGMA max_page_count = {pages + 10}")
    large = [NewRecord(b"k", b"x" * 1_000)] * 500
    with pytest.raises(LogUnavailable, match="full"):
        await log.append(0, 1, large)
    assert await log.end(0) == 1
    log._writer.storing.connection.execute("PRAGMA max_page_count = 1000000")
    assert await log.append(0, 1, large) == 1


async def test_records_that_were_taken_away_are_missed(sqlite_place: SqlitePlace) -> None:
    """Restored in place, the file is the same, but its history has lost its end."""
    log = await opened(sqlite_place)
    for offset in range(3):
        assert await log.append(0, offset, records("a")) == offset
    write_elsewhere(sqlite_place.path, "DELETE FROM records WHERE place = 2")
    with pytest.raises(LogRegressed, match="ends at 2, before offset 3"):
        await log.append(0, 3, records("b"))
    assert await log.end(0) == 2


async def test_what_another_writer_stored_is_seen(sqlite_place: SqlitePlace) -> None:
    """Also by one that has known for long where the partition ends."""
    one, other = await opened(sqlite_place), await opened(sqlite_place)
    assert await one.append(0, 0, records("a")) == 0
    assert await one.append(0, 1, records("b")) == 1
    assert await other.append(0, 2, records("c", "d")) == 2
    assert await one.append(0, 2, records("stale")) == 4
    assert await one.append(0, 4, records("e")) == 4
    assert await other.append(0, 5, records("f")) == 5
    assert counting(await read_all(one, 0)) == ["a", "b", "c", "d", "e", "f"]
    await other.close()


async def test_writers_of_different_partitions_cost_each_other_nothing(
    sqlite_place: SqlitePlace,
) -> None:
    """Each stores with one statement, whoever has written to the file since."""
    logs = [sqlite_place.log() for _ in range(2)]
    statements: list[str] = []
    for partition, log in enumerate(logs):
        await log.open()
        assert isinstance(log._writer, Writer)
        await log.append(partition, 0, records("a", "b"))
        log._writer.storing.connection.set_trace_callback(statements.append)
    for turn in range(1, 4):
        for partition, log in enumerate(logs):
            assert await log.append(partition, 2 * turn, records("a", "b")) == 2 * turn
    assert len(statements) == 6
    for log in logs:
        await log.close()


async def test_appends_of_one_group_do_not_spoil_each_other(sqlite_place: SqlitePlace) -> None:
    """Stale, ahead, malformed and good ones share a transaction, and only the good are stored."""
    log = await opened(sqlite_place)
    await log.append(1, 0, records("a"))
    broken: Any = [NewRecord(b"k", b"v"), NewRecord(None, b"v")]  # type: ignore[arg-type]
    odd: Any = [NewRecord(b"k", b"v"), NewRecord(b"k", b"v", object())]  # type: ignore[arg-type]
    outcomes = await asyncio.gather(
        log.append(0, 0, records("good")),
        log.append(1, 0, records("stale")),
        log.append(2, 7, records("ahead")),
        log.append(3, 0, broken),
        log.append(4, 0, odd),
        log.append(0, 1, records("next")),
        log.append(0, 1, records("late")),
        log.append(5, 0, records("last")),
        return_exceptions=True,
    )
    shown = [one if isinstance(one, int) else type(one).__name__ for one in outcomes]
    assert shown == [0, 1, "LogRegressed", "ValueError", "ValueError", 1, 2, 0]
    assert counting(await read_all(log, 0)) == ["good", "next"]
    assert [await log.end(partition) for partition in range(6)] == [2, 1, 0, 0, 0, 1]


async def test_two_processes_share_one_file(sqlite_place: SqlitePlace) -> None:
    """Neither loses nor doubles anything, and each reads what the other writes."""
    log = await opened(sqlite_place)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_PROCESS, str(sqlite_place.path), "60"
    )
    first = await log.read(0, 0, wait_seconds=30)
    assert first.records
    for number in range(60):
        batch = records(*(f"own.{number}.{part}" for part in range(3)))
        offset = await log.end(0)
        while (base := await log.append(0, offset, batch)) != offset:
            offset = base
    assert await other.wait() == 0
    keys = counting(await read_all(log, 0))
    for name in ("own", "other"):
        own = [key for key in keys if key.startswith(name)]
        assert own == [f"{name}.{number}.{part}" for number in range(60) for part in range(3)]
    assert len(keys) == 360


async def test_a_process_that_was_killed_leaves_whole_batches(sqlite_place: SqlitePlace) -> None:
    """What it had acknowledged is there, and nobody waits for its lock."""
    log = await opened(sqlite_place)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_PROCESS, str(sqlite_place.path), "1000000"
    )
    seen = 0
    while seen < 30:
        seen += len((await log.read(0, seen, wait_seconds=30)).records)
    other.kill()
    await other.wait()
    end = await log.end(0)
    assert end >= seen
    assert end % 3 == 0
    assert await log.append(0, end, records("mine")) == end


async def test_another_process_that_holds_the_file_is_told(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time that a lock is waited for, nothing is stored."""
    monkeypatch.setattr("ledger.adapters.sqlite_file.BUSY_SECONDS", 0.2)
    log = await opened(sqlite_place)
    holder = sqlite3.connect(sqlite_place.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match="locked"):
        await log.append(0, 0, records("a"))
    holder.execute("ROLLBACK")
    holder.close()
    assert await log.append(0, 0, records("b")) == 0


@pytest.mark.parametrize("poll_seconds", [0.05, 60.0])
async def test_a_new_record_wakes_who_waits_for_it(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch, poll_seconds: float
) -> None:
    """Within an object without any polling, between objects and processes by polling."""
    monkeypatch.setattr("ledger.adapters.sqlite.POLL_SECONDS", poll_seconds)
    log, other = await opened(sqlite_place), await opened(sqlite_place)
    for offset, writer in enumerate([log, other if poll_seconds < 1 else log, log]):
        waiting = asyncio.create_task(log.read(0, offset, wait_seconds=30))
        await eventually(lambda: log._waiting)
        started = time.monotonic()
        await writer.append(0, offset, records("a"))
        assert (await waiting).next_offset == offset + 1
        # Far less than it would wait, and, where it may not poll, than it would poll.
        assert time.monotonic() - started < 15


@pytest.mark.parametrize("content", [b"no database at all, but longer than a header" * 9, None])
async def test_a_file_of_something_else_is_refused_and_left_alone(
    tmp_path: Path, content: bytes | None
) -> None:
    """Neither a text nor another program's database is written to."""
    path = tmp_path / "other.db"
    if content is None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE theirs (a)")
        other.commit()
        other.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(LogMisconfigured, match=r"other\.db is"):
        await SqliteLog(path).open()
    assert path.read_bytes() == before


async def test_a_newer_format_is_refused(sqlite_place: SqlitePlace) -> None:
    """An older program must not write into it."""
    log = await opened(sqlite_place)
    await log.close()
    newer = sqlite3.connect(sqlite_place.path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(LogMisconfigured, match="format 99"):
        await sqlite_place.log().open()


async def test_a_path_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    """With the path."""
    with pytest.raises(LogUnavailable, match=r"ledger\.db cannot be opened"):
        await SqliteLog(tmp_path / "missing" / "ledger.db").open()


async def test_people_can_ask_by_partition_and_offset(sqlite_place: SqlitePlace) -> None:
    """The key is one number; two virtual columns make it readable."""
    log = await opened(sqlite_place)
    await log.append(3, 0, records("a", "b"))
    reader = sqlite3.connect(sqlite_place.path)
    found = reader.execute('SELECT "partition", "offset", stated FROM records').fetchall()
    reader.close()
    assert found == [(3, 0, 0), (3, 1, 1)]
