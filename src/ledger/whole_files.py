"""Files that appear under their names whole or not at all, also where the disk is full."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from ledger.presence import exists, is_file, is_symlink

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644
# A file system that has no links, such as that of a memory stick.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


@contextmanager
def in_place_of(path: Path, mode: int | None = None) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` once it is whole and on the disk. Raises OSError.

    `mode` are its rights, those of any new file where there is none. What is no file, such as a
    pipe, is written to as it is; where `path` is a link, the file that it leads to is replaced.
    """
    if exists(path) and not is_file(path):
        with path.open("wb") as file:
            yield file
        return
    target = path.resolve() if is_symlink(path) else path
    with _beside(
        target, _usual_mode() if mode is None else mode, lambda one: one.replace(target)
    ) as file:
        yield file


def write_new(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Make a file, and never over another. Raises FileExistsError, OSError."""
    with _beside(path, mode, lambda temporary: _link(temporary, path)) as file:
        file.write(content)


def sync_folder(folder: Path) -> None:
    """Names are on disk only with their folder. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _beside(path: Path, mode: int, name_it: Callable[[Path], object]) -> Iterator[IO[bytes]]:
    """A file in the same folder, readable for its owner alone until its rights are set."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        name_it(temporary)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _link(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.rename(path)


def _usual_mode() -> int:
    """The rights of any file that a command makes."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
