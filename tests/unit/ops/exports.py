"""A ledger of three partitions to export: every kind of event, void records, an offset that is no
record, and one SKU with a long history."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from ledger.adapters.sqlite_file import place_of
from ledger.config import Settings, open_log, open_snapshots
from ledger.domain.movements import Receipt
from ledger.events.partitioner import Partitioner
from ledger.events.trails import Trail, encode_trail
from ledger.log import FillableLog, Record
from ledger.service import Ledger
from ops.exporting.export import Order, export
from tests.contract.log_cases import read_all
from tests.unit.ops.story import COMMANDS, Caller

PARTITIONS = 3
LEDGER_ID = "the-ledger"
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRAIL = encode_trail(Trail("recordMovements@one", "request-1", "1f2e3d4c"))
# Its partition has both kinds of holes, one of them behind its last record.
SKU = "apple"
BUSY = Partitioner(PARTITIONS).partition_of(SKU)
RECEIPTS = 160
PAGE_BYTES = 8192
FLAGS = ("--partitions", str(PARTITIONS))


def settings_of(folder: Path) -> Settings:
    """The log of a folder."""
    return Settings(_env_file=None, data_dir=folder, partitions=PARTITIONS)


async def _fill(settings: Settings) -> None:
    log, store, caller = open_log(settings), open_snapshots(settings), Caller()
    await log.open()
    await store.open()
    ledger = Ledger(log, store, None, instance="one", new_ledger_id=lambda: LEDGER_ID)
    await ledger.start()
    for asked in COMMANDS:
        await caller.tell(ledger, asked)
    await _add_holes(log, settings)
    for number in range(RECEIPTS):
        sku, note = (SKU, None) if number % 2 else (f"SKU-{number % 17}", "ä ß “”")
        received = Receipt(
            id=f"x{number}", sku=sku, quantity="3", location=f"MAIN/{number % 5}", note=note
        )
        await ledger.submit(
            received, actor="k1", timeout_seconds=10, traceparent=TRACE, trail=TRAIL
        )
    await ledger.close()
    await log.append_void(BUSY, await log.end(BUSY), 2)
    await export(log, Order(folder=settings.data_dir / "out"))
    await log.close()
    await store.close()
    with sqlite3.connect(settings.log_path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def empty_page() -> None:
    """Nothing but zeros where a record of the log in `data` lay: its file has become another."""
    log = Path("data/log.db")
    data = bytearray(log.read_bytes())
    page = data.index(b'"id":"x60"') // PAGE_BYTES * PAGE_BYTES
    data[page : page + PAGE_BYTES] = bytes(PAGE_BYTES)
    log.write_bytes(data)


async def _add_holes(log: FillableLog, settings: Settings) -> None:
    """Three void records, of which one disappears."""
    end = await log.end(BUSY)
    assert await log.append_void(BUSY, end, 3) == end
    with sqlite3.connect(settings.log_path) as connection:
        connection.execute("DELETE FROM records WHERE place = ?", (place_of(BUSY, end + 1),))
    connection.close()


@cache
def _made() -> Path:
    folder = Path(mkdtemp(prefix="stockledger-test-"))
    asyncio.run(_fill(settings_of(folder)))
    return folder


def make_ledger(folder: Path) -> None:
    """Put the ledger's files into a folder, always the same ones."""
    shutil.copytree(_made(), folder, ignore=shutil.ignore_patterns("out"))


def make_export(folder: Path) -> None:
    """Put an export of all of it into a folder."""
    shutil.copytree(_made() / "out", folder)


def forget() -> None:
    """Delete what was kept for the tests of a module."""
    shutil.rmtree(_made())
    _made.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Behind the last test of a module that imports this, nothing that was made once is left."""
    yield
    forget()


def records_of(folder: Path) -> list[list[Record]]:
    """Everything that lies in the log of a folder, by partition."""

    async def read() -> list[list[Record]]:
        log = open_log(settings_of(folder))
        await log.open()
        found = [await read_all(log, partition) for partition in range(PARTITIONS)]
        await log.close()
        return found

    return asyncio.run(read())


def counting_of(folder: Path) -> list[list[tuple[int, bytes, bytes, bytes | None]]]:
    """What counts: offsets, keys, values, traces."""
    return [
        [(one.offset, one.key, one.value, one.traceparent) for one in part if one.counts]
        for part in records_of(folder)
    ]


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The files of an export."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
