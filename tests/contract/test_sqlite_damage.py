"""A SQLite log that loses what it consists of while it is open, and one that is only away."""

import asyncio
import sqlite3
import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from ledger.adapters import sqlite_file
from ledger.adapters.sqlite import SqliteLog
from ledger.errors import LogMisconfigured, LogUnavailable
from tests.contract.log_cases import SqlitePlace, counting, read_all, records


def by_hand(place: SqlitePlace, script: str) -> None:
    """Another program alters the file."""
    with closing(sqlite3.connect(place.path, isolation_level=None)) as other:
        other.executescript(script)


async def filled(place: SqlitePlace, *, read_only: bool) -> SqliteLog:
    """A log of two records, open."""
    writer = await place.open_log()
    await writer.append(0, 0, records("a", "b"))
    log = place.log(read_only=read_only)
    await log.open()
    assert counting(await read_all(log, 0)) == ["a", "b"]
    return log


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_table_that_goes_while_it_is_read(
    sqlite_place: SqlitePlace, *, read_only: bool
) -> None:
    """It does not come back by waiting: neither what is read nor what waits is told to."""
    log = await filled(sqlite_place, read_only=read_only)
    waiting = asyncio.create_task(log.read(0, 2, wait_seconds=60))
    await asyncio.sleep(0)
    by_hand(sqlite_place, "DROP TABLE records")
    for asked in (waiting, log.read(0, 0), log.end(0)):
        with pytest.raises(LogMisconfigured, match=r"log\.db is damaged: it has no table records"):
            await asked
    assert await log.check() == [f"{sqlite_place.path} is damaged: it has no table records."]


async def test_a_column_that_goes_while_it_is_read(sqlite_place: SqlitePlace) -> None:
    """As a table; where a partition ends can still be told."""
    log = await filled(sqlite_place, read_only=True)
    by_hand(sqlite_place, "ALTER TABLE records DROP COLUMN traceparent")
    with pytest.raises(LogMisconfigured, match="its table records has no traceparent"):
        await log.read(0, 0)
    assert await log.end(0) == 2


async def test_a_statement_that_is_wrong_is_no_damage(sqlite_place: SqlitePlace) -> None:
    """All that is needed is there."""
    log = await filled(sqlite_place, read_only=True)
    with pytest.raises(LogUnavailable, match="no such column: elsewhere"):
        await log._on_reader(lambda one: one.execute("SELECT elsewhere FROM records"))


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN]
)
async def test_what_may_pass_is_unavailable(sqlite_place: SqlitePlace, code: int) -> None:
    """A file that is locked, and a disk or a folder that fails, may be well again."""
    log = await filled(sqlite_place, read_only=True)

    def fail(_connection: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("it failed")
        error.sqlite_errorcode = code
        raise error

    with pytest.raises(LogUnavailable, match="cannot be read: it failed"):
        await log._on_reader(fail)


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_log_that_lost_all_tables_is_not_made_anew(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch, *, read_only: bool
) -> None:
    """Its mark says that there were some; nobody waits for whoever may be making it."""
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: pytest.fail("it waited"))
    monkeypatch.setattr(sqlite_file, "time", clock)
    await (await filled(sqlite_place, read_only=True)).close()
    await sqlite_place.close()
    by_hand(sqlite_place, "DROP TABLE records; DROP TABLE ledger")
    log = sqlite_place.log(read_only=read_only)
    for _ in range(2):
        with pytest.raises(LogMisconfigured, match=r"no table ledger.* no table records"):
            await log.open()


@pytest.mark.parametrize("place", [-1, 12 << 40, (1 << 63) - 1])
async def test_a_record_that_no_partition_holds_is_refused(
    sqlite_place: SqlitePlace, place: int
) -> None:
    """Nobody would read it, so nobody could say what it is."""
    log = await filled(sqlite_place, read_only=True)
    by_hand(
        sqlite_place,
        "INSERT INTO records (place, stated, key, value, timestamp_ms)"
        f" VALUES ({place}, 0, x'6b', x'7b7d', 0)",
    )
    (found,) = await log.check()
    assert found == (
        f"{sqlite_place.path}: 1 record lies outside its partitions 0 to 11, the first at "
        f"partition {place >> 40}, offset {place % (1 << 40)}."
    )
    for read_only in (True, False):
        with pytest.raises(LogMisconfigured, match="outside its partitions"):
            await sqlite_place.log(read_only=read_only).open()


async def test_the_ends_of_the_last_partition_lie_inside(sqlite_place: SqlitePlace) -> None:
    """Its first record is no stray, and neither is one at its highest offset."""
    log = await filled(sqlite_place, read_only=True)
    by_hand(
        sqlite_place,
        "INSERT INTO records (place, stated, key, value, timestamp_ms)"
        " VALUES (11 << 40, 0, x'6b', x'7b7d', 0), ((12 << 40) - 1, 0, x'6b', x'7b7d', 0)",
    )
    assert await log.check() == []
