"""`stockledger doctor`: what it finds, what it advises, and that it leaves everything alone."""

import json
import os
import resource
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.keys import create_key
from ledger.config import open_log
from ops.health import machine, stores
from ops.health.finding import State
from ops.health.tables import check_tables
from projections.database import Database
from projections.migrate import upgrade
from tests.unit.api.serving import settings_in
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]


def _found(out: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for one in json.loads(out)["findings"]:
        found.setdefault(one["check"], []).append((one["state"], one["text"]))
    return found


def _files(folder: Path) -> dict[str, bytes]:
    """Every file and what is in it, but for what readers of SQLite share."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".db-shm")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_nothing_is_there_yet(run: Run, tmp_path: Path) -> None:
    """It says what will be made, is content, and makes nothing of it."""
    code, out, err = run("doctor", "--json", "--port", "0")
    assert (code, err) == (0, "")
    found = _found(out)
    assert found["disk"][0][0] == "warn"
    assert [found[check][0][0] for check in ("log", "database")] == ["warn", "warn"]
    assert list(tmp_path.iterdir()) == []
    shown = json.loads(out)
    assert (shown["healthy"], shown["strict"], shown["warnings"] >= 3) == (True, False, True)
    code, out, _ = run("doctor", "--json", "--port", "0", "--strict")
    shown = json.loads(out)
    assert (code, shown["healthy"], shown["strict"]) == (1, False, True)
    assert "disk" in run("doctor", "--port", "0")[1]


def test_a_log_that_is_being_made_is_not_there_yet(run: Run) -> None:
    """Its maker has made the file, and nothing in it."""
    folder = Path("data")
    folder.mkdir()
    (folder / "log.db").touch()
    code, out, _ = run("doctor", "--json", "--port", "0")
    assert (code, _found(out)["log"][0][0]) == (0, "warn")


async def _filled(folder: Path) -> None:
    from tests.unit.api.serving import client_of

    async with client_of(settings_in(folder / "data")) as client:
        await _ready(client)
        body = {"type": "receipt", "sku": "A", "quantity": "1", "location": "M"}
        answer = await client.post("/v1/movements", json=body)
        # The other partition, too, has a record: its opening.
        position = {"min_position": f"0:0,1:0,{answer.headers['ledger-position']}"}
        assert (await client.get("/v1/stock/A", params=position)).status_code == 200


async def _ready(client: Any) -> None:
    from tests.unit.api.serving import wait_ready

    await wait_ready(client)


def test_a_ledger_that_is_well(run: Run, tmp_path: Path) -> None:
    """Everything is good, and no file is another one afterwards."""
    import asyncio

    asyncio.run(_filled(tmp_path))
    before = _files(tmp_path)
    flags = ("--json", "--port", "0", "--partitions", "2")
    code, out, _ = run("doctor", *flags)
    found = _found(out)
    assert code == 0
    for check in ("log", "database", "views", "python"):
        assert found[check][0][0] == "good", found
    assert found["views"][0][1].startswith("0 of ")
    assert _files(tmp_path) == before
    with sqlite3.connect(tmp_path / "data" / "views.db") as connection:
        connection.execute(
            "INSERT INTO view_failures VALUES"
            " ('core', 1, 99, 'UndecodableRecord', 'no event', NULL, 'x-1', 'A', 0)"
        )
    connection.close()
    code, out, _ = run("doctor", *flags)
    assert (code, _found(out)["views"][0][0]) == (1, "bad")
    assert "stopped at 1:99" in _found(out)["views"][0][1]
    code, out, _ = run("doctor", *flags[:-1], "3")
    assert code == 1
    assert "has 2 partitions, not 3" in _found(out)["log"][0][1]
    # A log that was lost is not one that will be made.
    (tmp_path / "data" / "log.db").unlink()
    code, out, _ = run("doctor", *flags)
    found = _found(out)
    assert (code, found["log"][0][0], found["views"][0][0]) == (1, "bad", "bad")
    assert "though snapshots of one lie beside it" in found["log"][0][1]
    assert "and there is no log" in found["views"][0][1]


async def test_views_that_follow_while_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that is appended and projected behind each answer of the log is no lost past."""
    await _filled(tmp_path)
    settings = settings_in(tmp_path / "data")
    log = open_log(settings, read_only=True)
    await log.open()
    ends = {partition: await log.end(partition) for partition in range(log.partitions)}
    # While a projector has the file open, it is not a still one.
    with closing(sqlite3.connect(tmp_path / "data" / "views.db")) as projector:
        change = "UPDATE view_positions SET position = ? WHERE partition = ?"
        projector.execute(change, (ends[0], 0))
        projector.commit()

        async def end(partition: int) -> int:
            ends[partition] += 1
            projector.execute(change, (ends[partition], partition))
            projector.commit()
            return ends[partition] - 1

        monkeypatch.setattr(log, "end", end)
        found = [one async for one in stores.check_views(settings, log)]
    await log.close()
    assert [(one.check, one.state) for one in found] == [
        ("database", State.GOOD),
        ("views", State.GOOD),
    ], found


def test_files_that_are_damaged(run: Run, tmp_path: Path) -> None:
    """They are bad, and not away: it does not help to ask again."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("log.db", "views.db"):
        (folder / name).write_bytes(b"no database" * 999)
    code, out, _ = run("doctor", "--json", "--port", "0")
    found = _found(out)
    assert code == 1
    for check in ("log", "database"):
        [(state, text)] = found[check]
        assert (state, "not a database" in text, text.count("\n")) == ("bad", True, 0)


def test_keys_and_who_may_read_them(run: Run, tmp_path: Path) -> None:
    """A file that others can read or write, a key that is missing, a file that is damaged."""
    path = tmp_path / "keys.json"
    code, out, _ = run("doctor", "--json", "--port", "0", "--host", "0.0.0.0")
    assert code == 1
    assert _found(out)["keys"][-1][0] == "bad"
    _, token = create_key(path, "shop")
    flags = ("doctor", "--json", "--port", "0", "--api-keys-file", str(path))
    for mode, state in ((0o600, "good"), (0o640, "warn"), (0o622, "bad")):
        path.chmod(mode)
        code, out, _ = run(*flags)
        assert (_found(out)["keys"][0][0], code) == (state, int(state == "bad"))
        assert token not in out
    path.write_text("{")
    path.chmod(0o600)
    code, out, _ = run(*flags)
    assert (code, _found(out)["keys"][0][0]) == (1, "bad")
    path.unlink()
    private = tmp_path / "private.db"
    private.touch()
    for mode, status in ((0o600, 0), (0o604, 1)):
        private.chmod(mode)
        code, out, _ = run(*flags, "--privacy-keys-file", str(private))
        said = [text for state, text in _found(out)["keys"] if state == "bad"]
        assert (code, len(said)) == (status, status)
        assert all(str(private) in text for text in said)


def test_a_port_that_others_have(run: Run) -> None:
    """It is told apart from a server of ours."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        other.settimeout(0)
        code, out, _ = run("doctor", "--json", "--port", port)
    assert code == 1
    ((state, text),) = _found(out)["port"]
    assert state == "bad"
    assert "not by us" in text


def test_servers_that_are_away(run: Run) -> None:
    """Exit code 3, in a sentence, with the password hidden."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    code, out, _ = run(
        "doctor", "--json", "--port", "0", "--kafka-bootstrap", f"127.0.0.1:{port}",
        "--database-url", f"postgresql://u:hidden@127.0.0.1:{port}/d", "--dev",
    )  # fmt: skip
    found = _found(out)
    assert (found["log"][0][0], found["database"][0][0]) == ("away", "away")
    assert code == 3
    assert "hidden" not in out


def test_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room, few files, a directory that is none."""
    settings = settings_in(tmp_path)
    usage = shutil.disk_usage(tmp_path)
    for free, state in ((1, State.BAD), (machine.DISK_BYTES_WARN - 1, State.WARN)):
        low = usage._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, low=low: low)
        assert [one.state for one in machine.check_disk(settings)] == [state]
    for soft, state in ((100, State.BAD), (1_024, State.WARN), (100_000, State.GOOD)):
        monkeypatch.setattr(resource, "getrlimit", lambda _which, soft=soft: (soft, soft))
        assert [one.state for one in machine.check_files(settings)] == [state]
    file = tmp_path / "file"
    file.write_text("")
    assert [one.state for one in machine.check_disk(settings_in(file))] == [State.BAD]
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        assert [one.state for one in machine.check_disk(settings)] == [State.BAD]


async def test_tables_of_another_version(tmp_path: Path) -> None:
    """Older ones are to be migrated, newer ones are not for this version."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'views.db'}"
    await upgrade(url, "0004")
    database = Database(url)
    await database.open()
    async with database.reader() as reader:
        (older,) = await check_tables(reader, "here", migrates=True)
        (must,) = await check_tables(reader, "here", migrates=False)
    assert (older.state, must.state) == (State.WARN, State.BAD)
    assert older.advice is not None
    assert "stockledger migrate" in older.advice
    await database.close()
    with sqlite3.connect(tmp_path / "views.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    await database.open()
    async with database.reader() as reader:
        (newer,) = await check_tables(reader, "here", migrates=True)
    assert newer.state == State.BAD
    await database.close()


@pytest.mark.parametrize(
    ("ahead", "state"), [(0.01, State.GOOD), (-2.0, State.WARN), (7.0, State.BAD)]
)
async def test_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float, state: State
) -> None:
    """More than five seconds off the brokers nothing is written."""
    from ledger.config.probing import Clock

    async def told(_settings: object) -> Clock:
        return Clock(ahead, 0.001)

    monkeypatch.setattr(stores, "cluster_clock", told)
    settings = settings_in(tmp_path, kafka_bootstrap="127.0.0.1:1")
    assert [one.state async for one in stores.check_clock(settings)] == [state]
