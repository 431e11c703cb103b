"""An embedded log whose tables were altered by hand: each command says so, with exit code 1."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.ops.exports import BUSY, FLAGS, PARTITIONS, empty_page, forgotten, make_ledger
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["forgotten", "own_folder", "run"]

COMMANDS = {
    "verify": ("verify", "--jobs", "1"),
    "export": ("export", "out"),
    "replay": ("replay", "--jobs", "1"),
    "tail": ("tail", "--count", "1"),
    "seal": ("seal", "--key", "key.pem", "--into", "seals"),
    "topics": ("topics", "--create"),
    "rebuild": ("rebuild",),
}
DESCRIPTION = "data/log.db: its description of the log is damaged: the table ledger does not have"
OUTSIDE = f"outside its partitions 0 to {PARTITIONS - 1}, the first at partition"
# Whoever waits for a log that is away does so for a minute.
SECONDS_MAX = 30.0
RECORD = "INSERT INTO records (place, stated, key, value, timestamp_ms) VALUES"
DAMAGES = {
    "DELETE FROM ledger": DESCRIPTION,
    "UPDATE ledger SET partitions = 'x'": DESCRIPTION,
    "UPDATE ledger SET partitions = CAST(x'ff' AS TEXT)": DESCRIPTION,
    "UPDATE ledger SET partitions = 3.5": DESCRIPTION,
    "UPDATE ledger SET partitions = 0": DESCRIPTION,
    "INSERT INTO ledger VALUES (3)": DESCRIPTION,
    # Far too many to look at each.
    "UPDATE ledger SET partitions = 1 << 62": "data/log.db has 4611686018427387904 partitions",
    "DROP TABLE ledger": "data/log.db is damaged: it has no table ledger.",
    "DROP TABLE records": "data/log.db is damaged: it has no table records.",
    "DROP TABLE records; DROP TABLE ledger": "it has no table ledger. data/log.db is damaged",
    "ALTER TABLE records DROP COLUMN traceparent": "its table records has no traceparent.",
    "ALTER TABLE ledger RENAME COLUMN partitions TO parts": "its table ledger has no partitions.",
    f"{RECORD} (3 << 40, 0, 'HIST', '{{}}', 0)": f"1 record lies {OUTSIDE} 3, offset 0.",
    f"{RECORD} (-1, 0, '', '', 0), ((9 << 40) + 7, 0, '', '', 0)": (
        f"2 records lie {OUTSIDE} -1, offset 1099511627775."
    ),
}


@pytest.fixture(autouse=True)
def _ledger(own_folder: None) -> None:
    make_ledger(Path("data"))


def by_hand(script: str) -> None:
    """Alter the log with another tool."""
    with closing(sqlite3.connect("data/log.db")) as connection:
        connection.executescript(script)


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_is_a_sentence_that_names_the_file(run: Run, damage: str) -> None:
    """Waiting mends none of it, so it is not said that something does not answer."""
    by_hand(damage)
    before = Path("data/log.db").read_bytes()
    for command in ("verify", "topics"):
        code, out, err = run(*COMMANDS[command], *FLAGS)
        assert (code, out) == (1, "")
        assert err.startswith("stockledger: data/log.db")
        assert DAMAGES[damage] in err
        assert err.count("\n") == 1
    assert Path("data/log.db").read_bytes() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_is_asked_of_it(run: Run, command: str) -> None:
    """The same words and the same code."""
    assert run("seal", "--new-key", "key.pem")[0] == 0
    by_hand("DROP TABLE records")
    code, out, err = run(*COMMANDS[command], *FLAGS)
    assert (code, out) == (1, "")
    # A bar of progress may have begun before it.
    assert err.splitlines()[-1] == "stockledger: data/log.db is damaged: it has no table records."


@pytest.mark.parametrize("damage", DAMAGES)
def test_doctor_has_it_among_its_findings(run: Run, damage: str) -> None:
    """As something that is wrong, and not as something that is away."""
    by_hand(damage)
    code, out, err = run("doctor", "--json", "--port", "0", *FLAGS)
    assert (code, err) == (1, "")
    found = [one for one in json.loads(out)["findings"] if one["check"] == "log"]
    assert {one["state"] for one in found} == {"bad"}
    assert DAMAGES[damage] in " ".join(one["text"] for one in found)


def test_a_page_that_cannot_be_read_ends_a_rebuild_at_once(run: Run) -> None:
    """With its place in the log, as any reader says it, and not as if the views were to blame."""
    empty_page()
    _, _, err = run("replay", "--jobs", "1", *FLAGS)
    place = err.splitlines()[-1]
    assert place.startswith(f"stockledger: partition {BUSY}, offset ")
    assert "malformed" in place
    began = time.monotonic()
    code, out, err = run("rebuild", *FLAGS)
    assert (code, out, err.splitlines()[-1]) == (1, "", place)
    assert time.monotonic() - began < SECONDS_MAX


def test_a_first_record_that_is_no_event_ends_a_rebuild_with_its_partition(run: Run) -> None:
    """It is read before all others, to learn whose log this is."""
    by_hand("UPDATE records SET value = 'x' WHERE place = 0")
    code, out, err = run("rebuild", *FLAGS)
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("stockledger: partition 0: offset 0: JSON is malformed")
