"""Whether something is there: the same answer on every version of Python."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.presence import exists, is_dir, is_file, is_symlink

ALL = (exists, is_file, is_dir, is_symlink)


def _answers(path: Path) -> tuple[bool, ...]:
    return tuple(look(path) for look in ALL)


def test_what_is_there(tmp_path: Path) -> None:
    """Links are followed, but for the question whether it is one."""
    file, link, lost = tmp_path / "file", tmp_path / "link", tmp_path / "lost"
    file.write_bytes(b"")
    link.symlink_to(tmp_path)
    lost.symlink_to(tmp_path / "none")
    assert _answers(file) == (True, True, False, False)
    assert _answers(tmp_path) == (True, False, True, False)
    assert _answers(link) == (True, False, True, True)
    assert _answers(lost) == (False, False, False, True)


@pytest.mark.parametrize("name", ["none", "none/none", "file/none", "zero\0byte", "ring/none"])
def test_what_is_not(tmp_path: Path, name: str) -> None:
    """Neither below a file nor in a ring of links can anything be."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    assert _answers(tmp_path / name) == (False, False, False, False)


@pytest.mark.parametrize("look", ALL)
def test_what_cannot_be_seen(tmp_path: Path, look: Callable[[Path], bool]) -> None:
    """It is not taken for missing."""
    with pytest.raises(OSError, match="too long"):
        look(tmp_path / ("a" * 300))
