"""The trail of a command: by which request, by which way and with which secret it came.

It is made once for a request and goes through decisions, batches and views as the JSON that it is
in an event; only who shows it takes it apart.
"""

import re
from typing import Any, Final

import msgspec


class Trail(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an audit asks for beside the actor; it is no part of what a command is.

    `origin` is the way in and the process that took it (`recordMovements@wms-1-3fa2b1`),
    `request_id` that of the request, `credential` tells the secrets of an actor apart without
    giving one away (the first digits of a hash); None where no secret was needed.
    """

    origin: str
    request_id: str
    credential: str | None = None


encode_trail = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Trail).decode

# W3C Trace Context, section 3.2.2: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE: Final = b"0" * 32


def trace_id(traceparent: bytes | None) -> bytes | None:
    """The trace that a `traceparent` names; anything malformed is as good as none."""
    match = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    return None if match is None or match[1] == _NO_TRACE else match[1]


def trail_text(trail: bytes | None) -> str:
    """The member of `data`, ready to stand behind another one."""
    return "" if trail is None else f',"trail":{trail.decode()}'


def trail_document(trail: bytes | str | None) -> dict[str, Any]:
    """As callers see it; all None where there is none, or one that this version cannot read."""
    try:
        found = None if trail is None else _decode(trail)
    except msgspec.MsgspecError:
        found = None
    if found is None:
        return {"credential": None, "origin": None, "request_id": None}
    return {
        "credential": found.credential,
        "origin": found.origin,
        "request_id": found.request_id,
    }
