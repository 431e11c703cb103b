"""The file of what a load refused."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from ledger.presence import exists, is_dir, is_file, is_symlink
from ops.whole_files import unwritten

_STREAMS = (1, 2)


class Rejects:
    """Lines of NDJSON. What an earlier load left there stays until something is answered: until
    then it is all that is known of those lines.

    A device, a pipe and a stream of this process, such as /dev/stdout, are somebody else's and
    stay as they are; of a link, only the file that it leads to is ours.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is touched yet."""
        self._path = path
        self._file: IO[bytes] | None = None
        self._stale = True

    def check(self) -> None:
        """See that lines can be written, before anything is sent. Raises CommandError."""
        path = self._path
        with self._told():
            was_there = exists(path)
            if was_there and not (is_file(path) or is_dir(path)):
                return  # to open a pipe is to wait for its reader
            path.open("ab").close()
            if not was_there:
                Path(os.path.realpath(path)).unlink(missing_ok=True)

    def go_on(self, kept_bytes: int) -> bool:
        """Keep what a checkpoint knows of, if it is there; lines after it will come again."""
        with self._told():
            if kept_bytes == 0:
                return True
            if not is_file(self._path) or self._path.stat().st_size < kept_bytes:
                return False
            self._stale = False
            self._file = self._path.open("r+b")
            self._file.truncate(kept_bytes)
            self._file.seek(kept_bytes)
        return True

    def write(self, lines: list[dict[str, Any]]) -> None:
        """Write down what was refused, now that something was answered. Raises CommandError."""
        with self._told():
            self._drop_stale()
            if lines and self._file is None:
                self._file = self._begun()
            if self._file is not None:
                self._file.writelines(msgspec.json.encode(one) + b"\n" for one in lines)
                self._file.flush()

    def kept_bytes(self) -> int | None:
        """How much the next load may rely on; None if lines went where they cannot be kept."""
        if self._file is None:
            return 0
        return self._file.tell() if self._is_own() else None

    def end(self) -> None:
        """Everything was answered. Raises CommandError."""
        with self._told():
            self._drop_stale()
            if self._file is not None:
                self._file.close()

    def close(self) -> None:
        """Let go of the file, whatever happened."""
        if self._file is not None:
            with suppress(OSError):  # that it cannot be written was told already
                self._file.close()

    def _begun(self) -> IO[bytes]:
        # A stream has a place of its own in its file, at which others go on.
        stream = self._stream()
        return self._path.open("wb") if stream is None else os.fdopen(os.dup(stream), "wb")

    def _drop_stale(self) -> None:
        if self._stale and self._is_own():
            if is_symlink(self._path):
                os.truncate(self._path, 0)
            else:
                self._path.unlink(missing_ok=True)
        self._stale = False

    def _is_own(self) -> bool:
        return is_file(self._path) and self._stream() is None

    def _stream(self) -> int | None:
        """The stream of this process that the path is; None if it is none."""
        for stream in _STREAMS:
            with suppress(OSError):  # it is closed, or the path leads nowhere
                if os.path.samestat(os.fstat(stream), self._path.stat()):
                    return stream
        return None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unwritten(self._path, error, "") from None
