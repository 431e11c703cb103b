"""Helpers of the tests of a SQLite log that a process of its own writes."""

import subprocess
from collections.abc import Awaitable
from pathlib import Path

from ledger.adapters.sqlite import SqliteLog
from ledger.adapters.sqlite_process import WriterProcess
from ledger.domain.facts import Moved
from ledger.errors import LogRegressed, LogUnavailable, OutcomeUnknown
from ledger.events.chain import GENESIS
from ledger.events.packing import pack
from ledger.log import Unrecorded
from tests import builders as make
from tests.waiting import eventually

SOURCE = "/stockledger/test"


def child_of(log: SqliteLog) -> subprocess.Popen[bytes]:
    """The process that writes it."""
    assert isinstance(log._writer, WriterProcess)
    assert log._writer._process is not None
    return log._writer._process


def receipts(offset: int, count: int) -> Unrecorded:
    """Facts that follow the start of a chain."""
    facts = [
        Moved(
            number, make.receipt("5", id=f"r-{number}"), f"r-{number}", make.SKU, 5, 0,
            "@supplier", "MAIN", 0, 5, 0, "none", 1, 2,
        )
        for number in range(offset, offset + count)
    ]  # fmt: skip
    return Unrecorded(SOURCE, GENESIS, pack(facts, None, None))


async def outcome(work: Awaitable[object]) -> object:
    """What comes of it, an error included."""
    try:
        return await work
    except (LogRegressed, LogUnavailable, OutcomeUnknown) as error:
        return type(error)


async def end_of_child(log: SqliteLog) -> None:
    """Kill the process, and wait until that was noticed."""
    child_of(log).kill()
    assert isinstance(log._writer, WriterProcess)
    writer = log._writer
    await eventually(lambda: writer._transport is None)


def list_of(folder: Path) -> list[str]:
    """The names of what lies in it."""
    return sorted(path.name for path in folder.iterdir())
