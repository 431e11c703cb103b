"""Logs and stores of snapshots that are opened to be read alone: the same answers, no writing."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiokafka import AIOKafkaProducer

from ledger.adapters.kafka_producer import Producer
from ledger.adapters.sqlite import SqliteLog
from ledger.errors import LogMisconfigured, LogReadOnly, LogRegressed, LogUnavailable
from ledger.log import FillableLog
from tests.contract.log_cases import KafkaPlace, Place, SqlitePlace, counting, read_all, records
from tests.waiting import eventually

Log = TypeVar("Log", bound=FillableLog)


def listing(place: SqlitePlace) -> dict[str, tuple[int, int]]:
    """Sizes and times of everything in the folder but what readers share with writers."""
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in place.folder.iterdir()
        if not path.name.endswith("-shm")
    }


async def opened(log: Log) -> Log:
    """The log, open."""
    await log.open()
    return log


@pytest.fixture
def no_producer(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, whatever would send to a broker fails."""

    async def refuse(*_: object) -> None:
        pytest.fail("a producer was started")

    def forbid() -> None:
        monkeypatch.setattr(Producer, "start", refuse)
        monkeypatch.setattr(AIOKafkaProducer, "start", refuse)

    return forbid


async def test_a_log_is_read_as_by_anybody(place: Place, no_producer: Callable[[], None]) -> None:
    """What was there, and what somebody writes meanwhile, also to who waits for it."""
    writer = await place.open_log()
    await writer.append(0, 0, records("a", "b"))
    no_producer()
    log = await opened(place.log(read_only=True))
    assert (counting(await read_all(log, 0)), await log.end(0)) == (["a", "b"], 2)
    assert await log.check() == []
    waiting = asyncio.create_task(log.read(0, 2, wait_seconds=60))
    await writer.append(0, 2, records("c"))
    assert counting((await waiting).records) == ["c"]
    with pytest.raises(LogRegressed):
        await log.read(0, 5)


async def test_nothing_can_be_written_to_it(place: Place) -> None:
    """Every way to write has one answer, open or not, and the log stays as it was."""
    writer, log = await place.open_log(), place.log(read_only=True)
    await writer.append(0, 0, records("a"))
    for _ in range(2):
        with pytest.raises(LogReadOnly):
            await log.append(0, 1, records("b"))
        with pytest.raises(LogReadOnly):
            await log.append_void(0, 1, 2)
        await log.open()
    assert await writer.end(0) == 1


async def test_a_log_that_is_not_there_is_not_made(place: Place) -> None:
    """There is nothing to read."""
    with pytest.raises((LogMisconfigured, LogUnavailable)):
        await place.log(read_only=True).open()
    with pytest.raises((LogMisconfigured, LogUnavailable)):
        await place.snapshots(read_only=True).open()
    if isinstance(place, SqlitePlace):
        assert listing(place) == {}
    else:
        assert isinstance(place, KafkaPlace)
        assert await place.log().check() == [
            f"{place.prefix}.movements.v1: the topic does not exist."
        ]


async def test_snapshots_are_read_and_not_written(
    place: Place, no_producer: Callable[[], None]
) -> None:
    """The newest with its parts; every way to write has one answer."""
    writer = place.snapshots()
    await writer.open()
    await writer.put(0, 1, 0, b"part")
    await writer.commit(0, 1, b"manifest")
    no_producer()
    store = place.snapshots(read_only=True)
    await store.open()
    assert await store.newest(0) == (1, b"manifest")
    assert [part async for part in store.parts(0, 1)] == [b"part"]
    attempts: list[Awaitable[None]] = [
        store.put(0, 2, 0, b""), store.commit(0, 2, b""), store.delete_all(),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(LogReadOnly):
            await attempt
    assert await store.newest(0) == (1, b"manifest")


async def test_nothing_is_made_beside_a_file_that_nobody_writes(sqlite_place: SqlitePlace) -> None:
    """Neither by the log nor by the snapshots; and no connection could."""
    writer, store = await sqlite_place.open_log(), sqlite_place.snapshots()
    await writer.append(0, 0, records("a"))
    await store.open()
    await store.put(0, 1, 0, b"part")
    await store.commit(0, 1, b"manifest")
    await sqlite_place.close()
    before = listing(sqlite_place)
    assert set(before) == {"log.db", "snapshots.db"}

    log = sqlite_place.log(read_only=True)
    await log.open()
    assert counting(await read_all(log, 0)) == ["a"]
    assert await log.check() == []
    reading = sqlite_place.snapshots(read_only=True)
    await reading.open()
    assert await reading.newest(0) == (1, b"manifest")
    with pytest.raises(LogUnavailable, match="readonly database"):
        await log._on_reader(lambda one: one.execute("DELETE FROM records"))
    with pytest.raises(LogUnavailable, match="readonly database"):
        await reading._execute("DELETE FROM parts")
    assert listing(sqlite_place) == before
    assert not list(sqlite_place.folder.glob("*-shm"))
    await log.close()
    await reading.close()
    assert listing(sqlite_place) == before


async def test_a_writer_that_comes_later_is_followed(sqlite_place: SqlitePlace) -> None:
    """A file that nobody wrote to when it was opened: by reads, and by one that waits."""
    writer = await sqlite_place.open_log()
    await writer.append(0, 0, records("a"))
    await writer.close()
    log = await opened(sqlite_place.log(read_only=True))
    assert counting(await read_all(log, 0)) == ["a"]
    waiting = asyncio.create_task(log.read(0, 1, wait_seconds=60))
    await eventually(lambda: log._watcher is not None)
    later = await sqlite_place.open_log()
    await later.append(0, 1, records("b"))
    assert counting((await waiting).records) == ["b"]
    await later.append(0, 2, records("c"))
    assert counting(await read_all(log, 0)) == ["a", "b", "c"]


async def test_a_writer_that_has_come_and_gone_is_noticed(sqlite_place: SqlitePlace) -> None:
    """What it wrote is in the file, whose pages the reader knew before."""
    writer = await sqlite_place.open_log()
    await writer.append(0, 0, records("a"))
    await writer.close()
    log = await opened(sqlite_place.log(read_only=True))
    assert counting(await read_all(log, 0)) == ["a"]
    for offset, key in ((1, "b"), (2, "c")):
        writer = await sqlite_place.open_log()
        await writer.append(0, offset, records(key))
        await writer.close()
        assert counting(await read_all(log, 0)) == ["a", "b", "c"][: offset + 1]


async def test_what_was_read_while_a_writer_came_is_read_again(sqlite_place: SqlitePlace) -> None:
    """Also where the file had no sense to it in the meantime."""
    writer = await sqlite_place.open_log()
    await writer.append(0, 0, records("a"))
    await writer.close()
    log = sqlite_place.log(read_only=True)
    await log.open()
    loop = asyncio.get_running_loop()
    tries: list[bool] = []

    def look(connection: Any) -> int:
        (count,) = connection.execute("SELECT count(*) FROM records").fetchone()
        tries.append(True)
        if len(tries) == 1:
            asyncio.run_coroutine_threadsafe(write(), loop).result()
            raise LogRegressed("it makes no sense")
        return int(count)

    async def write() -> None:
        later = await sqlite_place.open_log()
        await later.append(0, 1, records("b"))

    assert await log._on_reader(look) == 2
    assert len(tries) == 2


async def test_a_wal_without_what_belongs_to_it(sqlite_place: SqlitePlace, tmp_path: Path) -> None:
    """What is in it cannot be read without the other one, and nothing is read without it."""
    writer = await sqlite_place.open_log()
    await writer.append(0, 0, records("a"))
    folder = tmp_path / "copied"
    folder.mkdir()
    for name in ("log.db", "log.db-wal"):
        shutil.copy(sqlite_place.folder / name, folder / name)
    # Even root cannot make a file behind a link that leads nowhere.
    (folder / "log.db-shm").symlink_to(tmp_path / "nowhere" / "log.db-shm")
    log = SqliteLog(folder / "log.db", read_only=True)
    with pytest.raises(LogUnavailable, match="a -wal without its -shm"):
        await log.open()


async def test_a_file_behind_a_link_has_its_writer_beside_itself(
    sqlite_place: SqlitePlace, tmp_path: Path
) -> None:
    """What SQLite keeps is not beside the link."""
    writer = await sqlite_place.open_log()
    await writer.append(0, 0, records("a"))
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "log.db").symlink_to(sqlite_place.path)
    log = SqliteLog(folder / "log.db", read_only=True)
    await log.open()
    try:
        assert counting(await read_all(log, 0)) == ["a"]
    finally:
        await log.close()


async def test_settings_that_may_not_be_seen_do_not_keep_from_reading(
    kafka_place: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rights to describe a topic and to read it do. Who asks for a check is told."""
    from aiokafka.errors import TopicAuthorizationFailedError

    writer = await kafka_place.open_log()
    await writer.append(0, 0, records("a"))

    async def refuse(*_: object) -> None:
        raise TopicAuthorizationFailedError("may not be seen")

    monkeypatch.setattr("ledger.adapters.kafka_topics._settings", refuse)
    log = await opened(kafka_place.log(read_only=True))
    assert counting(await read_all(log, 0)) == ["a"]
    with pytest.raises(LogUnavailable, match="TopicAuthorizationFailed"):
        await log.check()
    with pytest.raises(LogUnavailable, match="TopicAuthorizationFailed"):
        await kafka_place.log().open()
