"""`stockledger verify` where nothing lies: it proves nothing, and what lies beside it tells."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ledger.adapters.sqlite_file import place_of
from ledger.config import Settings
from ledger.log import Record
from ops.verify import empty, levels
from projections.publishers.level_documents import LevelsPublishedData, mark_record
from tests.contract.read_models.cases import MemoryLog
from tests.tampering.world import World
from tests.unit.ops.test_commands import Run, own_folder, run
from tests.unit.ops.test_verify_command import (
    ONE,
    by_hand,
    data,
    filled,
    long_log,
    verified,
    write_log,
)

__all__ = ["data", "filled", "long_log", "own_folder", "run"]

Remains = Callable[[], object]


def _codes(found: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(one["code"], one["where"]) for one in found["shown"]]


def test_a_new_ledger_is_not_called_sound(run: Run) -> None:
    """It is no error, and nothing is said to be proved."""
    assert run("topics", "--create", *ONE)[0] == 0
    code, found = verified(run)
    assert (code, found["nothing_to_verify"], found["findings"]) == (0, True, 0)
    code, out, _ = run("verify", *ONE)
    assert (code, out.splitlines()[0]) == (
        0, "nothing to verify: the log is empty, in 1 partitions; 0 findings",
    )  # fmt: skip
    assert "of ledger" not in out


def _without(*files: str) -> None:
    for name in files:
        Path("data", name).unlink()


def _unknown_snapshot() -> None:
    """Of a format that is not known here, so that it cannot be compared."""
    _without("views.db")
    with sqlite3.connect("data/snapshots.db") as store:
        rows = store.execute("SELECT generation, manifest FROM manifests").fetchall()
        for generation, manifest in rows:
            said = {**msgspec.msgpack.decode(manifest), "format": 99}
            store.execute(
                "UPDATE manifests SET manifest = ? WHERE generation = ?",
                (msgspec.msgpack.encode(said), generation),
            )
    store.close()


def _only_a_position(group: str) -> Remains:
    def leave() -> None:
        _without("snapshots.db")
        with sqlite3.connect("data/views.db") as views:
            names = views.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            for (name,) in names:
                if name not in ("alembic_version", "view_positions"):
                    views.execute(f"DELETE FROM {name}")
            views.execute("UPDATE view_positions SET view_group = ?", (group,))
        views.close()

    return leave


@pytest.mark.parametrize(
    ("leave", "named"),
    [
        (lambda: _without("snapshots.db"), ("ahead_of_log", "views of partition 0")),
        (lambda: _without("views.db"), ("ahead_of_log", "snapshot of partition 0")),
        (_unknown_snapshot, ("ahead_of_log", "snapshot of partition 0")),
        (_only_a_position("demand"), ("view_differs", "view_positions 'demand', 0")),
        (_only_a_position("history"), ("view_differs", "view_positions 'history', 0")),
    ],
)
def test_what_lies_beside_an_emptied_log_tells(
    run: Run, data: Path, leave: Remains, named: tuple[str, str]
) -> None:
    """Whatever of it is left."""
    by_hand("log.db", "DELETE FROM records")
    leave()
    code, found = verified(run)
    assert code == 1
    assert named in _codes(found)
    assert found["nothing_to_verify"] is True


def test_a_seal_of_an_emptied_log(run: Run, data: Path) -> None:
    """It is said once, and not that the seal is of another ledger."""
    assert run("seal", *ONE, "--new-key", "key.pem")[0] == 0
    assert run("seal", *ONE, "--key", "key.pem", "--into", "seals")[0] == 0
    by_hand("log.db", "DELETE FROM records")
    _without("views.db", "snapshots.db")
    code, found = verified(run, "--seal", "seals", "--public-key", "key.pem.pub")
    assert (code, _codes(found)) == (1, [("shorter_than_seal", "0:0")])


def test_levels_that_were_published(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They know of records, whether there are views to compare them with or not."""
    topic = MemoryLog(1)

    def opened(_settings: Settings, *, read_only: bool) -> MemoryLog:
        assert read_only
        return topic

    monkeypatch.setattr(empty, "open_levels", opened)
    monkeypatch.setattr(levels, "open_levels", opened)
    by_hand("log.db", "DELETE FROM records")
    _without("views.db", "snapshots.db")
    assert verified(run)[0] == 0
    mark = LevelsPublishedData("here", 0, 17, "0" * 64, "one")
    topic.put(0, _record(mark_record(mark, 0)))
    for flags in ((), ("--no-views",)):
        code, found = verified(run, *flags)
        assert (code, _codes(found)) == (1, [("ahead_of_log", "levels 0")])
        assert "up to offset 16" in found["shown"][0]["text"]
    assert verified(run, "--no-levels")[0] == 0


def _record(new: tuple[bytes, bytes, bytes | None]) -> Record:
    return Record(0, 0, new[0], new[1], 0)


def test_one_partition_that_was_emptied(run: Run, own_folder: None) -> None:
    """A ledger is opened in all of them before anything else is written."""
    world = World(partitions=3).go_on(30)
    Path("data").mkdir()
    write_log(Path("data/log.db"), world)
    flags = ("--partitions", "3")
    by_hand("log.db", f"DELETE FROM records WHERE place >= {place_of(2, 0)}")
    code, out, err = run("verify", *flags)
    assert code == 1
    assert "gap 2:0: the partition is empty; its ledger was opened in all of them" in err
    assert "not checked: partitions: nothing is in 2" in out
    code, out, err = run("verify", *flags, "--partition", "2")
    assert (code, "gap 2:0: " in err, "nothing to verify" in out) == (1, True, True)
    # While it is opened for the first time, one partition follows the other.
    by_hand("log.db", f"DELETE FROM records WHERE place & {place_of(1, 0) - 1} > 0")
    code, out, _ = run("verify", *flags)
    assert (code, "not checked: partitions: nothing is in 2" in out) == (0, True)
    code, out, _ = run("verify", *flags, "--partition", "2")
    assert (code, out.startswith("nothing to verify: ")) == (0, True)


def test_what_was_not_checked_is_said(run: Run, data: Path) -> None:
    """With the reason; levels are compared with views, so that they go with them."""

    def left(*flags: str) -> dict[str, str]:
        return {one["what"]: one["why"] for one in verified(run, *flags)[1]["not_checked"]}

    found = left()
    assert found.keys() == {"demand", "history", "levels", "seal"}
    assert found["demand"] == "not made yet of partitions 0"
    found = left("--no-views", "--no-snapshots")
    assert (found["views"], found["snapshots"]) == ("--no-views", "--no-snapshots")
    kafka = Settings(kafka_bootstrap="127.0.0.1:1", _env_file=None)
    from ops.verify.left_out import levels_left_out

    (one,) = levels_left_out(kafka, wanted=True, views=False)
    assert (one.what, "the view of stock" in one.why) == ("levels", True)
    (one,) = levels_left_out(kafka, wanted=False, views=True)
    assert one.why == "--no-levels"
    assert list(levels_left_out(kafka, wanted=True, views=True)) == []
    by_hand("snapshots.db", "DELETE FROM manifests")
    assert left()["snapshots"] == "there is none to compare of partitions 0"
    _without("views.db", "snapshots.db")
    found = left()
    assert (found["views"], found["snapshots"]) == ("there are none", "there are none")
    out = run("verify", *ONE, "--no-views")[1]
    for line in ("not checked: views: --no-views", "not checked: seal: no seal was given"):
        assert line in out


def test_lists_that_are_cut_say_so(
    run: Run, long_log: Path, own_folder: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many there are, and how many of them are in the document."""
    shutil.copytree(long_log.parent, "data")
    code, found = verified(run)
    assert (code, found["cut"]) == (0, {})
    count = found["void"]
    assert count == len(found["void_records"]) > 2
    monkeypatch.setattr("ops.verify.report.VOID_LISTED_MAX", 2)
    by_hand("log.db", "UPDATE records SET stated = 9999 WHERE place IN (50, 60, 70)")
    code, found = verified(run, "--show", "1")
    assert (code, len(found["void_records"])) == (1, 2)
    assert found["cut"]["void_records"] == {"listed": 2, "of": found["void"]}
    assert found["cut"]["shown"] == {"listed": len(found["shown"]), "of": found["findings"]}
    err = run("verify", *ONE, "--show", "1")[2]
    assert "3 of stated_ahead: " in err
    assert "(1 shown)" in err
    monkeypatch.setattr("ops.verify.report._VOID_SHOWN_MAX", 1)
    assert f"void: the first 1 of {found['void']}: 0:" in run("verify", *ONE)[1]
