"""Where a load writes what was refused: files, links, pipes, devices, and places that are none."""

import asyncio
import json
import os
import threading
from pathlib import Path

import pytest

from ops.console import CommandError, ExitCode
from ops.loading.checkpoint import read_checkpoint
from ops.loading.load import Load, Plan
from ops.loading.rows import Row
from tests.unit.ops.mapping_files import MINIMAL, mapper, row
from tests.unit.ops.test_load import Ledger, load, rejects, rows

BROKEN = Row(3, {}, "broken")


def load_into(tmp_path: Path, path: Path, ledger: Ledger, lines: list[Row]) -> None:
    """Load rows; their rejects go there."""
    plan = Plan(mapper(tmp_path, MINIMAL), 2, tmp_path / "checkpoint", path)
    asyncio.run(Load(plan, lambda _counts: None).run(iter(lines), ledger))


def test_rejects_into_a_pipe_leave_it_there(tmp_path: Path) -> None:
    """A load that refuses nothing must not take away what is no file, such as /dev/null."""
    os.mkfifo(tmp_path / "rejects")
    load(tmp_path, Ledger(), [row(2)])
    assert (tmp_path / "rejects").is_fifo()


def test_rejects_through_a_pipe(tmp_path: Path) -> None:
    """They arrive; a checkpoint would say that they are kept, so a load that was ended sends all
    again."""
    pipe, heard = tmp_path / "rejects", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()), daemon=True)
    reader.start()
    with pytest.raises(CommandError, match="gone"):
        load(tmp_path, Ledger(requests_max=6), [BROKEN, *rows(90)])
    reader.join(10)
    assert json.loads(heard[0].splitlines()[0])["line"] == 3
    assert read_checkpoint(tmp_path / "checkpoint") is None


def test_what_was_refused_before_stays_until_there_is_an_answer(tmp_path: Path) -> None:
    """While the server is away it is all that is known of those lines."""
    (tmp_path / "rejects").write_text("of before")
    with pytest.raises(CommandError, match="gone"):
        load(tmp_path, Ledger(requests_max=0), [row(2)])
    assert (tmp_path / "rejects").read_text() == "of before"
    load(tmp_path, Ledger(), [row(2)])
    assert not (tmp_path / "rejects").exists()


def test_a_file_without_rows_has_no_rejects(tmp_path: Path) -> None:
    """Nothing has to be asked for that to be known."""
    (tmp_path / "rejects").write_text("of before")
    load(tmp_path, Ledger(requests_max=0), [])
    assert not (tmp_path / "rejects").exists()


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("before", [None, "", "of before\n"])
def test_a_link_stays_a_link(tmp_path: Path, before: str | None, refused: bool) -> None:
    """What is refused goes to where it leads, and what was refused before does not stay there."""
    if before is not None:
        (tmp_path / "there").write_text(before)
    (tmp_path / "rejects").symlink_to("there")
    load(tmp_path, Ledger(), [row(2), *([BROKEN] if refused else [])])
    assert (tmp_path / "rejects").is_symlink()
    if refused:
        assert [one["line"] for one in rejects(tmp_path)] == [3]
    else:
        assert (tmp_path / "there").exists() is (before is not None)
        assert before is None or (tmp_path / "there").read_text() == ""


@pytest.mark.parametrize("refused", [False, True])
def test_rejects_to_a_stream(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], refused: bool
) -> None:
    """Where stdout is a file, what it has already stays, and what is printed then comes behind."""
    os.write(1, b"mine\n")
    load_into(tmp_path, Path("/dev/stdout"), Ledger(), [row(2), *([BROKEN] if refused else [])])
    os.write(1, b"done\n")
    lines = capfd.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == ("mine", "done")
    assert [json.loads(line)["line"] for line in lines[1:-1]] == [3] * refused


def test_nothing_is_kept_of_a_stream(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It may be another file the next time."""
    with pytest.raises(CommandError, match="gone"):
        load_into(tmp_path, Path("/dev/stdout"), Ledger(requests_max=6), [BROKEN, *rows(90)])
    assert json.loads(capfd.readouterr().out.splitlines()[0])["line"] == 3
    assert read_checkpoint(tmp_path / "checkpoint") is None


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (".", "Is a directory"),
        ("nowhere/rejects", "No such file"),
        ("/proc/rejects", "No such file"),
        ("link", "No such file"),
        ("loop", "symbolic link"),
        ("mapping.toml/rejects", "Not a directory"),
    ],
)
def test_rejects_that_cannot_be_written(tmp_path: Path, place: str, why: str) -> None:
    """It is told before anything is sent."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "rejects")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    ledger = Ledger()
    with pytest.raises(CommandError, match=f"{place} cannot be written: .*{why}") as told:
        load_into(tmp_path, tmp_path / place, ledger, [row(2)])
    assert told.value.code == ExitCode.USAGE
    assert ledger.requests == 0


def test_rejects_on_a_full_disk(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(CommandError, match=r"^/dev/full cannot be written: No space") as told:
        load_into(tmp_path, Path("/dev/full"), Ledger(), [row(2), BROKEN])
    assert told.value.code == ExitCode.UNAVAILABLE
