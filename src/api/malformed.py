"""HTTP where uvicorn leaves it: what cannot be read, another protocol asked for, half a connection.

uvicorn answers what it cannot read in plain text, and on a connection that carries several requests
in the place of another's answer. It drops the body of a request that offers to go on with another
protocol (`Upgrade: h2c`, as some clients do with every request), so that an id or an option that
the caller gave is lost. And it hangs up on whoever has sent all there is and says so.
"""

from collections.abc import Sequence
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.answers import CLOSE, Answer, Header
from api.edge import HEAD_TOO_LARGE, Sender, fixed_lines, new_request_id
from api.limits import HEAD_BYTES_MAX
from api.problems import Problem
from api.whole import head_of, lines

_DETAIL: Final = (
    "the request line, a header or the framing of the body cannot be read, or asks for what no"
    " origin server does (RFC 9112); what follows on this connection is not read"
)
_OF_UPGRADES: Final = frozenset({b"upgrade", b"http2-settings"})


class Protocol(HttpToolsProtocol):
    """uvicorn's own, but for that."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """As uvicorn makes one for each connection."""
        super().__init__(*arguments, **named)
        self.url = b""
        self.parser: Any = _parser(self)
        self._at_work: Any = None

    # What the parser calls; a request that asks for another protocol is read once more.

    def on_headers_complete(self) -> None:
        """The head is there."""
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of a request is there."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def without_upgrade(self) -> tuple["_Parser", bytes]:
        """A parser for the rest of the connection, and the last head as if nothing had been asked.

        Raises HttpParserError for CONNECT, which is nothing else.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            raise HttpParserError("no tunnel begins here")
        head = b"%b %b HTTP/%b\r\n" % (method, self.url, version.encode())
        self.parser = _parser(self)
        return self.parser, head + lines(_plain(self.headers)) + b"\r\n"

    # What uvicorn calls.

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Say so in the turn of the request, behind the answers to those in front of it."""
        newest: Any = self.cycle
        if newest is None or newest.response_complete:
            self._tell()
        elif not newest.more_body:
            self._read_no_more()
        elif self.pipeline:
            self._refuse_in_its_turn()
        elif newest.response_started:
            self.transport.close()
        else:
            self._tell()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Nothing more will come; True keeps the connection for the answers."""
        newest: Any = self.cycle
        if newest is None or newest.response_complete:
            return None
        if not newest.more_body:
            self._read_no_more()
        elif self.pipeline:
            self._refuse_in_its_turn()
        else:
            return None
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Also the request at work hears of it, where others wait behind it."""
        super().connection_lost(exc)
        one = self._at_work
        if one is not None and not one.response_complete:
            one.disconnected = True
            one.message_event.set()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._at_work = cycle
        super()._start_asgi_task(cycle, app)

    # Inside.

    def _read_no_more(self) -> None:
        """The newest request came whole: all get their answers, then the connection ends.

        What nobody reads would reset the connection, and answers could be lost with it.
        """
        self.cycle.keep_alive = False
        self.parser = _Deaf()

    def _refuse_in_its_turn(self) -> None:
        """The newest request, whose body breaks off, waits for others that came whole."""
        self.pipeline[0] = (self.cycle, _refuse)  # type: ignore[assignment]
        self._read_no_more()

    def _tell(self) -> None:
        answer = _problem(self.url)
        fixed = fixed_lines(new_request_id())
        head = head_of(answer, self.server_state.default_headers, fixed)
        self.transport.write(head + answer.body)
        self.transport.close()


class _Parser(HttpRequestParser):
    """Reads a request that asks for another protocol as if it did not, which servers may."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(protocol)
        self._protocol = protocol

    def feed_data(self, data: Any) -> None:
        """Read what has come. Raises HttpParserError."""
        parser = self
        while True:
            try:
                super(_Parser, parser).feed_data(data)
            except HttpParserUpgrade as asked:
                parser, head = self._protocol.without_upgrade()
                super(_Parser, parser).feed_data(head)
                data = memoryview(data)[asked.args[0] :]
            else:
                return


class _Deaf:
    """A parser that takes everything and finds nothing in it."""

    def feed_data(self, data: bytes) -> None:
        """Nothing comes of it."""

    def should_upgrade(self) -> bool:
        """Never."""
        return False


def _parser(protocol: Protocol) -> _Parser:
    parser = _Parser(protocol)
    # As uvicorn has it: requests behind one that ends the connection are nobody's mistake.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _plain(headers: Sequence[Header]) -> list[Header]:
    """The same without what asks for another protocol."""
    found: list[Header] = []
    for name, value in headers:
        if name in _OF_UPGRADES:
            continue
        if name == b"connection":
            asked = [token.strip() for token in value.split(b",")]
            value = b", ".join(token for token in asked if token.lower() not in _OF_UPGRADES)
        found.append((name, value))
    return found


def _problem(url: bytes) -> Answer:
    code, detail = "malformed_http", _DETAIL
    if len(url) > HEAD_BYTES_MAX:
        code, detail = "headers_too_large", HEAD_TOO_LARGE
    return Problem(code, detail, headers=(CLOSE,)).answer()


async def _refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    """In the place of the application, for a request whose body breaks off."""
    await Sender(send, new_request_id()).answer(_problem(b""))
