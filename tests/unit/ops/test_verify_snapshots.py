"""`stockledger verify` on snapshots that fit their hash and say something else than the log."""

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.ops.test_commands import Run, own_folder, run
from tests.unit.ops.test_verify_command import data, filled, verified

__all__ = ["data", "filled", "own_folder", "run"]


def _in_parts(change: Callable[[dict[str, Any]], None]) -> None:
    """Change parts of the newest snapshot, so that it fits its hash."""
    with sqlite3.connect("data/snapshots.db") as store:
        ((generation,),) = store.execute("SELECT max(generation) FROM manifests").fetchall()
        rows = store.execute(
            "SELECT part, data FROM parts WHERE generation = ? ORDER BY part", (generation,)
        ).fetchall()
        parts = [msgspec.msgpack.decode(part) for _, part in rows]
        for part in parts:
            change(part)
        packed = [msgspec.msgpack.encode(part) for part in parts]
        ((manifest,),) = store.execute(
            "SELECT manifest FROM manifests WHERE generation = ?", (generation,)
        ).fetchall()
        said = msgspec.msgpack.decode(manifest)
        said["hash"] = hashlib.sha256(b"".join(packed)).hexdigest()
        store.executemany(
            "UPDATE parts SET data = ? WHERE part = ? AND generation = ?",
            [(part, number, generation) for (number, _), part in zip(rows, packed, strict=True)],
        )
        store.execute(
            "UPDATE manifests SET manifest = ? WHERE generation = ?",
            (msgspec.msgpack.encode(said), generation),
        )
    store.close()


def _one_id_less(part: dict[str, Any]) -> None:
    if part.get("ids"):
        part["ids"].pop([*part["ids"]][1])


def _no_filter(part: dict[str, Any]) -> None:
    part.pop("filter", None)


def _filter_with(place: int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(part: dict[str, Any]) -> None:
        if "filter" in part:
            part["filter"][place] = value(part["filter"][place])

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_one_id_less, "it lacks 1 of the "),
        (_no_filter, "its filter does not know "),
        (_filter_with(3, lambda words: bytes(len(words))), "its filter does not know "),
        (_filter_with(3, lambda words: words[:-3]), "its filter cannot be read: "),
        (_filter_with(0, lambda _number: -1), "its filter cannot be read: "),
        (_filter_with(1, lambda _capacity: 0), "its filter cannot be read: "),
        (_filter_with(1, lambda _capacity: 2**60), "its filter cannot be read: "),
        (_filter_with(3, lambda words: words + words), "its filter cannot be read: "),
        (_filter_with(1, lambda capacity: 2 * capacity), "its filter is not whole"),
    ],
)
def test_a_snapshot_that_does_not_know_an_id_differs(
    run: Run, data: Path, change: Callable[[dict[str, Any]], None], text: str
) -> None:
    """Recovered from it, a ledger would count that command a second time."""
    _in_parts(change)
    code, found = verified(run)
    one, *_ = found["shown"]
    assert (code, one["code"]) == (1, "snapshot_differs")
    assert one["text"].startswith(text)
