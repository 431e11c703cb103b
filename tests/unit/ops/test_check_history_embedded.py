"""The command on the embedded log, its snapshots and its views, as files."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

from ledger.config import Settings, open_log, open_snapshots
from ledger.service import Ledger
from projections.database import Database
from projections.migrate import upgrade
from projections.runner import Projector
from tests.simulation.scenario import small
from tests.unit.ops.story import COMMANDS, Caller, encode
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

WAIT_SECONDS = 60
FLAGS = ("calls.ndjson", "--partitions", "1", "--json")


async def _fill(settings: Settings) -> Caller:
    """A ledger in this process tells the story, and a projector writes the views."""
    settings.data_dir.mkdir()
    log, store, caller = open_log(settings), open_snapshots(settings), Caller()
    await log.open()
    await store.open()
    ledger = Ledger(
        log, store, None, instance="one", new_ledger_id=lambda: "here", snapshot_every_records=8
    )
    await ledger.start()
    for asked in COMMANDS:
        await caller.tell(ledger, asked)
    await ledger.close()
    await upgrade(settings.views_url)
    database = Database(settings.views_url)
    await database.open()
    projector = Projector(log, database)
    task = asyncio.create_task(projector.run())
    await projector.positions.wait_for({0: await log.end(0) - 1}, WAIT_SECONDS)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.close()
    await store.close()
    await log.close()
    return caller


def _checked(run: Run, *flags: str) -> tuple[int, dict[str, Any]]:
    code, out, err = run("check-history", *FLAGS, *flags)
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return code, found


def test_log_views_and_snapshots_agree(run: Run) -> None:
    """And where a file was changed by hand, that is found."""
    with small():
        caller = asyncio.run(_fill(Settings(partitions=1)))
    Path("calls.ndjson").write_bytes(b"\n".join(map(encode, caller.operations)))
    code, found = _checked(run)
    assert (code, found["shown"]) == (0, [])
    assert (found["views"], found["snapshots"]) == ({"0": found["records"]}, 1)

    with sqlite3.connect("data/views.db") as views:
        views.execute("UPDATE stock SET on_hand = on_hand + 1 WHERE account = '@supplier'")
    views.close()
    code, found = _checked(run)
    assert (code, found["by_code"]) == (1, {"unbalanced": 2, "view_differs": 2})
    assert _checked(run, "--no-views")[0] == 0

    with sqlite3.connect("data/snapshots.db") as snapshots:
        snapshots.execute("DELETE FROM parts WHERE part = 0")
    snapshots.close()
    code, found = _checked(run, "--no-views")
    ignored = ["partition 0: its parts are not those of its manifest"]
    assert (code, found["snapshots"], found["snapshots_ignored"]) == (0, 0, ignored)

    with sqlite3.connect("data/log.db") as log:
        log.execute(
            "UPDATE records SET value = CAST("
            """replace(CAST(value AS TEXT), '"quantity":"10"', '"quantity":"11"') AS BLOB"""
            ") WHERE place = 3"
        )
    log.close()
    code, found = _checked(run, "--no-views")
    assert code == 1
    assert found["by_code"].keys() >= {"chain_broken", "wrong_balance", "wrong_content"}
