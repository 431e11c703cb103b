"""The command line in process: flags, one-sentence errors, keys, settings."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.config import Settings, open_log
from ledger.events import envelope
from ledger.writer.opening import open_partitions
from ops import cli
from ops.check_history.history import History
from ops.check_history.live import read_live
from ops.console import CommandError
from tests.unit.ops.mapping_files import MINIMAL

LOAD = ["load", "a.csv", "--mapping", "m.toml"]


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Away from any `.env`, and wide enough for every line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


class Run:
    """Runs the command line as a shell would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Output is captured."""
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code, stdout and stderr."""
        self._monkeypatch.setattr(sys, "argv", ["stockledger", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = self._capsys.readouterr()
        return int(caught.value.code or 0), out, err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line."""
    return Run(monkeypatch, capsys)


def test_every_setting_is_a_flag(run: Run) -> None:
    """With its help and default."""
    code, out, _ = run("serve", "--help")
    assert code == 0
    for flag in ("--kafka-bootstrap", "--no-dev", "--view-wait-seconds", "--data-dir"):
        assert flag in out
    assert "Undefined" not in out


def test_config_shows_what_is_in_force(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags before variables; secrets masked."""
    monkeypatch.setenv("STOCKLEDGER_PORT", "1")
    monkeypatch.setenv("STOCKLEDGER_PARTITIONS", "3")
    monkeypatch.setenv("STOCKLEDGER_KAFKA_SASL_PASSWORD", "hidden")
    code, out, _ = run(
        "config", "--json", "--port", "2", "--dev", "--roles", "writer,api",
        "--database-url", "postgresql://u:hidden@h/d",
    )  # fmt: skip
    shown: dict[str, Any] = json.loads(out)["settings"]
    assert code == 0
    assert (shown["port"], shown["partitions"], shown["dev"]) == (2, 3, True)
    assert shown["roles"] == "api,writer"
    assert shown["database_url"] == "postgresql+asyncpg://u:**********@h/d"
    assert "hidden" not in out
    code, out, _ = run("config")
    assert code == 0
    assert "hidden" not in out
    assert "STOCKLEDGER_KAFKA_BOOTSTRAP" in out


def test_nothing_is_cut_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal, each line is whole, and no part of a value is markup."""
    monkeypatch.setenv("COLUMNS", "40")
    url = "postgresql+asyncpg://average@[fe80::1]/a-database-of-a-long-name"
    out = run("config", "--database-url", url)[1]
    assert ["database_url", url, "STOCKLEDGER_DATABASE_URL"] in map(str.split, out.splitlines())
    name = "a [bold] scanner " * 5
    made = json.loads(run("keys", "create", name.strip(), "--json")[1])
    assert f"{made['id']}  {name.strip()}  " in run("keys", "list")[1]


def test_config_check_names_what_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable would otherwise be silently without effect."""
    assert run("config", "--check")[0] == 0
    monkeypatch.setenv("STOCKLEDGER_KAFKA_BOOSTRAP", "h:1")
    code, out, _ = run("config", "--check", "--json", "--api-keys-file", "missing")
    assert code == 1
    assert json.loads(out)["wrong"] == [
        "STOCKLEDGER_KAFKA_BOOSTRAP is set, but there is no such setting; "
        "is it STOCKLEDGER_KAFKA_BOOTSTRAP?",
        "api_keys_file: there is no file missing",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "plan.toml cannot be read"),
        ("[abc]\nshares = [80, 15, 6]", "abc.shares: the shares add up to 101, not to 100"),
        ('as_of = "2026-01-18"', "scheduled runs are about the present"),
        ("[what_if]\nlate_days = 3", "scheduled runs are about the present"),
    ],
)
def test_config_check_reads_the_parameters_of_scheduled_runs(
    run: Run, tmp_path: Path, text: str | None, says: str
) -> None:
    """And names the setting, as `serve` does, which would not start with them."""
    path = tmp_path / "plan.toml"
    if text is not None:
        path.write_text(text)
    code, out, _ = run("config", "--check", "--json", "--planning-parameters", str(path))
    assert code == 1
    [wrong] = json.loads(out)["wrong"]
    assert wrong.startswith("planning_parameters: ")
    assert says in wrong
    path.write_text("[abc]\nshares = [80, 20]")
    assert run("config", "--check", "--planning-parameters", str(path))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["serve", "--planning-schedule", "25:00"], 2, ": expected a time of day such as 03:15"),
        (["serve", "--currency", "eur"], 2, ": expected a code of three capital letters such as"),
        (["serve", "--kafka-security-protocol", "x"], 2, "protocol): expected 'PLAINTEXT', 'SSL'"),
        (["serve", "--group-session-seconds", "x"], 2, "--group-session-seconds): expected a num"),
        (["serve", "--handoff-seconds", "inf"], 2, "--handoff-seconds): it is at most 300\n"),
        (["serve", "--port", "99999"], 2, "(STOCKLEDGER_PORT, --port): it is at most 65535"),
        (["serve", "--port", "x"], 2, "(STOCKLEDGER_PORT, --port): expected a whole number\n"),
        (["serve", "--roles", "seller"], 2, "expected some of api, planner, projector"),
        (["serve", "--host", "0.0.0.0"], 2, "API keys are needed"),
        (["serve", "--data-dir", "/dev/null/x"], 2, "data directory /dev/null/x cannot be written"),
        (["serve", "--prot", "1"], 2, "No such option"),
        (["load", "missing.csv", "--mapping", "m.toml"], 2, "there is no file missing.csv"),
        (["load", "a.csv", "--mapping", "missing.toml"], 2, "missing.toml cannot be read"),
        (["load", "a.csv", "--mapping", "bad.toml"], 2, "the file has no column 'Cod'"),
        ([*LOAD, "--api-key-file", "no"], 2, "no cannot be read"),
        ([*LOAD, "--batch", "0"], 2, "--batch"),
        ([*LOAD, "--url", "nowhere"], 2, "no address"),
        ([*LOAD, "--url", "http://127.0.0.1:9", "--patience", "0"], 3, "gave up"),
        ([*LOAD, "--rejects", "a.csv"], 2, "--rejects a.csv is a file that the command reads"),
        ([*LOAD, "--rejects", "./m.toml"], 2, "m.toml is a file that the command reads"),
        (["keys", "revoke", "nobody"], 1, "there is no API key nobody"),
        (["keys", "create", ""], 2, "a name has"),
    ],
)
def test_a_wrong_use_is_said_in_a_sentence(
    run: Run, tmp_path: Path, arguments: list[str], code: int, part: str
) -> None:
    """Without a traceback, with the documented exit code."""
    (tmp_path / "a.csv").write_text("Code,Quantity\nA,1\n")
    (tmp_path / "m.toml").write_text(MINIMAL)
    (tmp_path / "bad.toml").write_text(MINIMAL.replace("{Code}", "{Cod}"))
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert part in err
    assert "Traceback" not in err
    assert {"a.csv", "m.toml", "bad.toml"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("command", [("tail",), ("export", "out"), ("check-history", "a.ndjson")])
def test_a_folder_that_cannot_be_looked_into(run: Run, command: tuple[str, ...]) -> None:
    """Whatever the reason, it is said."""
    code, _, err = run(*command, "--data-dir", "a" * 300)
    assert (code, "log.db cannot be read: File name too long" in err) == (2, True)


def test_a_key_that_is_no_text(run: Run, tmp_path: Path) -> None:
    """It is found before the log is opened."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "log.db").write_text("something")
    (tmp_path / "key").write_bytes(b"\xff")
    code, _, err = run("check-history", "a.ndjson", "--api-key-file", "key")
    assert (code, "key cannot be read" in err) == (2, True)


@pytest.mark.parametrize("url", ["nowhere", "http://h:x"])
def test_a_server_that_has_no_address(url: str) -> None:
    """Its stock is not asked for."""
    with pytest.raises(CommandError, match="is no address"):
        asyncio.run(read_live(History([]), url, None))


def test_keys_are_made_listed_and_revoked(run: Run, tmp_path: Path) -> None:
    """The key itself is shown once and kept nowhere."""
    code, out, _ = run("keys", "create", "scanner", "--json", "--read-only")
    made = json.loads(out)
    assert code == 0
    assert made["roles"] == ["read"]
    assert made["key"].rpartition("_")[2] not in (tmp_path / "data" / "api-keys.json").read_text()
    code, out, _ = run("keys", "list", "--json")
    assert [one["id"] for one in json.loads(out)] == [made["id"]]
    assert "scanner" in run("keys", "list")[1]
    assert run("keys", "revoke", made["id"])[0] == 0
    assert json.loads(run("keys", "list", "--json")[1]) == []


@pytest.mark.parametrize("command", [["list"], ["create", "scanner"], ["revoke", "a"]])
def test_a_key_file_that_is_damaged(command: list[str], run: Run, tmp_path: Path) -> None:
    """It is named, and stays what it is."""
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "api-keys.json"
    file.write_text("{")
    code, _, err = run("keys", *command)
    assert (code, file.read_text()) == (1, "{")
    assert "api-keys.json" in err


def test_topics_without_kafka(run: Run) -> None:
    """It says what the log is."""
    code, _, err = run("topics")
    assert code == 1
    assert "does not exist yet" in err
    code, out, _ = run("topics", "--create", "--partitions", "3")
    assert code == 0
    assert "the log is this SQLite file, 3 partitions: good" in out
    code, out, _ = run("topics", "--partitions", "3")
    assert (code, "3 partitions: good" in out) == (0, True)
    code, out, _ = run("topics", "--json")
    assert code == 1  # twelve are asked for, three are there
    assert json.loads(out)["kind"] == "sqlite"


def test_the_level_of_the_log_is_raised(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every partition once; run again it finds nothing to do."""
    level = envelope.LEVEL_SUPPORTED + 1
    command = ("topics", "--raise-level", str(level), "--partitions", "2")
    code, _, err = run(*command)
    assert code == 2
    assert f"reads events up to level {envelope.LEVEL_SUPPORTED}; upgrade every instance" in err
    levels = {**envelope.TYPE_LEVELS, "stock.scrap.v1": level}
    monkeypatch.setattr("ledger.service.TYPE_LEVELS", levels)
    monkeypatch.setattr(envelope, "LEVEL_SUPPORTED", level)
    code, _, err = run(*command)
    assert code == 1
    assert "there is no log" in err
    assert run("topics", "--create", "--partitions", "2")[0] == 0
    code, _, err = run(*command)
    assert code == 1
    assert "the log is empty" in err
    _open_log(Settings(partitions=2))
    code, out, _ = run(*command)
    assert code == 0
    assert [line.partition(" from")[0] for line in out.splitlines()] == [
        f"partition 0: level {level}",
        f"partition 1: level {level}",
    ]
    code, out, _ = run(*command, "--json")
    assert code == 0
    shown = json.loads(out)
    assert [one["detail"] for one in shown["partitions"]] == [f"is at level {level} already"] * 2
    monkeypatch.setattr(envelope, "LEVEL_SUPPORTED", level - 1)
    monkeypatch.setattr("ledger.service.TYPE_LEVELS", envelope.TYPE_LEVELS)
    code, _, err = run("topics", "--raise-level", "1", "--partitions", "2")
    assert code == 1
    assert "LevelUnsupported" in err
    assert run("topics", "--raise-level", "1", "--create")[0] == 2


def _open_log(settings: Settings) -> None:
    """What a server does when it first starts."""

    async def opened() -> None:
        log = open_log(settings)
        await log.open()
        await open_partitions(log, "11111111-1111-4111-8111-111111111111", "EUR", lambda: 1)
        await log.close()

    asyncio.run(opened())


def test_version(run: Run) -> None:
    """The version of the distribution."""
    assert run("--version")[1].startswith("stockledger 0")
