"""`stockledger rebuild` beside a server that serves, on the files of an embedded ledger."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
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


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    """In a sentence each, with its exit code."""
    for arguments, code, says in (
        ((), 1, "there is no log"),
        (("--status", "--drop-old"), 2, "one at a time"),
        (("--roll-back", "--no-swap"), 2, "do not go with"),
    ):
        ran = run(tmp_path / "none", *arguments)
        assert (ran.returncode, says in ran.stderr) == (code, True), ran.stderr
