"""Files that another process is making: whoever reads them waits, and takes them for no other."""

import sqlite3
import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from ledger.adapters import sqlite_file
from ledger.adapters.sqlite_file import LogFile
from ledger.errors import LogMisconfigured
from tests.contract.log_cases import PARTITIONS, SqlitePlace


def begin(place: SqlitePlace) -> None:
    """What is there before the tables are: a database without any."""
    with closing(sqlite3.connect(place.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert place.path.stat().st_size


@pytest.fixture
def made_while_waiting(sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The log is made as soon as a reader waits for it; how often it waited."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        LogFile(sqlite_place.path, PARTITIONS).open().close()

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=sleep)
    monkeypatch.setattr(sqlite_file, "time", clock)
    return waited


async def test_a_log_that_is_being_made_is_waited_for(
    sqlite_place: SqlitePlace, made_while_waiting: list[float]
) -> None:
    """By whoever opens it to read alone, such as `tail` beside a first `serve`."""
    begin(sqlite_place)
    log = sqlite_place.log(read_only=True)
    await log.open()
    assert await log.end(0) == 0
    assert len(made_while_waiting) == 1


async def test_so_is_it_by_a_look_at_what_is_wrong(
    sqlite_place: SqlitePlace, made_while_waiting: list[float]
) -> None:
    """Such as that of `doctor`, which has not opened it."""
    begin(sqlite_place)
    assert await sqlite_place.log(read_only=True).check() == []
    assert len(made_while_waiting) == 1


async def test_what_nobody_makes_is_called_empty(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is nobody else's file, and whoever writes makes it a log."""
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.0)
    begin(sqlite_place)
    log = sqlite_place.log(read_only=True)
    with pytest.raises(LogMisconfigured, match=r"log\.db is empty: nobody has made it a log"):
        await log.open()
    assert "is empty" in (await log.check())[0]
    await sqlite_place.open_log()
    await log.open()


async def test_a_store_of_snapshots_without_tables_has_none(sqlite_place: SqlitePlace) -> None:
    """Its maker has made the file, and not what is in it."""
    (sqlite_place.folder / "snapshots.db").touch()
    store = sqlite_place.snapshots(read_only=True)
    await store.open()
    assert await store.newest(0) is None
    assert [part async for part in store.parts(0, 1)] == []
