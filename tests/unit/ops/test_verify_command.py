"""`stockledger verify` on the embedded log, its snapshots and its views, as files."""

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.sqlite import SqliteLog
from ledger.adapters.sqlite_file import PAGE_BYTES, place_of
from ledger.config import Settings
from tests.simulation.scenario import small
from tests.tampering.world import World
from tests.unit.ops.test_check_history_embedded import _fill
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

ONE = ("--partitions", "1")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a small ledger; copied by each test."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    with small():
        asyncio.run(_fill(Settings(partitions=1, data_dir=folder)))
    return folder


@pytest.fixture
def data(filled: Path, own_folder: None) -> Path:
    """A copy of it where the command looks by default."""
    shutil.copytree(filled, "data")
    return Path("data")


def verified(run: Run, *flags: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document."""
    code, out, err = run("verify", *ONE, *flags, "--json")
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return code, found


def by_hand(file: str, statement: str) -> None:
    """Write into a file behind everybody's back."""
    with sqlite3.connect(f"data/{file}") as connection:
        connection.execute(statement)
    connection.close()


def spoil_page(path: Path, table: str) -> None:
    """Zeroes where the first page of a table begins."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        query = f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'"
        (page,) = connection.execute(query).fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(64))


def test_everything_agrees(run: Run, data: Path) -> None:
    """Log, views and snapshots; and it says what was compared."""
    code, found = verified(run)
    assert (code, found["findings"], found["shown"]) == (0, 0, [])
    assert (found["ledger_id"], found["snapshots"], found["seal"]) == ("here", 1, None)
    (partition,) = found["partitions"]
    assert partition["sound_until"] is None
    assert found["views"] == {"0": {"position": partition["end"], "demand": None, "history": None}}
    assert found["records"] == partition["records"] == partition["end"]
    code, out, err = run("verify", *ONE)
    assert (code, err) == (0, "")
    assert "0 findings" in out
    assert "no seal" in out


@pytest.mark.parametrize(
    ("file", "statement", "named"),
    [
        ("views.db", "UPDATE stock SET on_hand = 1 WHERE account = '@supplier' AND sku = 'apple'",
         ("view_differs", "stock 'apple', '@supplier', '', ''")),
        ("snapshots.db", "DELETE FROM parts WHERE part = 0",
         ("snapshot_corrupt", "snapshot of partition 0")),
        ("log.db", "UPDATE records SET value = CAST(replace(CAST(value AS TEXT),"
         " '\"quantity\":\"10\"', '\"quantity\":\"11\"') AS BLOB) WHERE place = 3",
         ("not_as_written", "0:3")),
        ("log.db", "DELETE FROM records WHERE place = 4", ("gap", "0:4")),
        ("log.db", "UPDATE records SET value = 'text' WHERE place = 4", ("undecodable", "0:4")),
        ("log.db", "UPDATE records SET stated = 9 WHERE place = 4", ("stated_ahead", "0:4")),
    ],
)  # fmt: skip
def test_what_was_altered_is_named(
    run: Run, data: Path, file: str, statement: str, named: tuple[str, str]
) -> None:
    """Exit code 1, and the place."""
    by_hand(file, statement)
    exit_code, found = verified(run)
    assert exit_code == 1
    assert named in [(one["code"], one["where"]) for one in found["shown"]]
    exit_code, _, err = run("verify", *ONE)
    assert exit_code == 1
    assert f"{named[0]} {named[1]}: " in err


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of many pages."""
    path = tmp_path_factory.mktemp("long") / "log.db"
    write_log(path, World(partitions=1).go_on(300))
    return path


def write_log(path: Path, world: World) -> None:
    """The log of a world as a file, void records and all."""

    async def make() -> None:
        log = SqliteLog(path, world.log.partitions)
        await log.open()
        await log.close()

    asyncio.run(make())
    rows = [
        (place_of(partition, one.offset), one.stated, one.key, one.value, 0)
        for partition, records in enumerate(world.log.records)
        for one in records
    ]
    with sqlite3.connect(path) as connection:
        into = "INSERT INTO records (place, stated, key, value, timestamp_ms)"
        connection.executemany(f"{into} VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()


def test_a_damaged_page_of_the_log_is_named_by_its_offset(
    run: Run, long_log: Path, own_folder: None
) -> None:
    """And what lies before it is verified."""
    shutil.copytree(long_log.parent, "data")
    assert verified(run)[1]["shown"] == []
    size = Path("data/log.db").stat().st_size
    with Path("data/log.db").open("r+b") as file:
        file.seek(size // 2 // PAGE_BYTES * PAGE_BYTES)
        file.write(bytes(64))
    code, found = verified(run)
    (finding,) = found["shown"]
    assert (code, finding["code"]) == (1, "unreadable")
    assert finding["where"] == f"0:{found['partitions'][0]['records'] + found['void']}"
    assert found["records"] > 50
    assert "malformed" in finding["text"]


@pytest.mark.parametrize(
    ("file", "table", "sentence"),
    [("log.db", "records", "stockledger: data/log.db cannot be read"),
     ("views.db", "movements", "unreadable views, movements"),
     ("snapshots.db", "parts", "unreadable snapshot of partition 0")],
)  # fmt: skip
def test_a_damaged_page_is_one_clear_sentence(
    run: Run, data: Path, file: str, table: str, sentence: str
) -> None:
    """With its place, and exit code 1: neither a traceback nor a server that does not answer."""
    spoil_page(data / file, table)
    code, _, err = run("verify", *ONE)
    assert code == 1, err
    (line,) = [one for one in err.splitlines() if "malformed" in one]
    assert line.startswith(sentence)
    assert "Traceback" not in err


def test_a_damaged_snapshot_does_not_keep_views_from_being_compared(run: Run, data: Path) -> None:
    """Each is found by itself."""
    spoil_page(data / "snapshots.db", "parts")
    by_hand("views.db", "UPDATE sku_totals SET value = value + 1 WHERE sku = 'apple'")
    code, found = verified(run)
    assert code == 1
    assert {(one["code"], one["where"]) for one in found["shown"]} == {
        ("unreadable", "snapshot of partition 0"),
        ("view_differs", "sku_totals 'apple'"),
    }


def test_a_record_nested_too_deep_is_named_behind_another_finding(run: Run, data: Path) -> None:
    """Where only the chain is followed, too: by Python 3.14 as deep as its stack goes."""
    deep = b'{"prevhash":"","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    by_hand("log.db", f"UPDATE records SET value = x'{deep.hex()}' WHERE place IN (3, 5)")
    code, found = verified(run)
    assert code == 1
    assert [one["where"] for one in found["shown"]][:2] == ["0:3", "0:4"]
    places = {one["where"] for one in found["shown"]}
    assert places == {"0:3", "0:4", "0:5"}
    assert found["shown"][0]["code"] == "undecodable"


def test_processes_share_the_partitions_out(
    run: Run, own_folder: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And say the same together, also of a seal; each finding once."""
    world = World(partitions=3).go_on(150)
    Path("data").mkdir()
    write_log(Path("data/log.db"), world)
    assert run("seal", "--partitions", "3", "--new-key", "key.pem")[0] == 0
    assert run("seal", "--partitions", "3", "--key", "key.pem", "--into", "seals")[0] == 0
    flags = ("--partitions", "3", "--seal", "seals", "--public-key", "key.pem.pub", "--json")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    code, out, _ = run("verify", *flags, "--jobs", "2")
    found = json.loads(out)
    assert (code, found["shown"], found["seal"]["authentic"]) == (0, [], True)
    assert found["movements"] >= 150
    assert json.loads(run("verify", *flags, "--jobs", "1")[1]) == found
    last = max(one.offset for one in world.log.records[1] if one.counts)
    by_hand("log.db", f"DELETE FROM records WHERE place = {place_of(1, last)}")
    code, out, _ = run("verify", *flags, "--jobs", "1")
    found = json.loads(out)
    assert code == 1
    assert [one["code"] for one in found["shown"]][-1] in ("shorter_than_seal", "seal_differs")


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--public-key", "k"), 2, "--public-key goes with --seal"),
        (("--partition", "7"), 2, "there is no partition 7"),
        (("--data-dir", "nowhere"), 1, "there is no log nowhere/log.db"),
    ],
)
def test_bad_input_is_one_sentence(
    run: Run, data: Path, flags: tuple[str, ...], code: int, said: str
) -> None:
    """Whatever is asked for that is not there."""
    found, _, err = run("verify", *ONE, *flags)
    assert (found, said in err) == (code, True), err
