"""Ed25519 keys (RFC 8032) in files: made, read, and named. The private one is never shown.

Files are PEM: PKCS #8 for the private key, SubjectPublicKeyInfo for the public one, so that other
tools read them, too.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.presence import exists
from ledger.whole_files import PRIVATE, PUBLIC, write_new
from ops.console import CommandError
from ops.whole_files import unwritten

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_KEY_FILE_BYTES_MAX: Final = 64 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

# Id → raw public key.
PublicKeys = Mapping[str, bytes]


def key_id(raw: bytes) -> str:
    """The name of a public key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return sha256(raw).hexdigest()[:16]


def public_path(path: Path) -> Path:
    """Where the public key lies beside the private one. Raises CommandError."""
    if not path.name:
        raise CommandError(f"{path} is no name of a file")
    return path.with_name(f"{path.name}.pub")


def make_key(path: Path) -> str:
    """Make a key pair in two new files, and return its id.

    The private one can be read and written by its owner alone from the start. Raises CommandError.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if exists(public_path(path)):
        raise CommandError(f"{public_path(path)} is there already")
    _write_new(path, private, PRIVATE)
    try:
        _write_new(public_path(path), public, PUBLIC)
    except CommandError:
        # Half of a pair is of no use, and would be in the way of the next one.
        path.unlink()
        raise
    return key_id(raw_public(key))


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        write_new(path, content, mode)
    except FileExistsError:
        raise CommandError(f"{path} is there already; a key is never written over") from None
    except OSError as error:
        raise unwritten(path, error) from None


def raw_public(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public half."""
    return key.public_key().public_bytes_raw()


def read_private(path: Path) -> Ed25519PrivateKey:
    """The private key of a file that nobody but its owner may read. Raises CommandError."""
    content = _read(path, private=True)
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What the library says could quote the file.
        raise CommandError(f"{path} holds no private key that can be read") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CommandError(f"{path} holds another kind of key; seals need Ed25519")
    return key


def read_public(paths: Iterable[Path]) -> PublicKeys:
    """The public keys of files, by their ids. Raises CommandError."""
    found: dict[str, bytes] = {}
    for path in paths:
        content = _read(path, private=False)
        if b"PRIVATE KEY" in content:
            raise CommandError(f"{path} holds a private key; give away {public_path(path)} only")
        try:
            key = serialization.load_pem_public_key(content)
        except (ValueError, UnsupportedAlgorithm):
            raise CommandError(f"{path} holds no public key") from None
        if not isinstance(key, Ed25519PublicKey):
            raise CommandError(f"{path} holds another kind of key; seals need Ed25519")
        raw = key.public_bytes_raw()
        found[key_id(raw)] = raw
    return found


def _read(path: Path, *, private: bool) -> bytes:
    try:
        # The file that is looked at is the one that is read, whatever the name leads to then.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _check(path, os.fstat(handle).st_mode, private=private)
            return os.read(handle, _KEY_FILE_BYTES_MAX)
        finally:
            os.close(handle)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None


def _check(path: Path, mode: int, *, private: bool) -> None:
    if not stat.S_ISREG(mode):
        raise CommandError(f"{path} is no file")
    if private and mode & _OTHERS:
        raise CommandError(
            f"{path} can be used by others than its owner (mode {stat.S_IMODE(mode):04o}): "
            f"chmod 600 {path}, and think about whether it is still a secret"
        )


def verifies(raw: bytes, signature: bytes, content: bytes) -> bool:
    """Whether the signature over the content is of this public key."""
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
