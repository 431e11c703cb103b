"""Files that appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from ledger.whole_files import PRIVATE, in_place_of, write_new
from ops.console import ExitCode
from ops.whole_files import unwritten


def test_a_file_takes_the_place_of_another(tmp_path: Path) -> None:
    """With the rights of any new file; of a link it is the file that it leads to."""
    path, link = tmp_path / "a", tmp_path / "link"
    link.symlink_to(path)
    umask = os.umask(0o027)
    try:
        for text in (b"first", b"second"):
            with in_place_of(link) as file:
                file.write(text)
    finally:
        os.umask(umask)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"second", 0o640)
    assert link.is_symlink()
    with in_place_of(Path("/dev/null")) as file:
        file.write(b"a device is written to, and stays one")
    assert not Path("/dev/null").is_file()


def test_what_goes_wrong_leaves_what_was_there(tmp_path: Path) -> None:
    """And nothing beside it."""
    path = tmp_path / "a"
    path.write_bytes(b"before")

    def fail() -> None:
        with in_place_of(path) as file:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert (path.read_bytes(), [*tmp_path.iterdir()]) == (b"before", [path])


def test_a_new_file_is_never_over_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor on a file system without links."""
    path = tmp_path / "a"
    write_new(path, b"secret", PRIVATE)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"secret", 0o600)

    def no_links(_self: Path, _target: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    for _ in range(2):
        with pytest.raises(FileExistsError):
            write_new(path, b"other")
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    write_new(tmp_path / "b", b"new")
    assert (tmp_path / "b").read_bytes() == b"new"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, ExitCode.UNAVAILABLE), (errno.EFBIG, ExitCode.UNAVAILABLE),
     (errno.ENOENT, ExitCode.USAGE), (errno.EACCES, ExitCode.USAGE)],
)  # fmt: skip
def test_whose_fault_it_is(number: int, code: ExitCode) -> None:
    """A full disk is no wrong use."""
    error = unwritten(Path("x"), OSError(number, os.strerror(number)))
    assert (error.code, str(error).startswith("x cannot be written: ")) == (code, True)
