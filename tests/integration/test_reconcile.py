"""`stockledger reconcile` on real sales beside a running server."""

import csv
import gzip
import itertools
import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from examples.retail import opening, statement
from ops.cli import app
from ops.console import CommandError
from tests.integration.shell import MAPPING, RETAIL, SECONDS_MAX, Shell, on_hand

LINES = 400
# Amid the lines, so that goods move after the statement too.
AS_OF = "2010-12-01T10:00:00Z"


class Place(NamedTuple):
    """A served ledger with sales in it, and a warehouse's statement of an earlier moment."""

    folder: Path
    url: str
    position: str
    left: Counter[str]
    stated: list[tuple[str, int]]
    server: Any


def run(*arguments: str) -> tuple[int, str, str]:
    """A command in this process: exit code, stdout, and what it says."""
    done = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "200"})
    if isinstance(done.exception, CommandError):
        return int(done.exception.code), done.stdout, str(done.exception)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Real sales, and the opening stock and the statement that the example makes up."""
    folder = tmp_path_factory.mktemp("reconcile")
    shell = Shell(folder)
    sales = folder / "sales.csv"
    with gzip.open(RETAIL / "sample.csv.gz", "rt") as lines:
        sales.write_text("".join(itertools.islice(lines, LINES + 1)))
    needed, _, costs = opening.needed(sales, MAPPING)
    opening.write(folder / "opening.csv", needed, costs)
    left = Counter(needed)
    for sku, quantity in opening.changes(sales, MAPPING):
        left[sku] += quantity
    process, url = shell.serve()
    loaded = {}
    for file, mapping in ((folder / "opening.csv", RETAIL / "opening.toml"), (sales, MAPPING)):
        code, out, err = run("load", str(file), "--mapping", str(mapping), "--url", url, "--json")
        assert code == 0, err
        loaded = json.loads(out)
    stated = statement.lines(statement.stock_at(sales, MAPPING, AS_OF))
    write(folder / "3pl.csv", stated)
    yield Place(folder, url, loaded["positions"], left, stated, process)
    shell.close()


def write(path: Path, stated: list[tuple[str, Any]]) -> None:
    """The statement as the warehouse writes it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([("Article", "On hand"), *stated, ("TOTAL", "")])


def reconcile(place: Place, file: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the document."""
    code, out, err = run(
        "reconcile", str(place.folder / file), "--mapping", str(RETAIL / "statement.toml"),
        "--data-dir", str(place.folder / "data"), "--url", place.url, "--json", *arguments,
    )  # fmt: skip
    assert out, err
    document: dict[str, Any] = json.loads(out)
    return code, document


def positions(place: Place) -> str:
    """How far the server has read when everything loaded is there."""
    address = f"{place.url}/v1/stock?limit=1&min_position={place.position}"
    with urllib.request.urlopen(address, timeout=SECONDS_MAX) as answer:
        assert answer.status == 200
    return place.position


def some_skus(place: Place, stated: dict[str, Any], name: str, fields: str = "") -> list[str]:
    """A statement of a few SKUs, that says nothing of others; the arguments that name it."""
    file, mapping = place.folder / f"{name}.csv", place.folder / f"{name}.toml"
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows([("sku", "quantity"), *stated.items()])
    mapping.write_text(
        f'[fields]\nsku = "{{sku}}"\nquantity = "{{quantity}}"\n{fields}\n'
        "[statement]\ncomplete = false\n"
    )
    return [str(file), "--mapping", str(mapping), "--data-dir", str(place.folder / "data"),
            "--url", place.url]  # fmt: skip


def test_real_sales(place: Place) -> None:
    """What is wrong in the statement is found, as of then; applied once, whatever moved since."""
    positions(place)
    first, second, third, fourth, *_ = sorted(
        {sku for sku, _ in place.stated[:-1]} | place.left.keys()
    )
    wrong = {first: "-2", second: "3", third: ..., statement.UNKNOWN[0]: "4"}
    code, found = reconcile(place, "3pl.csv", "--as-of", AS_OF)
    assert code == 1
    assert found["counts"] == {
        "differing": 2, "missing_in_ledger": 1, "missing_in_statement": 1,
        "matched": len(place.stated) - 1 - 3,
    }  # fmt: skip
    differences = {one["sku"]: one["difference"] for one in found["differences"]}
    wrong[third] = differences[third]
    assert differences == wrong
    assert found["skipped"] == {"total": 1}
    code, applied = reconcile(place, "3pl.csv", "--as-of", AS_OF, "--yes")
    assert code == 0
    assert [one["status"] for one in applied["applied"]] == ["accepted"] * 4
    for _ in range(2):
        code, again = reconcile(place, "3pl.csv", "--as-of", AS_OF, "--yes")
        assert (code, again["differences"], "applied" in again) == (0, [], False)
    for sku in (first, second, fourth):
        expected = place.left[sku] + int(differences.get(sku, "0"))
        assert on_hand(place.url, sku, place.position) == expected


def test_a_position(place: Place) -> None:
    """An adjustment can never be part of the stock at an earlier position, and yet it counts."""
    positions(place)
    sku = sorted(place.left)[10]
    said = some_skus(place, {sku: place.left[sku] + 5}, "position")
    said += ["--as-of-position", place.position]
    assert run("reconcile", *said)[0] == 1
    code, out, _ = run("reconcile", *said, "--yes")
    assert code == 0
    assert "1 of 1 adjustments are recorded" in out
    code, out, _ = run("reconcile", *said, "--json")
    again = json.loads(out)
    assert (code, again["counts"]) == (0, {"matched": 1})
    assert on_hand(place.url, sku, place.position) == place.left[sku] + 5


def test_stock_that_moves_meanwhile(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not overwritten: the line is refused, and the next look proposes anew."""
    positions(place)
    sku = sorted(place.left)[11]
    have = place.left[sku]
    said = some_skus(place, {sku: have - 3}, "moving", 'location = "MAIN"')

    def asked(*_: object) -> bool:
        send(place, {"type": "pick", "sku": sku, "quantity": "1", "location": "MAIN"})
        return True

    monkeypatch.setattr("ops.reconcile._confirmed", asked)
    code, out, _ = run("reconcile", *said, "--apply")
    assert code == 1
    assert "the stock moved since it was read" in out
    monkeypatch.setattr("ops.reconcile._confirmed", lambda *_: False)
    code, out, _ = run("reconcile", *said, "--apply")
    assert code == 1
    assert "-2 lost" in out
    assert "none is made" in out
    monkeypatch.setattr("ops.reconcile._confirmed", lambda *_: True)
    assert run("reconcile", *said, "--apply")[0] == 0
    assert run("reconcile", *said)[0] == 0


def send(place: Place, movement: dict[str, str]) -> None:
    """Record a movement, and wait until reads see it."""
    body = json.dumps(movement).encode()
    request = urllib.request.Request(
        f"{place.url}/v1/movements", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
        at = answer.headers["Ledger-Position"]
    address = f"{place.url}/v1/stock?limit=1&min_position={at}"
    with urllib.request.urlopen(address, timeout=SECONDS_MAX) as answer:
        assert answer.status == 200


def test_a_table_without_formulas(place: Place) -> None:
    """A SKU that a spreadsheet would take for a formula is shown as a text."""
    positions(place)
    said = some_skus(place, {"=1+1": "2", "": "1", "@x": "-3"}, "formulas")
    target = place.folder / "out.csv"
    code, out, _ = run("reconcile", *said, "--csv", str(target))
    assert code == 1
    assert "line 3 cannot be read: sku is empty" in out
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sku"], row["kind"], row["difference"]) for row in rows] == [
        ("'=1+1", "missing_in_ledger", "2"), ("'@x", "missing_in_ledger", "-3"),
        ("", "unreadable_line", ""),
    ]  # fmt: skip


def test_what_cannot_be_done_is_said(place: Place) -> None:
    """A server that is away, nobody to ask, a moment that was not yet or is not yet."""
    sku = sorted(place.left)[12]
    said = some_skus(place, {sku: "100000"}, "wrong", 'location = "MAIN"')
    code, _, err = run("reconcile", *said, "--apply")
    assert (code, "nobody to ask" in err) == (2, True)
    code, _, err = run("reconcile", *said, "--yes", "--url", "http://127.0.0.1:9")
    assert (code, "cannot be asked" in err) == (3, True)
    code, _, err = run("reconcile", *said, "--as-of", "2010-11-01T00:00:00Z")
    assert (code, "nothing had happened yet" in err) == (2, True)
    # What the views have by --min-position does not make the moment an earlier one.
    beyond = ["--as-of-position", "0:999999", "--min-position", "0:0,0:1"]
    code, _, err = run("reconcile", *said, *beyond)
    assert (code, "not read that far" in err) == (2, True)
