"""`stockledger replay` on a log in a file: what can be asked, and how the answer is written."""

import asyncio
import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ledger.config import Settings
from tests.simulation.scenario import small
from tests.unit.ops.replayed import PARTITIONS, at, tell
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story in a file; nobody changes it."""
    folder = tmp_path_factory.mktemp("replay")
    with small():
        asyncio.run(tell(Settings(partitions=PARTITIONS, data_dir=folder)))
    for name in ("snapshots.db", "views.db"):
        (folder / name).unlink(missing_ok=True)
    return folder


class Asked:
    """Asks the command about one log."""

    def __init__(self, run: Run, data: Path) -> None:
        """Of this folder."""
        self._run = run
        self.settings = ("--data-dir", str(data), "--partitions", str(PARTITIONS))

    def __call__(self, *flags: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        return self._run("replay", *self.settings, *flags)

    def document(self, *flags: str) -> dict[str, Any]:
        """The document of an answer that is good."""
        code, out, err = self(*flags, "--json")
        assert (code, err) == (0, "")
        found: dict[str, Any] = json.loads(out)
        return found

    def keys(self, *flags: str) -> dict[str, str]:
        """What lies where, of the SKU bolt."""
        skus = {one["sku"]: one for one in self.document(*flags)["skus"]}
        return {row["location"]: row["on_hand"] for row in skus.get("bolt", {"stock": []})["stock"]}


@pytest.fixture
def ask(run: Run, data: Path) -> Asked:
    """The command on the story."""
    return Asked(run, data)


def _home(ask: Asked) -> tuple[str, dict[str, Any]]:
    """The partition of bolt, and the document of that SKU."""
    document = ask.document("--sku", "bolt")
    return next(iter(document["as_of_position"])), document


def test_the_document_says_everything(ask: Asked) -> None:
    """What was read, what it comes to, and each SKU with its item, keys and open lines."""
    document = ask.document()
    assert (document["ledger_id"], document["currency"]) == ("here", "EUR")
    assert set(document["question"].values()) == {None}
    assert [one["partition"] for one in document["partitions"]] == list(range(PARTITIONS))
    assert all(len(one["head"]) == 64 for one in document["partitions"])
    names = [one["sku"] for one in document["skus"]]
    assert names == ["apple", "bolt", "orange", "pear"]
    bolt = document["skus"][1]
    assert {name: bolt[name] for name in ("on_hand", "available", "on_order", "value")} == {
        "on_hand": "37", "available": "37", "on_order": "9", "value": "18.5",
    }  # fmt: skip
    assert bolt["stock"] == [
        {"location": "SHOP/1", "lot": None, "status": "available", "on_hand": "20"},
        {"location": "SHOP/1/2", "lot": None, "status": "available", "on_hand": "10"},
        {"location": "SHOP/10", "lot": None, "status": "available", "on_hand": "7"},
    ]
    (line,) = bolt["supply"]
    assert (line["id"], line["outstanding"], line["location"]) == ("b5", "9", "SHOP/1/2")
    assert document["skus"][3]["item"]["scale"] == 2
    totals = document["totals"]
    assert (totals["skus"], totals["negative_keys"], totals["supply_lines"]) == (4, 0, 2)
    assert totals["on_hand"] == {"each": "47"}


def test_a_table_for_people(ask: Asked) -> None:
    """With what is left out."""
    code, out, err = ask("--sku", "bolt", "--show", "2")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[:3] == [
        ["SKU", "location", "lot", "status", "on", "hand", "unit"],
        ["bolt", "SHOP/1", "available", "20", "each"],
        ["bolt", "SHOP/1/2", "available", "10", "each"],
    ]
    assert "… and 1 more stock keys (--show, --json or --out give all)\n" in out
    assert "1 SKUs, 3 stock keys, 1 open supply lines" in out
    assert "on hand: 37 each; value: 18.5 EUR" in out


def test_a_place_and_all_below_it(ask: Asked) -> None:
    """A path, not a prefix of its text; the value is the share of what lies there."""
    found = ask.document("--location", "SHOP/1")
    (bolt,) = found["skus"]
    assert [row["location"] for row in bolt["stock"]] == ["SHOP/1", "SHOP/1/2"]
    assert (bolt["on_hand"], bolt["value"], bolt["on_order"]) == ("30", "15", "9")
    assert found["totals"]["skus"] == 1
    assert ask.document("--location", "NOWHERE")["skus"] == []


def test_partitions_and_positions(ask: Asked) -> None:
    """A position holds its record; partitions that are not named are left out."""
    home, whole = _home(ask)
    end = whole["as_of_position"][home]
    assert ask.keys("--partition", home) == {"SHOP/1": "20", "SHOP/1/2": "10", "SHOP/10": "7"}
    assert ask.keys("--as-of-position", f"{home}:{end}") == ask.keys("--sku", "bolt")
    # The last five records are those of bolt.
    assert ask.keys("--as-of-position", f"{home}:{end - 4}") == {"SHOP/1": "40"}
    assert ask.keys("--as-of-position", f"{home}:{end - 5}") == {}
    document = ask.document("--as-of-position", f"{home}:{end - 4}")
    assert document["as_of_position"] == {home: end - 4}


def test_as_known_and_as_it_was(ask: Asked) -> None:
    """By recorded time nothing is known of a pick that was told late; by its own it was first."""
    _, whole = _home(ask)
    assert ask.keys("--as-of", at(1), "--sku", "bolt") == {"SHOP/1": "-3"}
    document = ask.document("--as-of", at(1), "--sku", "bolt")
    assert document["totals"]["negative_keys"] == 1
    # So early nobody had told it yet, though the ledger was open.
    code, out, err = ask("--as-of", at(1), "--as-known-at", at(10), "--sku", "bolt")
    assert (code, out) == (2, "")
    assert "tells of bolt" in err
    assert ask.keys("--as-of", "2030-01-01T00:00:00Z") == ask.keys()
    assert ask.keys("--as-known-at", "2030-01-01T00:00:00Z") == ask.keys()
    assert whole["totals"]["negative_keys"] == 0


def test_a_range_shows_what_came_and_went(ask: Asked) -> None:
    """Two ranges that follow each other add up to the whole."""
    home, whole = _home(ask)
    end = whole["as_of_position"][home]
    first = ask.document("--since-position", f"{home}:{end - 5}", "--as-of-position",
                         f"{home}:{end - 3}", "--sku", "bolt")  # fmt: skip
    second = ask.document("--since-position", f"{home}:{end - 3}", "--sku", "bolt")
    assert first["partitions"][0]["movements_in_range"] == 2
    for row in second["skus"][0]["stock"]:
        before = [one for one in first["skus"][0]["stock"] if one["location"] == row["location"]]
        assert row["opening"] == (before[0]["on_hand"] if before else "0")
    assert [(row["opening"], row["in"], row["out"], row["on_hand"])
            for row in second["skus"][0]["stock"]] == [
        ("30", "0", "10", "20"), ("10", "0", "0", "10"), ("0", "7", "0", "7"),
    ]  # fmt: skip
    sku = second["skus"][0]
    assert (sku["value_opening"], sku["value_in"], sku["value_out"]) == ("20", "0", "1.5")
    by_time = ask.document("--since", at(1), "--sku", "bolt")["skus"][0]["stock"]
    assert (by_time[0]["opening"], by_time[0]["out"]) == ("-3", "17")
    since = ask.document("--since-known-at", at(-1), "--sku", "bolt")["skus"][0]["stock"]
    assert [row["opening"] for row in since] == ["0", "0", "0"]
    _, out, _ = ask("--since", at(1), "--sku", "bolt")
    assert out.splitlines()[0].split()[4:7] == ["opening", "in", "out"]


@pytest.mark.parametrize(("name", "others"), [("state.ndjson", "2"), ("state.csv", "1")])
def test_files_have_the_same_bytes(ask: Asked, name: str, others: str) -> None:
    """From one process or from several, and every time."""
    flags = ("--out", name, "--since", at(5))
    written = []
    for jobs in ("1", others):
        code, out, err = ask(*flags, "--jobs", jobs)
        assert (code, err) == (0, "")
        assert out.endswith(f"written: {name}\n")
        written.append(Path(name).read_bytes())
    assert written[0] == written[1]
    assert sorted(path.name for path in Path().iterdir()) == [name]


def test_the_lines_of_a_file(ask: Asked) -> None:
    """NDJSON begins with what it is and ends with the totals; CSV has a line for each thing."""
    document = ask.document()
    assert ask.document("--out", "a.ndjson")["written"] == "a.ndjson"
    first, *skus, last = map(json.loads, Path("a.ndjson").read_text().splitlines())
    assert first == {"kind": "replay"} | {
        name: document[name] for name in document if name not in ("totals", "skus")
    }
    assert skus == [{"kind": "sku", **one} for one in document["skus"]]
    assert last == {"kind": "totals", **document["totals"]}

    ask("--out", "a.csv")
    with Path("a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    bolt = [row for row in rows if row["sku"] == "bolt"]
    assert [row["kind"] for row in bolt] == ["sku", "stock", "stock", "stock", "supply"]
    assert (bolt[0]["value"], bolt[2]["location"], bolt[2]["on_hand"]) == (
        "18.5", "SHOP/1/2", "10",
    )  # fmt: skip
    assert (bolt[4]["supply_order"], bolt[4]["outstanding"]) == ("b5", "9")


def test_a_file_is_replaced_whole_or_not_at_all(
    ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the disk is full."""
    Path("state.csv").write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ops.replay.files.os.fsync", full)
    code, out, err = ask("--out", "state.csv")
    assert (code, out) == (3, "")
    assert "No space left" in err
    assert Path("state.csv").read_text() == "before"
    assert len(list(Path().iterdir())) == 1


def test_it_makes_nothing(run: Run, tmp_path: Path, data: Path) -> None:
    """A log that is not there is not made by looking for it."""
    code, out, err = run("replay", "--data-dir", str(tmp_path / "data"))
    assert (code, out) == (1, "")
    assert err == f"stockledger: there is no log {tmp_path / 'data' / 'log.db'}\n"
    assert not (tmp_path / "data").exists()
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    assert Asked(run, copy)()[0] == 0
    assert sorted(one.name for one in copy.iterdir() if not one.name.startswith("log.db-")) == [
        "log.db"
    ]
