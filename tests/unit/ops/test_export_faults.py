"""`stockledger export` where the disk is full, or the log is not what it was."""

import asyncio
import errno
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from ledger.config import open_log
from ops.console import CommandError
from ops.exporting.export import Order, export
from ops.exporting.files import OutputFile
from ops.exporting.manifest import Encoding
from tests.unit.ops.exports import (
    BUSY,
    FLAGS,
    bytes_of,
    empty_page,
    forgotten,
    make_export,
    make_ledger,
    settings_of,
)
from tests.unit.ops.full_disk import small_disk
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["forgotten", "own_folder", "run"]

OUT = Path("out")


@pytest.fixture(autouse=True)
def _ledger(own_folder: None) -> None:
    make_ledger(Path("data"))
    make_export(Path("whole"))


def test_where_it_cannot_be_written(run: Run) -> None:
    """Nothing is overwritten."""
    OUT.mkdir()
    (OUT / "mine").touch()
    code, _, err = run("export", str(OUT), *FLAGS)
    assert (code, "out is there already" in err) == (2, True)
    code, _, err = run("export", "out/mine/deep", *FLAGS)
    assert (code, "out/mine/deep cannot be written: Not a directory" in err) == (2, True), err
    long = "a" * 300
    code, _, err = run("export", long, *FLAGS)
    assert (code, f"{long} cannot be written: File name too long" in err) == (2, True), err
    code, _, err = run("export", "fresh", "--data-dir", "nowhere")
    assert (code, err) == (1, "stockledger: there is no log nowhere/log.db\n")


def test_a_full_disk(run: Run) -> None:
    """It is said, and nothing is left under any name."""
    largest = max(map(len, bytes_of(Path("whole")).values()))
    # The log's own file of memory that processes share has 32 KiB.
    assert largest > 50_000
    with small_disk(largest - 1):
        code, _, err = run("export", str(OUT), *FLAGS)
    assert (code, "out cannot be written: File too large; nothing of it was left" in err) == (
        3,
        True,
    )
    assert {path.name for path in Path().iterdir()} == {"data", "whole"}


@pytest.mark.parametrize("encoding", ["csv", "parquet", "ndjson"])
def test_a_disk_that_is_full_at_any_moment(
    encoding: Encoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever write fails, no file of it stays, and none is left open."""
    real, writes = OutputFile.write, 0

    def write(self: OutputFile, data: bytes, rows: int) -> None:
        nonlocal writes
        writes += 1
        if writes > fits:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, data, rows)

    async def out() -> None:
        log = open_log(settings_of(Path("data")))
        await log.open()
        try:
            await export(log, Order(folder=OUT, encoding=encoding))
        finally:
            await log.close()

    monkeypatch.setattr(OutputFile, "write", write)
    fits = 0
    while not OUT.exists():
        writes = 0
        with suppress(CommandError):
            asyncio.run(out())
        fits += 1
        assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []
    assert fits > 3
    assert (OUT / "manifest.json").exists()


@pytest.mark.parametrize("encoding", ["ndjson", "csv"])
def test_a_record_that_was_changed(run: Run, encoding: str) -> None:
    """It is named; a damaged log is not exported as if it were whole."""
    with sqlite3.connect("data/log.db") as log:
        log.execute(
            "UPDATE records SET value = replace(value, 'apple', 'maple') WHERE"
            ' "partition" = ? AND "offset" = 10',
            (BUSY,),
        )
    log.close()
    code, _, err = run("export", str(OUT), *FLAGS, "--format", encoding)
    assert (code, f"partition {BUSY}, offset 11: the record states the hash" in err) == (1, True)
    assert not OUT.exists()


def test_a_corrupt_page(run: Run) -> None:
    """SQLite notices, or the chain does."""
    empty_page()
    code, _, err = run("export", str(OUT), *FLAGS)
    assert code == 1, err
    assert "malformed" in err or "the record states the hash" in err
    assert not OUT.exists()
