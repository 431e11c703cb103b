"""Reading requests where uvicorn's parser leaves it: another protocol asked for, forms of targets.

uvicorn drops the body of a request that offers to go on with another protocol (`Upgrade: h2c`, as
some clients do with every request), so that an id or an option that the caller gave is lost.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from api.answers import Header
from api.whole import lines

_OF_UPGRADES: Final = frozenset({b"upgrade", b"http2-settings"})
# RFC 9112, section 3.2.2; a server must take it, and an empty path is the root (RFC 9110, 4.2.3).
_ABSOLUTE_WITHOUT_PATH: Final = re.compile(rb"(https?://[^/?#]+)(\?.*)?", re.IGNORECASE)


class Reader(Protocol):
    """Whom a parser tells what it finds."""

    headers: list[Header]
    parser: Any
    url: bytes


class Parser(HttpRequestParser):
    """Reads a request that asks for another protocol as if it did not, which servers may.

    Its reader hears of such a head twice; the first time `should_upgrade()` is true.
    """

    def __init__(self, reader: Reader) -> None:
        """It tells `reader`, and is its `parser`."""
        super().__init__(reader)
        self._reader = reader
        # As uvicorn has it: requests behind one that ends the connection are nobody's mistake.
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def feed_data(self, data: Any) -> None:
        """Read what has come. Raises HttpParserError."""
        parser = self
        while True:
            try:
                super(Parser, parser).feed_data(data)
            except HttpParserUpgrade as asked:
                head = parser.without_upgrade()
                parser = self._reader.parser = Parser(self._reader)
                super(Parser, parser).feed_data(head)
                data = memoryview(data)[asked.args[0] :]
            else:
                return

    def without_upgrade(self) -> bytes:
        """The last head as if nothing had been asked.

        Raises HttpParserError for CONNECT, which is nothing else.
        """
        method, version = self.get_method(), self.get_http_version()
        if method == b"CONNECT":
            raise HttpParserError("no tunnel begins here")
        head = b"%b %b HTTP/%b\r\n" % (method, self._reader.url, version.encode())
        return head + lines(_plain(self._reader.headers)) + b"\r\n"


def with_path(url: bytes) -> bytes:
    """A target as uvicorn takes it: `http://host` becomes `http://host/`."""
    if url[:1] == b"/":
        return url
    absolute = _ABSOLUTE_WITHOUT_PATH.fullmatch(url)
    return url if absolute is None else b"%b/%b" % (absolute[1], absolute[2] or b"")


def names_its_host(scope: Any) -> bool:
    """Whether a request has the one Host that it must; of 1.0 it need not (RFC 9112, 3.2)."""
    count = [name for name, _ in scope["headers"]].count(b"host")
    return count == 1 or (count == 0 and scope["http_version"] == "1.0")


def _plain(headers: Sequence[Header]) -> list[Header]:
    """The same without what asks for another protocol."""
    return [header for header in headers if header[0] not in _OF_UPGRADES]
