"""What is no HTTP: a problem like any other, and never in the place of another request's answer.

uvicorn answers it before any application is asked, in plain text, and on a connection that carries
several requests it would answer a good one with the 400 that a later one deserves.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.edge import FIXED_LINES
from api.problems import Problem
from api.whole import lines

_DETAIL: Final = (
    "the request line, a header or the framing of the body breaks the rules of HTTP/1.1"
    " (RFC 9112); what follows on this connection is not read"
)


class _Deaf:
    """A parser that takes everything and finds nothing in it."""

    def feed_data(self, data: bytes) -> None:
        """Nothing comes of it."""


class Protocol(HttpToolsProtocol):
    """uvicorn's own, but for what it says of bytes that it cannot read."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Answer, or only close the connection where the answer would be taken for another's."""
        newest: Any = self.cycle
        if newest is None or newest.response_complete:
            self._tell()
        elif not newest.more_body:
            # It came whole and is still at work: it gets its answer, then nothing else does. What
            # nobody reads would reset the connection, and the answer could be lost with it.
            newest.keep_alive = False
            self.parser: Any = _Deaf()
        elif self.pipeline or newest.response_started:
            self.transport.close()
        else:
            self._tell()

    def _tell(self) -> None:
        answer = Problem("malformed_http", _DETAIL).answer()
        head = b"HTTP/1.1 %d Bad Request\r\n%b%bcontent-type: %b\r\ncontent-length: %d\r\n" % (
            answer.status,
            lines(self.server_state.default_headers),
            FIXED_LINES,
            answer.media_type,
            len(answer.body),
        )
        self.transport.write(head + b"connection: close\r\n\r\n" + answer.body)
        self.transport.close()
