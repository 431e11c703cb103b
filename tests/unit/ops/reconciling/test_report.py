"""What a reconciliation shows."""

import csv
import errno
import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from ops.console import CommandError, ExitCode
from ops.reconciling.compare import Tolerance, Unreadable
from ops.reconciling.keys import Level
from ops.reconciling.proposals import Adjustment, Policy, Unproposed
from ops.reconciling.reconcile import Order, Outcome
from ops.reconciling.report import document, safe, show, write_csv
from ops.reconciling.statement import Statement, Terms
from projections.history.moments import Moment
from tests.unit.ops.reconciling.made import Side, at, lines

LEVEL = Level()
ORDER = Order(
    Statement(count=4, skipped={"total": 1}), Terms(), LEVEL, Policy("s", finest=False),
    Tolerance(), 0,
)  # fmt: skip


def outcome() -> Outcome:
    """One of a few kinds, and a line that cannot be read."""
    stock = {at("A", "M", "L", "available"): 5, at("B", "M", "", "available"): 1,
             at("C", "M", "", "available"): 7}  # fmt: skip
    rows = Side(lines((at("A"), "3"), (at("B"), "1"), (at("=D"), "2")), stock, LEVEL).rows()
    wrong = {row.key: row for row in rows if row.kind != "matched"}
    first = Adjustment("i", at("A", "M", "L", "available"), -2, 5, 0, "lost")
    return Outcome(
        Moment({0: 18, 1: 0}),
        rows,
        [Unreadable(5, "-sku is empty")],
        {rows[1].key: [first]},
        [Unproposed(row, "why not") for key, row in wrong.items() if key.sku != "A"],
        None,
    )


def shown(shown_max: int) -> str:
    """What people see."""
    out = io.StringIO()
    show(Console(file=out, width=200), ORDER, outcome(), shown_max)
    return out.getvalue()


def test_people_see_counts_and_the_first_differences() -> None:
    """Columns that are not compared are left out; the place of a proposal is said then."""
    text = shown(10)
    for part in (
        "by sku, as of now", "4 lines: 1 differing, 1 matched, 1 missing in ledger, 1 missing in",
        "skipped, total: 1", "line 5 cannot be read: -sku is empty", "-2 lost at M lot L",
        "why not",
    ):  # fmt: skip
        assert part in text
    assert "location" not in text
    assert "2 more differences; --json and --csv have all" in shown(1)
    assert "3 more differences" in shown(0)


def test_programs_see_everything() -> None:
    """Quantities as exact texts; what is not compared is missing, and positions are as in HTTP."""
    found = document(ORDER, outcome(), None)
    assert found["moment"] == {"as_of": None, "as_of_position": {"0": 17}}
    assert found["differences"][1] == {
        "sku": "A", "kind": "differing", "stated": "3", "on_hand": "5", "adjusted": "0",
        "difference": "-2", "lines": [2], "line_count": 1,
    }  # fmt: skip
    assert found["adjustments"][0]["expected_on_hand"] == "5"
    assert found["unproposed"][0] == {"sku": "=D", "why": "why not"}
    assert found["unreadable"] == [{"line": 5, "detail": "-sku is empty", "sku": None}]
    assert "applied" not in found


def test_a_table_in_a_file(tmp_path: Path) -> None:
    """Every key and line; no text begins as a formula does."""
    write_csv(tmp_path / "a.csv", outcome())
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sku"], row["kind"], row["difference"]) for row in rows] == [
        ("'=D", "missing_in_ledger", "2"), ("A", "differing", "-2"), ("B", "matched", "0"),
        ("C", "missing_in_statement", "-7"), ("", "unreadable_line", ""),
    ]  # fmt: skip
    assert rows[-1]["why_not"] == "'-sku is empty"
    with pytest.raises(CommandError, match="cannot be written"):
        write_csv(tmp_path, outcome())


def test_a_table_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of before stays as it was, and nothing lies beside it."""
    path = tmp_path / "a.csv"
    path.write_text("before")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CommandError, match="No space left") as caught:
        write_csv(path, outcome())
    assert caught.value.code == ExitCode.UNAVAILABLE
    assert (path.read_text(), [*tmp_path.iterdir()]) == ("before", [path])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_formulas(start: str) -> None:
    """All signs that spreadsheets take for the start of one."""
    assert safe(f"{start}1") == f"'{start}1"
    assert safe("1=1") == "1=1"
