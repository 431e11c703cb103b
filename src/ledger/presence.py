"""Whether something is there, or cannot be looked at: Python 3.14 takes the one for the other.

There `Path.exists` and its like say that nothing is there whatever the reason is, so that a folder
without rights would be reported as missing.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP})


def exists(path: Path) -> bool:
    """Whether anything is there. Raises OSError where that cannot be seen, as everything here."""
    return _status(path) is not None


def is_file(path: Path) -> bool:
    """Whether a file is there, or a link to one."""
    found = _status(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_dir(path: Path) -> bool:
    """Whether a folder is there, or a link to one."""
    found = _status(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def is_symlink(path: Path) -> bool:
    """Whether a link is there, wherever it leads to."""
    found = _status(path, follow_symlinks=False)
    return found is not None and stat.S_ISLNK(found.st_mode)


def _status(path: Path, *, follow_symlinks: bool = True) -> os.stat_result | None:
    try:
        return path.stat(follow_symlinks=follow_symlinks)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    except ValueError:
        # A name with a zero byte, which nothing can have.
        return None
