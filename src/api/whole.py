"""Whole answers, handed to uvicorn in one piece, and whole bodies.

ASGI takes an answer as two messages and a list of headers, and uvicorn looks at every header of
every answer anew, which was a tenth of the time of a single movement. Here they are written as
bytes, as uvicorn itself would write them, where it is one whose inside is known. For every answer
that is out of the ordinary, and behind everything else, ASGI it is.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from starlette.types import Receive, Send

try:
    from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
except ImportError:  # another version keeps them elsewhere
    STATUS_LINE, RequestResponseCycle = {}, None  # type: ignore[assignment, misc]

from api.answers import Answer, Header

# What no value of a header may hold, and how names are written here (RFC 9110, section 5).
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NAME: Final = re.compile(rb"[a-z-]+")
# Headers that change how an answer is sent, or that are among the fixed ones.
_UNUSUAL: Final = frozenset(
    {b"connection", b"content-length", b"transfer-encoding", b"content-security-policy"}
)
_BODILESS: Final = frozenset({204, 304})
# A larger body is not copied behind its head.
_TOGETHER_BYTES_MAX: Final = 16 * 1024
# What is used of the inside of uvicorn's own.
_USED: Final = (
    "scope", "transport", "flow", "access_log", "default_headers", "message_event", "on_response",
    "disconnected", "keep_alive", "waiting_for_100_continue", "response_started",
    "response_complete",
)  # fmt: skip


def lines(headers: Sequence[Header]) -> bytes:
    """Headers as they are sent."""
    return b"".join([part for name, value in headers for part in (name, b": ", value, b"\r\n")])


def head_of(answer: Answer, default: Sequence[Header], fixed: bytes) -> bytes:
    """The head of a whole answer as uvicorn would write it; `default` are the headers of all."""
    return b"%b%bcontent-type: %b\r\ncontent-length: %d\r\n%b%b\r\n" % (
        STATUS_LINE[answer.status],
        lines(default),
        answer.media_type,
        len(answer.body),
        lines(answer.headers),
        fixed,
    )


def has_come(receive: Receive) -> bool:
    """Whether all of the body is there; where that is not known it is not."""
    cycle: Any = getattr(receive, "__self__", None)
    return type(cycle) is RequestResponseCycle and not getattr(cycle, "more_body", True)


def write(send: Send, answer: Answer, fixed: bytes) -> bool:
    """Send an answer, with other headers that are ready as `lines`.

    False if that is to be done with ASGI's messages; nothing was sent then.
    """
    cycle: Any = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle or not _is_usual(cycle, answer):
        return False
    body = answer.body
    head = head_of(answer, cycle.default_headers, fixed)
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    if len(body) <= _TOGETHER_BYTES_MAX:
        cycle.transport.write(head + body)
    else:
        cycle.transport.write(head)
        cycle.transport.write(body)
    cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()
    return True


def _is_usual(cycle: Any, answer: Answer) -> bool:
    if not _is_known(cycle) or cycle.response_started or cycle.disconnected:
        return False
    if cycle.flow.write_paused or not cycle.keep_alive or cycle.scope["method"] == "HEAD":
        return False
    if answer.status in _BODILESS or cycle.access_log or _CONTROL.search(answer.media_type):
        return False
    for name, value in answer.headers:
        if name in _UNUSUAL or _NAME.fullmatch(name) is None or _CONTROL.search(value):
            return False
    return True


_known: bool | None = None


def _is_known(cycle: Any) -> bool:
    """Whether this version of uvicorn has all that is used of it; looked at once."""
    global _known
    if _known is None:
        _known = all(hasattr(cycle, name) for name in _USED) and hasattr(cycle.flow, "write_paused")
    return _known
