"""One record of the log as a line of NDJSON, from which it can be made again byte by byte."""

import base64
import binascii
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from ledger.log import NewRecord, Record

KEYS_KEPT = 65_536
_NEWLINE: Final = 10
NO_EVENT: Final = msgspec.Raw(b"")
_encode = msgspec.json.Encoder().encode


def lines_of(records: Iterable[Record]) -> bytes:
    """`{"offset":17,"key":"85123A","event":{…}}`: events with their very bytes, a line each.

    What cannot stand in a line of JSON as it is, stands there in base64 instead. Runs once for
    every record of an export.
    """
    parts: list[bytes] = []
    add = parts.append
    for record in records:
        add(b'{"offset":%d,%b,' % (record.offset, _key(record.key)))
        value = record.value
        # Nearly every event is of one line, and of ASCII.
        if value[:1] == b"{" and value[-1:] == b"}" and value.isascii() and _NEWLINE not in value:
            add(b'"event":')
            add(value)
        else:
            add(_event(value))
        if record.traceparent is not None:
            add(b",%b" % _text("traceparent", record.traceparent))
        add(b"}\n")
    return b"".join(parts)


def _event(value: bytes) -> bytes:
    return b'"event":%b' % value if _stands_alone(value) else _in_base64("event", value)


def _stands_alone(value: bytes) -> bool:
    """Whether a JSON document comes out of a line as it went in: one line, nothing around it."""
    whole = value[:1] == b"{" and value[-1:] == b"}"
    return whole and b"\n" not in value and _is_text(value)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(KEYS_KEPT)
def _key(key: bytes) -> bytes:
    return _text("key", key)


def _text(name: str, value: bytes) -> bytes:
    if not _is_text(value):
        return _in_base64(name, value)
    return b'"%b":%b' % (name.encode(), _encode(value.decode()))


def _in_base64(name: str, value: bytes) -> bytes:
    return b'"%b_base64":"%b"' % (name.encode(), base64.b64encode(value))


class Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A line, read."""

    offset: int
    key: str | None = None
    event: msgspec.Raw = NO_EVENT
    traceparent: str | None = None
    key_base64: str | None = None
    event_base64: str | None = None
    traceparent_base64: str | None = None

    def record(self) -> NewRecord:
        """The record that the line was made of. Raises ValueError for a line of none."""
        # Nearly every line is of this kind.
        if self.key is not None and self.event is not NO_EVENT and self._has_no_more:
            return NewRecord(self.key.encode(), bytes(self.event))
        key = _bytes("key", self.key, self.key_base64)
        event = None if self.event is NO_EVENT else bytes(self.event).decode()
        value = _bytes("event", event, self.event_base64)
        if key is None or value is None:
            raise ValueError("it needs a key and an event")
        return NewRecord(
            key, value, _bytes("traceparent", self.traceparent, self.traceparent_base64)
        )

    @property
    def _has_no_more(self) -> bool:
        return (
            self.traceparent is None
            and self.key_base64 is None
            and self.event_base64 is None
            and self.traceparent_base64 is None
        )


decode_line = msgspec.json.Decoder(Line).decode


def _bytes(name: str, text: str | None, encoded: str | None) -> bytes | None:
    if text is not None and encoded is not None:
        raise ValueError(f"it has both {name} and {name}_base64")
    if encoded is None:
        return None if text is None else text.encode()
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{name}_base64 is not base64: {error}") from error
