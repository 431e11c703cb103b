"""A SQLite log that a process of its own writes: what it does, and its death.

What it has in common with the other logs is in test_event_log.py and the tests of services.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from ledger.adapters.sqlite import SqliteLog
from ledger.errors import LogRegressed, LogUnavailable, OutcomeUnknown
from ledger.events.chain import GENESIS
from ledger.events.packing import unpack
from ledger.log import Packed, Unrecorded
from tests.contract.log_cases import SqlitePlace, counting, read_all, records
from tests.contract.process_cases import SOURCE, child_of, outcome, receipts
from tests.waiting import eventually

# A server that is killed while its log is being written.
PARENT = """
import asyncio, os, sys
from ledger.adapters.sqlite import SqliteLog
from ledger.log import NewRecord

async def main():
    log = SqliteLog(sys.argv[1], process=True)
    await log.open()
    await log.append(0, 0, [NewRecord(b"first", b"{}")])
    print(log._writer._process.pid, flush=True)
    for number in range(1, 1_000_000):
        await log.append(0, number, [NewRecord(b"%d" % number, b"{}")])

asyncio.run(main())
"""


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    """An open log with a process."""
    place = SqlitePlace(tmp_path, process=True)
    opened = place.log()
    await opened.open()
    yield opened
    await place.close()


async def test_facts_become_records_there(log: SqliteLog) -> None:
    """The same bytes that this process would have made, and the hash to go on with."""
    facts = receipts(0, 3)
    expected, head = unpack(0, facts)
    assert await log.append_facts(0, 0, facts) == (0, head)
    found = await read_all(log, 0)
    assert [(one.key, one.value, one.traceparent) for one in found] == expected
    assert all(one.counts for one in found)


async def test_stale_facts_are_not_stored(log: SqliteLog) -> None:
    """As stale records are not."""
    await log.append(0, 0, records("a", "b"))
    base, _ = await log.append_facts(0, 0, receipts(0, 2))
    assert base == 2
    assert await log.end(0) == 2
    with pytest.raises(LogRegressed):
        await log.append_facts(0, 5, receipts(5, 1))


@pytest.mark.parametrize("process", [True, False])
async def test_facts_that_cannot_be_read_spoil_nothing_else(tmp_path: Path, process: bool) -> None:
    """Nothing is stored of them, and it is said so; what came with them is stored."""
    place = SqlitePlace(tmp_path, process=process)
    log = await place.open_log()
    assert isinstance(log, SqliteLog)
    broken = Unrecorded(SOURCE, GENESIS, [Packed(0, None, None, b"[{]")])
    answers = await asyncio.gather(
        outcome(log.append(0, 0, records("a"))),
        outcome(log.append_facts(1, 0, broken)),
        outcome(log.append(2, 0, records("b"))),
    )
    assert [*answers] == [0, LogUnavailable, 0]
    assert await log.end(1) == 0
    await place.close()


async def test_a_killed_process_leaves_outcomes_unknown(log: SqliteLog) -> None:
    """What was on its way is there or not, whole; then another process goes on."""
    await log.append(0, 0, records("a"))
    first = child_of(log)
    os.kill(first.pid, signal.SIGSTOP)
    waiting = [
        asyncio.create_task(outcome(log.append(part, int(part == 0), records("b", "c"))))
        for part in range(4)
    ]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    first.kill()
    assert await asyncio.gather(*waiting) == [OutcomeUnknown] * 4
    ends = [await log.end(part) for part in range(4)]
    assert ends[0] in {1, 3}
    assert all(end in {0, 2} for end in ends[1:])
    assert await log.append(0, ends[0], records("d")) == ends[0]
    assert child_of(log).pid != first.pid
    assert first.returncode == -signal.SIGKILL


async def test_a_process_that_died_idle_is_missed_with_the_next_append(log: SqliteLog) -> None:
    """Which is stored by another one, or is said to be unknown; never twice."""
    await log.append(0, 0, records("a"))
    child_of(log).kill()
    offset = 1
    while await outcome(log.append(0, offset, records("b"))) != offset:
        offset = await log.end(0)
        if offset == 2:
            break
    assert counting(await read_all(log, 0)) == ["a", "b"]


async def test_killed_again_and_again_under_load(log: SqliteLog) -> None:
    """Every record that was acknowledged is there once, in its order."""
    acknowledged: list[list[str]] = [[] for _ in range(4)]
    running = True

    async def write(part: int) -> None:
        offset, number = 0, 0
        while running:
            try:
                base = await log.append(part, offset, records(f"{number}"))
            except OutcomeUnknown:
                base = await log.end(part)
                if base > offset:
                    acknowledged[part].append(f"{number}")
                    number += 1
                offset = base
                continue
            assert base == offset
            acknowledged[part].append(f"{number}")
            offset, number = offset + 1, number + 1

    tasks = [asyncio.create_task(write(part)) for part in range(4)]
    for _ in range(5):
        enough = sum(map(len, acknowledged)) + 20
        await eventually(partial(_more_than, acknowledged, enough))
        with suppress(AssertionError):  # it may be between two of them
            child_of(log).kill()
    running = False
    await asyncio.gather(*tasks)
    for part in range(4):
        assert counting(await read_all(log, part)) == acknowledged[part]
    assert sum(map(len, acknowledged)) > 100


def _more_than(lists: list[list[str]], count: int) -> bool:
    return sum(map(len, lists)) > count


async def test_a_process_ends_with_who_started_it(tmp_path: Path) -> None:
    """Also if that one was killed; what it had stored is there, and the file is free."""
    path = tmp_path / "log.db"
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    # Ctrl-C and a supervisor's signal go to all of them; it is the server's to end.
    os.kill(child, signal.SIGINT)
    os.kill(child, signal.SIGTERM)
    log = SqliteLog(path)
    await log.open()
    seen = (await log.read(0, 0)).next_offset
    seen = (await log.read(0, seen, wait_seconds=30)).next_offset
    parent.kill()
    await parent.wait()
    await eventually(lambda: not Path(f"/proc/{child}").exists())
    end = await log.end(0)
    assert end >= seen
    assert await log.append(0, end, records("mine")) == end
    await log.close()


async def test_a_file_that_was_replaced_is_missed(tmp_path: Path) -> None:
    """By the process that is there, and by one that is started behind it."""
    place = SqlitePlace(tmp_path, process=True)
    log = await place.open_log()
    assert isinstance(log, SqliteLog)
    await log.append(0, 0, records("a"))
    await place.recreate(2)
    with pytest.raises(LogRegressed):
        await log.append(0, 1, records("b"))
    child_of(log).kill()
    answers = [await outcome(log.append(0, 1, records("b"))) for _ in range(3)]
    assert set(answers) <= {LogRegressed, OutcomeUnknown}
    assert answers[-1] is LogRegressed
    await log.close()
    fresh = SqliteLog(place.path)
    await fresh.open()
    assert counting(await read_all(fresh, 0)) == ["0", "1"]
    await fresh.close()


async def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    """Errors that name it come over all the same."""
    place = SqlitePlace(Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9")), process=True)
    place.folder.mkdir()
    log = await place.open_log()
    await log.append(0, 0, records("a"))
    await place.delete()
    for _ in range(2):
        async with asyncio.timeout(20):
            with pytest.raises(LogRegressed):
                await log.append(0, 1, records("b"))
    await place.close()
