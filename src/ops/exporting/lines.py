"""One record of the log as a line of NDJSON, from which it can be made again byte by byte."""

import base64
import binascii
from functools import lru_cache
from typing import Final

import msgspec

from ledger.log import NewRecord, Record

KEYS_KEPT = 65_536
NO_EVENT: Final = msgspec.Raw(b"")
_encode = msgspec.json.Encoder().encode


def line_of(record: Record) -> bytes:
    """`{"offset":17,"key":"85123A","event":{…}}`: the event with its very bytes, and a newline.

    What cannot stand in a line of JSON as it is, stands there in base64 instead.
    """
    value = record.value
    event = b'"event":%b' % value if _stands_alone(value) else _in_base64("event", value)
    if record.traceparent is not None:
        event = b"%b,%b" % (event, _text("traceparent", record.traceparent))
    return b'{"offset":%d,%b,%b}\n' % (record.offset, _key(record.key), event)


def _stands_alone(value: bytes) -> bool:
    """Whether a JSON document comes out of a line as it went in: one line, nothing around it."""
    if value[:1] != b"{" or value[-1:] != b"}" or b"\n" in value:
        return False
    return value.isascii() or _is_text(value)


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
