"""What a log and its process say to each other over a socket: frames of MessagePack.

Both are of one version: the process is started by the log, and ends with it.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

import ledger
from ledger.errors import LedgerError, LogRegressed, LogUnavailable, OutcomeUnknown
from ledger.log import NewRecordTuple, Unrecorded

_LENGTH = struct.Struct("<I")
# The number of what is no reply to any request.
GREETING: Final = -1


class Request(msgspec.Struct, array_like=True, gc=False):
    """One batch to be stored: records, or facts to make records of."""

    number: int
    partition: int
    offset: int
    void: bool
    records: list[NewRecordTuple] | None
    facts: Unrecorded | None


class Reply(msgspec.Struct, array_like=True, gc=False):
    """What became of a request: where it lies and the hash of its last record, or an error."""

    number: int
    base: int
    head: str
    error: str = ""
    detail: str = ""


_ERRORS: Final[dict[str, type[LedgerError]]] = {
    kind.__name__: kind for kind in (LogRegressed, LogUnavailable, OutcomeUnknown)
}
_encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_replies = msgspec.msgpack.Decoder(list[Reply]).decode


def frame(content: Request | list[Reply]) -> bytes:
    """A message with its length in front."""
    body = _encode(content)
    return _LENGTH.pack(len(body)) + body


def frames(buffer: bytearray) -> Iterator[bytes]:
    """The whole messages at the start of what has arrived, which are taken out of it."""
    start = 0
    try:
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            stop = start + _LENGTH.size + length
            if len(buffer) < stop:
                return
            with memoryview(buffer) as whole:
                message = bytes(whole[start + _LENGTH.size : stop])
            start = stop
            yield message
    finally:
        del buffer[:start]


def failed(number: int, error: Exception) -> Reply:
    """The reply to a request that an error ended."""
    kind = type(error).__name__
    # A path in it may be no text.
    detail = str(error).encode("utf-8", "backslashreplace").decode()
    return Reply(number, -1, "", kind if kind in _ERRORS else "OutcomeUnknown", detail)


def build() -> str:
    """Which files the ledger is made of now; others once it was installed anew in its place."""
    files = sorted(Path(ledger.__file__ or "").parent.rglob("*.py"))
    return repr([(path.name, path.stat().st_mtime_ns) for path in files])


def error_of(reply: Reply) -> LedgerError:
    """The error that a reply tells of."""
    return _ERRORS.get(reply.error, OutcomeUnknown)(reply.detail)
