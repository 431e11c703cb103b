"""What an endpoint gives back: a status, headers and bytes that are ready to send."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]

JSON: Final = b"application/json"
PROBLEM_JSON: Final = b"application/problem+json"
POSITION_HEADER: Final = b"ledger-position"
# Behind this answer the connection ends.
CLOSE: Final[Header] = (b"connection", b"close")
REPLAYED: Final[Header] = (b"idempotency-replayed", b"true")

_encoder = msgspec.json.Encoder()
encode = _encoder.encode


class Answer:
    """A complete HTTP response. Leaner than a framework's, since it is made for every movement."""

    __slots__ = ("body", "headers", "media_type", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        headers: Sequence[Header] = (),
        media_type: bytes = JSON,
    ) -> None:
        """`headers` has lower-case names; content type and length are added."""
        self.status = status
        self.body = body
        self.headers = headers
        self.media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it; this is an ASGI application."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [
                    (b"content-type", self.media_type),
                    (b"content-length", b"%d" % len(self.body)),
                    *self.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": self.body})


def document(status: int, content: Any, headers: Sequence[Header] = ()) -> Answer:
    """An answer with a JSON document."""
    return Answer(status, encode(content), headers)
