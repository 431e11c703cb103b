"""What commands say of files that they write, or must not."""

import errno
from pathlib import Path
from typing import Final

from ops.console import CommandError, ExitCode

# The name cannot be written to, whatever there is room for: the command was used wrongly.
_NAME_ERRORS: Final = frozenset(
    {
        errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
        errno.ENOTDIR, errno.EPERM, errno.EROFS,
    }
)  # fmt: skip


def unwritten(path: Path, error: OSError, left: str = "; nothing of it was left") -> CommandError:
    """What is said where a file could not be written, and of what is left of it."""
    code = ExitCode.USAGE if error.errno in _NAME_ERRORS else ExitCode.UNAVAILABLE
    why = error.strerror or str(error)
    return CommandError(f"{path} cannot be written: {why}{left}", code)


def refuse_same(flag: str, output: Path | None, given: Path | None) -> None:
    """Raise CommandError where what is to be written would take the place of what is read."""
    if output is None or given is None:
        return
    try:
        same = output.samefile(given)
    except OSError:
        # One of them is not there.
        return
    if same:
        raise CommandError(f"{flag} {output} is a file that the command reads")
