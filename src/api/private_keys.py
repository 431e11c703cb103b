"""The file of keys of private texts: one key a subject, which is erased with all it can open.

A SQLite file apart from log and views, because nothing of it may be in their copies. Its rows are
overwritten when they are deleted (`secure_delete`), and no write-ahead log keeps older pages. What
a disk, a file system or a backup keeps of a file is beyond that: see docs/privacy.md.
"""

import base64
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from ledger.errors import LedgerError
from ledger.presence import exists
from ledger.whole_files import PRIVATE, write_new

# AES-SIV with two keys of 256 bits (RFC 5297).
KEY_BYTES: Final = 64
REF_BYTES: Final = 16
BUSY_SECONDS: Final = 10.0
APPLICATION_ID: Final = 0x534C504B  # "SLPK"
_FORMAT: Final = 1
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SCHEMA: Final = """
CREATE TABLE keys (
    ref TEXT PRIMARY KEY,
    subject TEXT UNIQUE,
    key BLOB,
    created TEXT NOT NULL,
    erased TEXT,
    CHECK ((subject IS NULL) = (erased IS NOT NULL) AND (key IS NULL) = (erased IS NOT NULL))
) WITHOUT ROWID
"""
_MARKS: Final = """
SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
FROM pragma_application_id, pragma_user_version
"""
_ERASE: Final = """
UPDATE keys SET subject = NULL, key = NULL, erased = ?
WHERE erased IS NULL AND (subject = ? OR ref = ?)
RETURNING ref, subject, created, erased
"""


class PrivateKeysUnusable(LedgerError):
    """The file of keys of private texts cannot be used."""


class SubjectKey(NamedTuple):
    """A key; `ref` is its name, which is random and says nothing about the subject."""

    ref: str
    key: bytes


class KeyRow(NamedTuple):
    """What may be shown of a key. `subject` is None once it is erased."""

    ref: str
    subject: str | None
    created: str
    erased: str | None


class PrivateKeys:
    """Keys by subject and by name. Each call opens the file, so that no key outlives its erasure
    in a process; safe in several processes and threads."""

    def __init__(self, path: Path) -> None:
        """The file is made with the first key."""
        self._path = path

    def of_subject(self, subject: str) -> SubjectKey:
        """The key of a subject, made if there is none. Raises PrivateKeysUnusable."""
        with self._opened(create=True) as connection, _writing(connection):
            found = connection.execute(
                "SELECT ref, key FROM keys WHERE subject = ?", (subject,)
            ).fetchone()
            if found is not None:
                return SubjectKey(*found)
            made = SubjectKey(_new_ref(), secrets.token_bytes(KEY_BYTES))
            connection.execute(
                "INSERT INTO keys (ref, subject, key, created) VALUES (?, ?, ?, ?)",
                (made.ref, subject, made.key, _now()),
            )
            return made

    def named(self, ref: str) -> tuple[KeyRow, bytes | None] | None:
        """The row and the key of a name; None if this file never had it. Raises
        PrivateKeysUnusable, as all do that make no file."""
        with self._opened() as connection:
            found = connection.execute(
                "SELECT ref, subject, created, erased, key FROM keys WHERE ref = ?", (ref,)
            ).fetchone()
        return None if found is None else (KeyRow(*found[:4]), found[4])

    def erase(self, *, subject: str | None = None, ref: str | None = None) -> KeyRow | None:
        """Destroy the key of a subject, or of a name; None if there is none.

        Its name stays, without the subject, so that its texts can be told from damaged ones.
        """
        with self._opened() as connection, _writing(connection):
            found = connection.execute(_ERASE, (_now(), subject, ref)).fetchone()
        return None if found is None else KeyRow(*found)

    def rows(self) -> list[KeyRow]:
        """All keys, oldest first."""
        with self._opened() as connection:
            return [
                KeyRow(*row)
                for row in connection.execute(
                    "SELECT ref, subject, created, erased FROM keys ORDER BY created, ref"
                )
            ]

    @contextmanager
    def _opened(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            if create:
                self._make()
            self._check_mode()
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=rw",
                uri=True, timeout=BUSY_SECONDS, isolation_level=None,
            )  # fmt: skip
            try:
                self._prepare(connection)
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise PrivateKeysUnusable(f"{self._path} cannot be used: {error}") from error
        except IsADirectoryError as error:
            raise PrivateKeysUnusable(f"{self._path} is a directory, not a file of keys") from error
        except FileNotFoundError as error:
            raise PrivateKeysUnusable(f"there is no file of keys: {self._path}") from error
        except OSError as error:
            raise PrivateKeysUnusable(f"{self._path}: {error.strerror}") from error

    def _make(self) -> None:
        if exists(self._path):
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Whole from the first moment on, so that an empty file is always one that was cut off.
        with suppress(FileExistsError):  # another process was faster
            write_new(Path(os.path.realpath(self._path)), _empty_database(), PRIVATE)

    def _check_mode(self) -> None:
        found = self._path.stat().st_mode
        if stat.S_ISDIR(found):
            raise IsADirectoryError
        mode = stat.S_IMODE(found)
        if mode & _OTHERS:
            raise PrivateKeysUnusable(
                f"{self._path} can be used by others than its owner (mode {mode:04o}): chmod 600"
            )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = FULL")
        _check_marks(connection, self._path)
        # Somebody may have set another one, which would keep older pages in a file beside.
        connection.execute("PRAGMA journal_mode = DELETE")


def _empty_database() -> bytes:
    """The content of a file that has no key yet."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
        return connection.serialize()


def _check_marks(connection: sqlite3.Connection, path: Path) -> None:
    """Raise PrivateKeysUnusable unless it is a file of keys that this version knows."""
    application, version, tables = connection.execute(_MARKS).fetchone()
    if (application, version, tables) == (0, 0, 0):
        # To make it anew would hide that keys were lost.
        raise PrivateKeysUnusable(
            f"{path} is empty: it was cut off; put a backup in its place, "
            "or remove it if no key was ever in it"
        )
    if application != APPLICATION_ID:
        raise PrivateKeysUnusable(f"{path} is a file of something else")
    if version != _FORMAT:
        raise PrivateKeysUnusable(f"{path} has format {version}; this version knows {_FORMAT}")


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # Where the disk is full, SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _new_ref() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(REF_BYTES)).rstrip(b"=").decode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
