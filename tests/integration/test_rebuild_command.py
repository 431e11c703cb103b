"""`stockledger rebuild` beside a server that serves, on the files of an embedded ledger."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.unit.api.serving import client_of, receipt, settings_in, wait_ready

SECONDS_MAX = 120


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command, without the settings of the surroundings."""
    environment = {name: one for name, one in os.environ.items() if "STOCKLEDGER" not in name}
    return subprocess.run(
        [
            sys.executable, "-m", "ops", "rebuild", "--data-dir", str(folder),
            "--partitions", "2", *arguments,
        ],
        env=environment | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )  # fmt: skip


def change_by_hand(views: Path) -> None:
    """Claim that there are 90 of everything."""
    with sqlite3.connect(views, timeout=SECONDS_MAX) as connection:
        connection.execute("UPDATE sku_totals SET on_hand = 90")
    connection.close()


async def document(folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """What it says with `--json`, ending with this code."""
    ran = await asyncio.to_thread(run, folder, "--json", *arguments)
    assert ran.returncode == code, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


async def test_beside_a_server(tmp_path: Path) -> None:
    """What was changed by hand is named, replaced, brought back, and never keeps a write waiting.

    The server is not started again, and shows what it is told before and after each step.
    """

    async def tell(quantity: str) -> str:
        answer = await client.post("/v1/movements", json=receipt(quantity=quantity))
        position = {"min_position": answer.headers["ledger-position"]}
        shown = await client.get("/v1/stock/A", params=position)
        assert shown.status_code == 200, shown.text
        on_hand: str = shown.json()["on_hand"]
        return on_hand

    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        assert await tell("10") == "10"
        # Beside the event loop: the server may be in the middle of a transaction.
        await asyncio.to_thread(change_by_hand, tmp_path / "views.db")
        assert await tell("1") == "91"
        found = await document(tmp_path, code=1)
        assert (found["swapped"], found["equal"]) == (True, False)
        assert [one["table"] for one in found["tables"] if not one["equal"]] == ["sku_totals"]
        assert await tell("1") == "12"
        status = await document(tmp_path, "--status")
        assert (status["lag"], status["build"]) == (0, None)
        assert (
            status["kept"]["records"] == status["views"][0]["end"] + status["views"][1]["end"] - 1
        )
        await document(tmp_path, "--roll-back")
        assert await tell("1") == "93"
        shown = await asyncio.to_thread(run, tmp_path)
        assert shown.returncode == 1, shown.stderr
        assert "differs: sku=A: on_hand is 93, built 13" in shown.stdout
        assert "and is live now" in shown.stdout
        assert await tell("1") == "14"


async def test_views_of_lost_history_stay_away(tmp_path: Path) -> None:
    """The log is restored from an older copy, and the way back leads to what it has lost."""
    log, older = tmp_path / "log.db", tmp_path / "older.db"
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        for number in range(3):
            answer = await client.post("/v1/movements", json=receipt(quantity="1"))
            position = {"min_position": answer.headers["ledger-position"]}
            assert (await client.get("/v1/stock/A", params=position)).status_code == 200
            if not number:
                await asyncio.to_thread(_copy, log, older)
    for name in ("log.db-wal", "log.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    older.replace(log)
    for lost in ("snapshots.db", "snapshots.db-wal", "snapshots.db-shm"):
        (tmp_path / lost).unlink(missing_ok=True)
    assert (await document(tmp_path, "--restored"))["swapped"]
    ran = await asyncio.to_thread(run, tmp_path, "--roll-back")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "but the views that are kept have read it up to" in ran.stderr
    async with client_of(settings_in(tmp_path)) as client:
        await wait_ready(client)
        assert (await client.get("/v1/stock/A")).json()["on_hand"] == "1"


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    """In a sentence each, with its exit code."""
    for arguments, code, says in (
        ((), 1, "there is no log"),
        (("--status", "--drop-old"), 2, "one at a time"),
        (("--roll-back", "--no-swap"), 2, "do not go with"),
        (("--drop-old", "--restored"), 2, "do not go with"),
    ):
        ran = run(tmp_path / "none", *arguments)
        assert (ran.returncode, says in ran.stderr) == (code, True), ran.stderr
