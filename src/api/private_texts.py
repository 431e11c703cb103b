"""Private texts: what may have to be forgotten is encrypted before it becomes part of a command.

A **token** is `enc1.KEY.PAYLOAD`: the random name of its subject's key, and the base64 (URL-safe,
without padding) of the text under AES-SIV (RFC 5297). It goes where a caller may put a text, such
as `note`; the log, the views and all of their copies hold the token and nothing else.

The encryption is deterministic, so that a command that is sent again is the same command. It shows
whether two texts of one subject are equal, and how long they are; not more.
"""

import base64
import binascii
import re
from typing import Final, NamedTuple

from api.private_keys import PrivateKeys, SubjectKey
from ledger.domain import codes
from ledger.errors import LedgerError

SUBJECT_LENGTH_MAX: Final = 200
# A token of so much fits into a note.
TEXT_BYTES_MAX: Final = 300
TEXT_LENGTH: Final = f"a text has 1 to {TEXT_BYTES_MAX} bytes of UTF-8"
TOKEN_LENGTH_MAX: Final = codes.TEXT_LENGTH_MAX
_PREFIX: Final = "enc1"
_TOKEN: Final = re.compile(r"enc1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]+)", re.ASCII)


class PrivateTextInvalid(LedgerError):
    """The subject or the text is not acceptable, or the token is none."""


class PrivateTextUnknown(LedgerError):
    """The key of this text is not in this file of keys."""


class PrivateTextErased(LedgerError):
    """The key of this text was erased; nobody can read it any more."""


class Opened(NamedTuple):
    """A text that was private, and whose it is."""

    subject: str
    text: str


def protect(keys: PrivateKeys, subject: str, text: str) -> str:
    """The token of a text; the same one for the same text while the subject has its key.

    Raises PrivateTextInvalid, PrivateKeysUnusable.
    """
    if not 0 < len(subject) <= SUBJECT_LENGTH_MAX or not codes.printable(subject):
        raise PrivateTextInvalid(f"a subject has 1 to {SUBJECT_LENGTH_MAX} printable characters")
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise PrivateTextInvalid("a text is Unicode") from None
    if not 0 < len(content) <= TEXT_BYTES_MAX:
        raise PrivateTextInvalid(TEXT_LENGTH)
    return encrypt(keys.of_subject(subject), content)


def encrypt(key: SubjectKey, content: bytes) -> str:
    """The token of some bytes under one key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    sealed = AESSIV(key.key).encrypt(content, [_PREFIX.encode(), key.ref.encode()])
    return f"{_PREFIX}.{key.ref}.{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def open_text(keys: PrivateKeys, token: str) -> Opened:
    """The text of a token.

    Raises PrivateTextErased, PrivateTextUnknown, PrivateTextInvalid, PrivateKeysUnusable.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    match = _TOKEN.fullmatch(token) if len(token) <= TOKEN_LENGTH_MAX else None
    if match is None:
        raise PrivateTextInvalid("this is no token of a private text")
    found = keys.named(match[1])
    if found is None:
        raise PrivateTextUnknown(f"the key {match[1]} is not in this file of keys")
    row, key = found
    if key is None or row.subject is None:
        raise PrivateTextErased(f"the key {row.ref} was erased at {row.erased}")
    try:
        sealed = base64.urlsafe_b64decode(match[2] + "=" * (-len(match[2]) % 4))
        content = AESSIV(key).decrypt(sealed, [_PREFIX.encode(), row.ref.encode()])
    except (InvalidTag, binascii.Error, ValueError):
        raise PrivateTextInvalid("the token was altered or cut short") from None
    return Opened(row.subject, content.decode())
