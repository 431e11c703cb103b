"""`stockledger as-of` on the views alone."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.domain.movements import Issue
from ops import cli
from projections.database import Database
from projections.migrate import upgrade
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import project

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Views of ten that came and four that had left the day before."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('views') / 'views.db'}"

    async def fill() -> None:
        await upgrade(url)
        database = Database(url)
        await database.open()
        log = MemoryLog(2)
        teller = Teller(log)
        teller.tell(receipt("r", "A", location="[red]", occurred_at="2026-01-01T00:00:00Z"))
        left = "2025-12-31T00:00:00Z"
        teller.tell(Issue(id="i", sku="A", quantity="4", location="[red]", occurred_at=left))
        Teller(log, 1).tell(receipt("d", "D"))
        await project(log, database)
        await database.close()

    asyncio.run(fill())
    return url


@pytest.fixture
def run(
    views: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """The command: arguments to exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*arguments: str) -> tuple[int, str, str]:
        command = ["stockledger", "as-of", "--database-url", views, *arguments]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return ran


@pytest.mark.parametrize(
    ("arguments", "on_hand", "negative"),
    [
        ((), "6", False),
        (("--as-of", "2025-12-31T12:00:00Z"), "-4", True),
        (("--as-of-position", "0:1"), "10", False),
        (("--as-of", "2025-12-31T12:00:00Z", "--as-of-position", "0:1"), "0", False),
        (("--as-known-at", "1970-01-01T00:00:00Z"), "0", False),
    ],
)
def test_one_document(run: Run, arguments: tuple[str, ...], on_hand: str, negative: bool) -> None:
    """Of each clock, of both, and of now."""
    code, out, err = run("A", "--json", *arguments)
    assert code == 0, err
    found = json.loads(out)
    assert (found["on_hand"], found["negative"]) == (on_hand, negative)


def test_for_people(run: Run) -> None:
    """A table, in which names mean themselves."""
    code, out, _ = run("A", "--as-of", "2025-12-31T12:00:00Z")
    assert code == 0
    for part in ("A: on hand -4", "up to position 0:2", "[red]", "-4 negative"):
        assert part in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("B",), 1, "the SKU B was never seen"),
        (("A", "--as-of", "yesterday"), 2, "--as-of: expected an instant"),
        (("A", "--as-known-at", "2026-13-01T00:00:00Z"), 2, "--as-known-at: "),
        (("A", "--as-of-position", "x"), 2, '--as-of-position: expected positions such as "3:17"'),
        (("A", "--as-of-position", "0:99"), 2, "the views have not read 0:99"),
        (("A", "--as-of-position", "7:0"), 2, "there is no partition 7; 0 to 1"),
        (("A", "--as-of-position", "1:0"), 2, "the SKU A is in partition 0"),
    ],
)
def test_what_is_wrong_is_said(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    """In one sentence, with its exit code."""
    ended, out, err = run(*arguments)
    assert (ended, out) == (code, "")
    assert says in err
    assert err.count("\n") == 1
