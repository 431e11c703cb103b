"""The command, its report, its file format, and what it costs."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.config import Settings, open_log
from ledger.log import Record
from ops.check_history.check import Stored, check_log
from ops.check_history.findings import CODES
from ops.check_history.history import History, HistoryMalformed, Operation, read_history
from tests.simulation.clock import run as run_virtually
from tests.unit.ops.story import StoredLog, Story, encode, story
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

ROOT = Path(__file__).parents[3]
CALL: dict[str, Any] = {
    "client": "c", "op": "movement", "id": "m1", "sku": "A", "sent_ns": 5, "answered_ns": 6,
    "outcome": "accepted", "partition": 0, "offset": 1,
}  # fmt: skip


def _write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))
    return path


def _log(made: Story) -> None:
    """The story as the embedded log of this folder."""

    async def fill() -> None:
        log = open_log(Settings(partitions=1))
        await log.open()
        await log.append(0, 0, [(one.key, one.value, None) for one in made.records()])
        await log.close()

    Path("data").mkdir()
    asyncio.run(fill())
    Path("calls.ndjson").write_bytes(b"\n".join(map(encode, made.calls)))


def test_a_good_history(run: Run) -> None:
    """One line says what was checked."""
    _log(story())
    code, out, err = run("check-history", "calls.ndjson", "--partitions", "1")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "0 findings: 30 operations, 28 records that count (13 movements, 11 refusals), 0 void ones,"
        " 1 partitions",
        "compared: no views, 0 snapshots, 0 SKUs of a server",
    ]


def test_a_bad_history(run: Run) -> None:
    """The first of each code, and how many there are."""
    made = story()
    for identity in ("m12", "m13", "m11"):
        made.calls.remove(made.call(identity))
    _log(made)
    flags = ("calls.ndjson", "--partitions", "1", "--show", "1")
    code, out, err = run("check-history", *flags)
    assert code == 1
    assert out.startswith("3 findings: ")
    assert err.splitlines() == [
        "unsent 0:13: m11 counts, and no client sent it",
        f"3 of unsent: {CODES['unsent']}",
    ]
    code, out, _ = run("check-history", *flags, "--json")
    found = json.loads(out)
    assert (code, found["findings"], found["by_code"]) == (1, 3, {"unsent": 3})
    assert len(found["shown"]) == 1
    assert run("check-history", *flags, "--others")[0] == 0


def test_what_it_cannot_do(run: Run) -> None:
    """In a sentence, with the right exit code."""
    code, _, err = run("check-history", "calls.ndjson")
    assert (code, err) == (1, "stockledger: there is no log data/log.db\n")
    _log(story())
    code, _, err = run("check-history", "nowhere.ndjson", "--partitions", "1")
    assert (code, err) == (2, "stockledger: nowhere.ndjson: No such file or directory\n")
    Path("calls.ndjson").write_text('{"client":"c"}\n')
    code, _, err = run("check-history", "calls.ndjson", "--partitions", "1")
    assert code == 2
    assert err.startswith("stockledger: calls.ndjson, line 1: ")
    _write(Path("calls.ndjson"), CALL)
    closed = ("--live", "http://127.0.0.1:9")
    assert run("check-history", "calls.ndjson", "--partitions", "1", *closed)[0] == 3


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "good"},
        {"op": "movements"},
        {"answered_ns": 4},
        {"answered_ns": None},
        {"offset": None},
        {"offset": None, "partition": None},
        {"id": ""},
        {"sent_ns": "5"},
    ],
    ids=str,
)
def test_a_line_that_is_no_operation(tmp_path: Path, change: dict[str, Any]) -> None:
    """It is named; nothing is checked on a guess."""
    with pytest.raises(HistoryMalformed, match="line 3"):
        read_history([_write(tmp_path / "calls", CALL, {**CALL, **change})])


def test_members_of_other_tools_are_ignored(tmp_path: Path) -> None:
    """And empty lines."""
    history = read_history([_write(tmp_path / "calls", CALL, {**CALL, "mood": "good"})])
    assert [one.id for one in history.operations] == ["m1", "m1"]


def test_the_format_is_documented() -> None:
    """Every member, every outcome and every code."""
    text = (ROOT / "docs" / "reliability.md").read_text()
    named = set(re.findall(r"`(\w+)`", text))
    assert set(Operation.__struct_fields__) <= named
    assert {"accepted", "refused", "invalid", "unwritten", "unknown"} <= named
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)).items() >= CODES.items()


# ---- cost


def _calls_of(repeats: int) -> int:
    """Calls of functions that it takes to check the story so many times over."""
    made = story()
    partitions: list[list[Record]] = []
    operations: list[Operation] = []
    for partition in range(repeats):
        partitions.append(_of_partition(partition))
        operations += [_moved(one, partition) for one in made.calls]
    log, history = StoredLog(partitions), History(operations)
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        result = run_virtually(check_log(log, history, Stored()))
    finally:
        sys.setprofile(None)
    assert result.findings.kept == []
    return calls


def _of_partition(partition: int) -> list[Record]:
    """The story with names of its own, in a partition of its own."""
    made = story(partition)
    for event in made.events:
        event["id"] = f"{event['id']}-{partition}"
        event["subject"] = f"{event['subject']}-{partition}"
        command = event["data"].get("command", {})
        for name in command.keys() & {"id", "sku", "reverses", "original_id"}:
            command[name] = f"{command[name]}-{partition}"
    return made.records()


def _moved(call: Operation, partition: int) -> Operation:
    asked = call.asked or {}
    for name in asked.keys() & {"id", "sku", "reverses", "original_id"}:
        asked[name] = f"{asked[name]}-{partition}"
    return msgspec.structs.replace(
        call,
        id=f"{call.id}-{partition}",
        sku=f"{call.sku}-{partition}",
        partition=None if call.partition is None else partition,
        command=msgspec.Raw(encode(asked)),
    )


def test_the_cost_grows_with_the_history() -> None:
    """Twice as much takes twice as long: counted, so that no other process has a part in it."""
    once, twice = _calls_of(40), _calls_of(80)
    assert twice < once * 2.1
