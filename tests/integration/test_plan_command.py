"""`stockledger plan` on the files of an embedded ledger, without a server."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from projections.database import Database
from projections.migrate import upgrade
from tests.contract.read_models.planning_runs.making import Trade, make, parameters
from tests.contract.read_models.projecting import project
from tests.integration.test_planning_runs import sell
from tests.unit.api.serving import client_of, receipt, settings_in, wait_ready

SECONDS_MAX = 120
AS_OF = "2026-01-18"


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """The files of a ledger that sold something, whose server has stopped."""
    async with client_of(settings_in(tmp_path / "data")) as client:
        await wait_ready(client)
        position = await sell(client, "A", {"2026-01-05": "80", "2026-01-12": "80"})
        position += "," + await sell(client, "B", {"2026-01-06": "40"})
        answer = await client.get("/v1/stock", params={"min_position": position})
        assert answer.status_code == 200
    return tmp_path


def plan(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in the folder, with these variables beside those of the surroundings."""
    environment = {name: one for name, one in os.environ.items() if "STOCKLEDGER" not in name}
    return subprocess.run(
        [sys.executable, "-m", "ops", "plan", "--data-dir", str(folder / "data"), *arguments],
        cwd=folder,
        env=environment | {"COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )


def document(folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The JSON document of the command, which ends with this code."""
    ran = plan(folder, "--json", *arguments)
    assert (ran.returncode, bool(ran.stdout)) == (code, True), ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_run_and_its_repetition(folder: Path) -> None:
    """It is made from the views alone; a row that was changed by hand is named."""
    shown = plan(folder, "--as-of", AS_OF)
    assert shown.returncode == 0, shown.stderr
    for part in ("done, as of 2026-01-18", "2 series", "80", "AX"):
        assert part in shown.stdout
    made = document(folder, "--as-of", AS_OF)
    assert (made["state"], made["origin"], made["as_of"]) == ("done", "command", AS_OF)
    assert [one["sku"] for one in made["summary"]["first"]] == ["A", "B"]
    equal = document(folder, "--repeat", made["id"])
    assert (equal["equal"], equal["compared_rows"], equal["count"]) == (True, 42, 0)
    with sqlite3.connect(folder / "data" / "views.db") as connection:
        connection.execute(
            "UPDATE planning_results SET demand = demand + 1 WHERE sku = 'B' AND run_id = ?",
            (made["id"],),
        )
    connection.close()
    other = document(folder, "--repeat", made["id"], code=1)
    assert not other["equal"]
    assert other["differences"] == [
        {
            "table": "planning_results", "key": ["B", ""], "column": "demand",
            "stored": 41, "repeated": 40,
        }
    ]  # fmt: skip


def test_an_explanation(folder: Path) -> None:
    """Of the newest run; it agrees, until somebody changes a number."""
    made = document(folder, "--as-of", AS_OF)
    shown = plan(folder, "--explain", "A")
    assert shown.returncode == 0, shown.stderr
    assert "comes out again" in shown.stdout
    found = document(folder, "--explain", "A", "--run", made["id"])
    assert (found["agrees"], found["stored"]["abc"]) == (True, "A")
    with sqlite3.connect(folder / "data" / "views.db") as connection:
        connection.execute("UPDATE planning_results SET rank = 7 WHERE sku = 'A'")
    connection.close()
    other = document(folder, "--explain", "A", code=1)
    assert [one["name"] for one in other["differences"]] == ["rank"]


def test_results_that_are_deleted(folder: Path) -> None:
    """The run is too old, which is another thing than a SKU that it does not have."""
    first = document(folder, "--as-of", AS_OF, "--planning-runs-kept", "1")
    document(folder, "--planning-runs-kept", "1")
    last = document(folder, "--planning-runs-kept", "1")
    ran = plan(folder, "--explain", "A", "--run", first["id"])
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    assert f"the run {first['id']} is too old: its results are deleted" in ran.stderr
    ran = plan(folder, "--explain", "C", "--run", last["id"])
    assert f"the run {last['id']} has no results of C" in ran.stderr


def test_parameters_of_a_file(folder: Path) -> None:
    """TOML and JSON say the same."""
    (folder / "plan.toml").write_text(
        f"as_of = {AS_OF}\n[abc]\nshares = [60, 40]\n[demand]\ncount_unmet = false\n"
    )
    (folder / "plan.json").write_text(
        json.dumps(
            {
                "as_of": AS_OF,
                "abc": {"shares": ["60", "40.0"]},
                "demand": {"count_unmet": False},
            }
        )
    )
    of_toml = document(folder, "--parameters", "plan.toml")
    of_json = document(folder, "--parameters", "plan.json")
    assert of_toml["parameters"]["abc"]["shares"] == ["60", "40"]
    assert of_toml["parameters_hash"] == of_json["parameters_hash"]
    assert of_toml["digest"] == of_json["digest"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--as-of", "soon"), "as_of"),
        (("--as-of", "2025-01-01"), "before the first movement"),
        (("--parameters", "missing.toml"), "cannot be read"),
        (("--repeat", "none"), "no planning run"),
        (("--repeat", "none", "--as-of", AS_OF), "--repeat and --explain take"),
        (("--explain", "A"), "no such planning run"),
        (("--site", "MAIN"), "go with --explain"),
        (("--repeat", "none", "--explain", "A"), "one at a time"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    """In one sentence, with exit code 2."""
    ran = plan(folder, *arguments)
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_run_that_cannot_be_ranked(folder: Path) -> None:
    """By margin without any price it fails: one sentence, and not the code of a wrong use."""
    (folder / "margin.toml").write_text('[abc]\nbasis = "margin"\n')
    ran = plan(folder, "--as-of", AS_OF, "--parameters", "margin.toml")
    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
    assert "failed: abc.basis: none of the 2 series has a price" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_run_that_cannot_be_made_of_these_items(folder: Path) -> None:
    """Only the run can know that nothing has a price; the command says the same as its row."""
    (folder / "margin.toml").write_text('[abc]\nbasis = "margin"\n')
    ran = plan(folder, "--as-of", AS_OF, "--parameters", "margin.toml")
    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
    assert " failed: " in ran.stderr
    assert "price" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_no_views_yet(tmp_path: Path) -> None:
    """There is nothing to plan."""
    ran = plan(tmp_path)
    assert ran.returncode == 1
    assert "there are no views" in ran.stderr
    assert not (tmp_path / "data").exists()


async def test_a_run_beside_a_server(tmp_path: Path) -> None:
    """The lock is in the database, so it holds between command and server."""
    async with client_of(settings_in(tmp_path / "data")) as client:
        await wait_ready(client)
        await client.post("/v1/movements", json=receipt())
        # In a thread, or the server could not go on while the command waits for it.
        ran = await asyncio.to_thread(plan, tmp_path)
        assert ran.returncode == 0, ran.stderr
        runs = (await client.get("/v1/planning/runs")).json()["items"]
        assert [one["origin"] for one in runs] == ["command"]


async def test_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """Where the views lie there, with the digits that SQLite has."""
    digests = set()
    for number, url in enumerate((None, postgres_url)):
        folder = tmp_path / str(number)
        async with client_of(settings_in(folder / "data", database_url=url)) as client:
            await wait_ready(client)
            position = await sell(client, "A", {"2026-01-05": "80", "2026-01-12": "81"})
            await client.get("/v1/stock", params={"min_position": position})
        where = () if url is None else ("--database-url", url)
        made = document(folder, "--as-of", AS_OF, *where)
        assert document(folder, "--repeat", made["id"], *where)["equal"]
        assert document(folder, "--explain", "A", *where)["agrees"]
        digests.add(made["digest"])
    assert len(digests) == 1


async def test_on_another_processor(tmp_path: Path) -> None:
    """Without any of the wide instructions that this one has, every digit is the same."""
    data = tmp_path / "data"
    data.mkdir()
    url = f"sqlite+aiosqlite:///{data / 'views.db'}"
    await upgrade(url)
    database = Database(url)
    await database.open()
    await project(Trade().log, database)
    made = await make(database, parameters(forecast={"classes": ["A", "B", "C"]}))
    await database.close()
    wide = " ".join(np.show_config("dicts")["SIMD Extensions"]["found"])
    ran = plan(tmp_path, "--json", "--repeat", made["run_id"], NPY_DISABLE_CPU_FEATURES=wide)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["equal"], found["compared_rows"]) == (True, 66)
