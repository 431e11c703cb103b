"""What cannot be asked, and logs that are damaged: a sentence, a code, nothing on stdout."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from ledger.adapters.sqlite_file import PAGE_BYTES
from ledger.config import Settings
from tests.unit.ops.replayed import PARTITIONS, at
from tests.unit.ops.test_commands import Run, own_folder, run
from tests.unit.ops.test_replay import Asked, ask, data

__all__ = ["ask", "data", "own_folder", "run"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--as-of-position", "0:999"), "--as-of-position 0:999 is beyond the log: the last"),
        (("--since-position", "0:999"), "--since-position 0:999 is beyond the log"),
        (("--as-of-position", "3:0"), "there is no partition 3: the log has 3, from 0 on"),
        (("--partition", "7"), "there is no partition 7"),
        (("--as-of-position", "0:1,0:2"), "--as-of-position: partition 0 has one position only"),
        (("--as-of-position", "three"), "--as-of-position: expected positions such as"),
        (("--as-known-at", "2020-01-01T00:00:00Z"), "before the beginning: the ledger was opened"),
        (("--as-of", "2020-01-01T00:00:00Z"), "is before the beginning: the first thing of all"),
        (("--as-of", "yesterday"), "--as-of: expected an instant such as"),
        (("--as-of", "2026-02-30T00:00:00Z"), "--as-of: 2026-02-30T00:00:00Z is no instant"),
        (("--sku", "nobody"), "tells of nobody"),
        (("--sku", " bad"), "--sku: a SKU has 1 to 100"),
        (("--location", "A//B"), "--location: a location is a path"),
        (("--since", at(5), "--as-of", at(5)), "--since is not before the end of the range"),
        (("--since", at(5), "--since-known-at", at(5)), "give one of them"),
        (("--since-position", "0:1", "--as-of-position", "0:1"), "the range holds nothing"),
        (("--partition", "0", "--as-of-position", "1:0"), "have none in common"),
        (("--format", "csv"), "--format goes with --out"),
        (("--out", "state.xlsx"), "--format is ndjson or csv; the name state.xlsx says neither"),
        (("--out", "missing/state.csv"), "there is no directory missing"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_asked(ask: Asked, flags: tuple[str, ...], says: str) -> None:
    """It was used wrongly, and nothing is written."""
    code, out, err = ask(*flags)
    assert (code, out) == (2, "")
    assert says in err
    assert err.startswith("stockledger: ")
    assert err.count("\n") == 1
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_nothing_but_a_file_is_replaced(ask: Asked, tmp_path: Path, kind: str) -> None:
    """As root a device would be gone otherwise."""
    there = tmp_path / "there.csv"
    if kind == "pipe":
        os.mkfifo(there)
    else:
        there.symlink_to("/dev/null")
    code, out, err = ask("--out", str(there))
    assert (code, out) == (2, "")
    assert f"{there} is a link or a device" in err
    assert there.is_symlink() or there.is_fifo()


def test_a_sku_of_another_partition(ask: Asked) -> None:
    """Asked for with partitions that do not hold it."""
    home = next(iter(ask.document("--sku", "bolt")["as_of_position"]))
    other = (int(home) + 1) % PARTITIONS
    code, out, err = ask("--sku", "bolt", "--partition", str(other))
    assert (code, out) == (2, "")
    assert f"bolt lies in partition {home}, which the question leaves out" in err


@pytest.fixture
def spoilt(data: Path, tmp_path: Path) -> Path:
    """A copy to spoil, all of it in one file."""
    folder = tmp_path / "spoilt"
    shutil.copytree(data, folder)
    with sqlite3.connect(folder / "log.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM records WHERE place = (1 << 40) + 3",
         "partition 1: offset 3 missing in the log; the record at offset 4 does not follow"),
        ("UPDATE records SET value = x'00' WHERE place = (1 << 40) + 3",
         "partition 1: offset 3: "),
        ("UPDATE records SET key = x'00' WHERE place = (1 << 40) + 3",
         "partition 1, offset 4: the record states the hash"),
        ("UPDATE records SET value = (SELECT value FROM records WHERE place = 2 << 40)"
         " WHERE place = (1 << 40) + 3", "partition 1, offset 3: the record states the hash"),
        ("UPDATE records SET key = 'text' WHERE place = (1 << 40) + 3",
         "partition 1, offset 4: the record states the hash"),
        ("UPDATE records SET stated = NULL WHERE place = (1 << 40) + 3",
         "partition 1, offset 4: the record states the hash"),
        ("DELETE FROM records WHERE place >> 40 = 1", "partition 1 is empty"),
        ("DELETE FROM records", "the log is empty; serve opens it"),
        ("DELETE FROM records WHERE place = 1 << 40", "its history has been deleted"),
    ],
)  # fmt: skip
def test_a_log_that_does_not_fit_together(
    run: Run, spoilt: Path, statement: str, says: str
) -> None:
    """The place of the first record that does not."""
    with sqlite3.connect(spoilt / "log.db") as connection:
        assert connection.execute(statement).rowcount
    connection.close()
    code, out, err = Asked(run, spoilt)()
    assert (code, out) == (1, "")
    assert says in err
    assert err.count("\n") == 1


def test_another_process_says_the_same(run: Run, spoilt: Path) -> None:
    """What stopped it, where, and with which code."""
    with sqlite3.connect(spoilt / "log.db") as connection:
        connection.execute("DELETE FROM records WHERE place = (1 << 40) + 3")
    connection.close()
    assert Asked(run, spoilt)("--jobs", "2") == Asked(run, spoilt)("--jobs", "1")


def test_a_damaged_page(run: Run, spoilt: Path) -> None:
    """The first record that cannot be read is named; a log that is damaged is not merely away."""
    path = spoilt / "log.db"
    content = bytearray(path.read_bytes())
    pages = len(content) // PAGE_BYTES
    found = set()
    for page in range(2, pages):
        start = page * PAGE_BYTES
        path.write_bytes(content[:start] + b"\xff" * PAGE_BYTES + content[start + PAGE_BYTES :])
        code, out, err = Asked(run, spoilt)()
        assert (code, out, err.count("\n")) == (1, "", 1)
        found.add("offset" in err and "malformed" in err)
    assert True in found


def test_no_log_at_all(run: Run, tmp_path: Path) -> None:
    """A file that is none, an empty one, and a log of another layout."""
    folder = tmp_path / "odd"
    folder.mkdir()
    path = folder / "log.db"
    path.write_bytes(b"")
    assert Asked(run, folder)()[0] == 1
    assert path.read_bytes() == b""
    path.write_bytes(b"not a database" * 1_000)
    code, out, err = Asked(run, folder)()
    assert (code, out) == (1, "")
    assert "is not a SQLite file" in err


def test_another_number_of_partitions(run: Run, data: Path) -> None:
    """SKUs would be looked for where they are not."""
    code, out, err = run("replay", "--data-dir", str(data), "--partitions", "5")
    assert (code, out) == (1, "")
    assert "has 3 partitions, not 5" in err


def test_a_broker_that_does_not_answer(run: Run) -> None:
    """It may come back."""
    settings = Settings(kafka_bootstrap="127.0.0.1:1")
    assert settings.kafka_bootstrap is not None
    code, out, err = run("replay", "--kafka-bootstrap", settings.kafka_bootstrap)
    assert (code, out) == (3, "")
    assert err.startswith("stockledger: ")
