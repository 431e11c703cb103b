"""The file of API keys: made, listed and revoked by the command line, read by the server.

A key is `sl_<id>_<secret>`. The file holds the SHA-256 of the secret only. A slow password hash
would add nothing: the secret is 256 random bits, which nobody guesses, not a person's password.
"""

import fcntl
import hashlib
import json
import os
import secrets
import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from api.limits import KEYS_FILE_BYTES_MAX
from ledger.domain import codes
from ledger.errors import LedgerError
from ledger.whole_files import PRIVATE, in_place_of

TOKEN_PREFIX: Final = "sl"  # noqa: S105 - the public start of every key
NAME_LENGTH_MAX: Final = 100
KEYS_MAX: Final = 10_000
_ID_LENGTH: Final = 10
_ID_ALPHABET: Final = string.ascii_lowercase + string.digits
_SECRET_BYTES: Final = 32
_FORMAT: Final = 1

KeyRole = Literal["read", "write"]
ROLES_ALL: Final[tuple[KeyRole, ...]] = ("read", "write")


class KeysFileDamaged(LedgerError):
    """The file of API keys cannot be read; it is not what `stockledger keys` writes."""


class UnknownKey(LedgerError):
    """There is no API key of this id."""


class ApiKey(msgspec.Struct, frozen=True):
    """What is kept of a key. `hash` is the hexadecimal SHA-256 of the secret."""

    id: str
    name: str
    hash: str
    created: str
    roles: tuple[KeyRole, ...] = ROLES_ALL


class _File(msgspec.Struct):
    format: int
    keys: list[ApiKey]


def hash_secret(secret: str) -> str:
    """What the file holds of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_key(path: Path, name: str, roles: Sequence[KeyRole] = ROLES_ALL) -> tuple[str, str]:
    """Add a key; the answer is its id and the whole key, which is shown once and kept nowhere."""
    if not 0 < len(name) <= NAME_LENGTH_MAX or not codes.printable(name):
        raise ValueError(f"a name has 1 to {NAME_LENGTH_MAX} printable characters")
    if not roles or set(roles) - set(ROLES_ALL):
        raise ValueError(f"roles are {' and '.join(ROLES_ALL)}")
    identity = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    unique = tuple(role for role in ROLES_ALL if role in roles)
    with _alone(path):
        keys = load(path)
        if len(keys) >= KEYS_MAX:
            raise ValueError(f"at most {KEYS_MAX} keys")
        keys[identity] = ApiKey(identity, name, hash_secret(secret), created, unique)
        _save(path, keys)
    return identity, f"{TOKEN_PREFIX}_{identity}_{secret}"


def list_keys(path: Path) -> list[ApiKey]:
    """All keys, oldest first."""
    return sorted(load(path).values(), key=lambda key: (key.created, key.id))


def revoke_key(path: Path, identity: str) -> ApiKey:
    """Remove a key; running servers refuse it within a second."""
    if identity not in load(path):
        raise UnknownKey(f"there is no API key {identity}")
    with _alone(path):
        keys = load(path)
        revoked = keys.pop(identity, None)
        if revoked is None:
            raise UnknownKey(f"there is no API key {identity}")
        _save(path, keys)
    return revoked


def load(path: Path) -> dict[str, ApiKey]:
    """The keys by id; none if there is no file."""
    try:
        with path.open("rb") as file:
            content = file.read(KEYS_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KeysFileDamaged(f"{path}: {error.strerror}") from error
    if len(content) > KEYS_FILE_BYTES_MAX:
        raise KeysFileDamaged(f"{path}: more than {KEYS_FILE_BYTES_MAX} bytes")
    try:
        decoded = msgspec.json.decode(content, type=_File)
    except (ValueError, RecursionError) as error:
        raise KeysFileDamaged(f"{path}: {error}") from error
    if decoded.format != _FORMAT:
        raise KeysFileDamaged(f"{path}: format {decoded.format} is not known")
    return {key.id: key for key in decoded.keys}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else changes the file: of two who read it and write it, the second would bring back
    what the first has revoked, and lose what it has added.

    A file beside is locked, since this one is replaced. It is gone afterwards; whoever was killed
    leaves it behind, and no lock on it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.lock")
    while True:
        handle = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # Whoever had it meanwhile has removed it, and the next one makes another.
            if _is_named(handle, beside):
                try:
                    yield
                finally:
                    beside.unlink()
                return
        finally:
            os.close(handle)


def _is_named(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _save(path: Path, keys: dict[str, ApiKey]) -> None:
    """Replace the file in one step, so that a server never reads half of it."""
    text = json.dumps(msgspec.to_builtins(_File(_FORMAT, list(keys.values()))), indent=2)
    with in_place_of(path, PRIVATE) as file:
        file.write(f"{text}\n".encode())
