"""Cursors: where a page of a list ended, as an opaque text that a client gives back."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

import msgspec

CURSOR_LENGTH_MAX = 4_096
_INT64 = range(-(2**63), 2**63)


class InvalidCursor(ValueError):
    """The cursor is none that this list gave out."""


class Page(NamedTuple):
    """A part of a list; `next_cursor` is None where it ends."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def encode(*key: str | int) -> str:
    """The cursor of the row with this key."""
    return urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def first_text(cursor: str) -> str:
    """The first part of a key, which is a text. Raises InvalidCursor for anything else."""
    key = _parts(cursor)
    if not key or not isinstance(key[0], str):
        raise InvalidCursor("the cursor belongs to another list")
    decode(cursor, *map(type, key))
    return key[0]


def decode(cursor: str, *kinds: type[str] | type[int]) -> tuple[Any, ...]:
    """The key in a cursor, of these types. Raises InvalidCursor for anything else."""
    key = _parts(cursor)
    if tuple(map(type, key)) != kinds or any(
        part not in _INT64 if isinstance(part, int) else "\0" in part for part in key
    ):
        raise InvalidCursor("the cursor belongs to another list")
    return key


def _parts(cursor: str) -> tuple[str | int, ...]:
    if len(cursor) > CURSOR_LENGTH_MAX or not cursor.isascii():
        raise InvalidCursor("the cursor is malformed")
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        return msgspec.json.decode(urlsafe_b64decode(padded), type=tuple[str | int, ...])
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidCursor("the cursor is malformed") from error
