"""Files of an export: under their final name only once all of them are whole and on disk."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger.presence import exists, is_dir
from ledger.whole_files import sync_folder
from ops.console import CommandError
from ops.exporting.manifest import File
from ops.whole_files import unwritten

BUFFER_BYTES = 1024 * 1024


class OutputFile:
    """A new file that knows its length and hash."""

    def __init__(self, path: Path) -> None:
        """Make it. Raises OSError, as everything here."""
        self._path = path
        self._file = path.open("xb", buffering=BUFFER_BYTES)
        self._hash = hashlib.sha256()
        self._bytes = 0
        self.rows = 0

    def write(self, data: bytes, rows: int) -> None:
        """Add rows in their bytes."""
        self._file.write(data)
        self._hash.update(data)
        self._bytes += len(data)
        self.rows += rows

    def finish(self) -> File:
        """Bring it to the disk; what the manifest says of it."""
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        return File(self._path.name, self.rows, self._bytes, self._hash.hexdigest())

    def close(self) -> None:
        """Let go of it, whatever is in it."""
        with suppress(OSError):
            self._file.close()


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A folder beside `target` that takes its name if nothing goes wrong, and else disappears.

    Raises CommandError if there is something under that name, or nothing can be written.
    """
    try:
        if exists(target) and (not is_dir(target) or any(target.iterdir())):
            raise CommandError(f"{target} is there already; name a folder that is not")
        folder = target.parent / f".{target.name}-{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
    except OSError as error:
        raise unwritten(target, error) from error
    try:
        yield folder
        sync_folder(folder)
        folder.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise unwritten(target, error) from error
    finally:
        if exists(folder):
            shutil.rmtree(folder, ignore_errors=True)
