"""The process that writes a SQLite log begins and ends, or cannot."""

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters import sqlite_process
from ledger.adapters.sqlite import SqliteLog
from ledger.adapters.sqlite_process import WriterProcess
from ledger.errors import LogUnavailable
from ledger.events.packing import unpack
from tests.contract.log_cases import SqlitePlace, counting, read_all, records
from tests.contract.process_cases import child_of, end_of_child, list_of, outcome, receipts


@pytest.mark.parametrize("error", [OSError("no room"), RuntimeError("no thread")])
async def test_a_process_that_cannot_be_started_again_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """With each append, until it can."""
    place = SqlitePlace(tmp_path, process=True)
    log = await place.open_log()
    await log.append(0, 0, records("a"))
    assert isinstance(log, SqliteLog)
    real = subprocess.Popen

    def refuse(*_: object, **__: object) -> None:
        raise error

    await end_of_child(log)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    answers = [await outcome(log.append(0, 1, records("b"))) for _ in range(3)]
    assert answers == [LogUnavailable] * 3
    monkeypatch.setattr(subprocess, "Popen", real)
    assert await log.end(0) == 1
    assert await log.append(0, 1, records("b")) == 1
    await place.close()


async def test_a_process_that_cannot_work_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of another build, which would write by other rules; nothing is stored meanwhile."""
    place = SqlitePlace(tmp_path, process=True)
    log = await place.open_log()
    assert isinstance(log, SqliteLog)
    await log.append(0, 0, records("a"))
    monkeypatch.setattr(sqlite_process, "_BUILD", "another one")
    await end_of_child(log)
    with pytest.raises(LogUnavailable, match="was replaced"):
        await log.append(0, 1, records("b"))
    monkeypatch.undo()
    assert await log.append(0, 1, records("c")) == 1
    assert counting(await read_all(log, 0)) == ["a", "c"]
    await place.close()


@pytest.mark.parametrize("turns", range(8))
async def test_opening_can_be_given_up(tmp_path: Path, turns: int) -> None:
    """At any moment: no process stays behind, and it can be opened again."""
    place = SqlitePlace(tmp_path, process=True)
    log = place.log()
    opening = asyncio.create_task(log.open())
    for _ in range(turns):
        await asyncio.sleep(0.03)
    opening.cancel()
    await asyncio.wait([opening])
    await log.close()
    await log.open()
    assert await log.append(0, 0, records("a")) == 0
    await place.close()
    assert list_of(tmp_path) == ["log.db"]


async def test_closing_while_it_is_opened(tmp_path: Path) -> None:
    """Leaves nothing open."""
    place = SqlitePlace(tmp_path, process=True)
    log = place.log()
    opening = asyncio.create_task(log.open())
    await asyncio.sleep(0.05)
    await log.close()
    await opening
    if log._readers is not None:  # it was not that far yet
        await log.close()
    with pytest.raises(LogUnavailable):
        await log.append(0, 0, records("a"))
    assert list_of(tmp_path) == ["log.db"]


async def test_a_signal_to_all_does_not_meet_a_process_that_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the first moment is the server's as well."""
    real = subprocess.Popen

    def interrupted(*arguments: Any, **more: Any) -> subprocess.Popen[bytes]:
        made: subprocess.Popen[bytes] = real(*arguments, **more)
        made.send_signal(signal.SIGINT)
        made.send_signal(signal.SIGTERM)
        return made

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    place = SqlitePlace(tmp_path, process=True)
    log = place.log()
    await log.open()
    assert await log.append(0, 0, records("a")) == 0
    assert child_of(log).poll() is None
    await place.close()


async def test_where_no_process_can_be_started_a_thread_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And makes the records of facts as well."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no room for another process")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    place = SqlitePlace(tmp_path, process=True)
    log = await place.open_log()
    assert isinstance(log, SqliteLog)
    assert not isinstance(log._writer, WriterProcess)
    facts = receipts(0, 2)
    assert await log.append_facts(0, 0, facts) == (0, unpack(0, facts)[1])
    assert [one.value for one in await read_all(log, 0)] == [
        value for _, value, _ in unpack(0, facts)[0]
    ]
    await place.close()


async def test_it_can_be_closed_behind_the_death_of_its_process(tmp_path: Path) -> None:
    """And opened once more."""
    place = SqlitePlace(tmp_path, process=True)
    log = place.log()
    await log.open()
    await log.append(0, 0, records("a"))
    child_of(log).kill()
    await log.close()
    await log.open()
    assert await log.append(0, 1, records("b")) == 1
    await log.close()


async def test_what_was_sent_is_stored_before_it_is_closed(tmp_path: Path) -> None:
    """And the file is left alone, without a write-ahead log or a process."""
    place = SqlitePlace(tmp_path, process=True)
    log = place.log()
    await log.open()
    waiting = [asyncio.create_task(log.append(part, 0, records("a"))) for part in range(12)]
    await asyncio.sleep(0)
    child = child_of(log)
    await log.close()
    assert await asyncio.gather(*waiting) == [0] * 12
    assert child.returncode is not None
    assert list_of(tmp_path) == ["log.db"]
    with pytest.raises(LogUnavailable):
        await log.append(0, 1, records("b"))
