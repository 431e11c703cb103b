"""Answers in one piece are those that uvicorn would have written, header by header."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from api import edge, whole
from api.answers import Answer
from tests.unit.api.sockets import served
from tests.waiting import eventually

LARGE = b"x" * 3_000_000
ANSWERS = {
    "/plain": Answer(200, b"{}"),
    "/made": Answer(201, b'{"a": 1}', ((b"location", b"/v1/a%20b"), (b"ledger-position", b"1:2"))),
    "/problem": Answer(404, b"{}", (), b"application/problem+json"),
    "/empty": Answer(200, b""),
    "/large": Answer(200, LARGE),
    "/bare": Answer(204, b""),
    "/close": Answer(400, b"{}", ((b"connection", b"close"),)),
    "/policy": Answer(200, b"{}", ((b"content-security-policy", b"default-src 'self'"),)),
    "/wrong-value": Answer(200, b"{}", ((b"x-a", b"1\r\nx-b: 2"),)),
    "/wrong-name": Answer(200, b"{}", ((b"x-a\r\nx-b", b"2"),)),
    "/wrong-type": Answer(200, b"{}", (), b"text/plain\r\nx-b: 2"),
}
IN_ONE_PIECE = ("/plain", "/made", "/problem", "/empty", "/large")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers by path; reads what was sent where something is to be."""
    if scope["method"] == "POST":
        await receive()
    await edge.Sender(send, b"request-1").answer(ANSWERS[scope["path"]])


async def exchange(port: int, *requests: str) -> list[tuple[bytes, list[bytes], bytes]]:
    """Status, headers in any order, and body of each answer; the last request ends it all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("".join(requests).encode())
    async with asyncio.timeout(30):
        rest = await reader.read()
    writer.close()
    found: list[tuple[bytes, list[bytes], bytes]] = []
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        status, *headers = head.split(b"\r\n")
        if status == b"HTTP/1.1 100 Continue":
            continue
        lengths = [int(one[16:]) for one in headers if one.startswith(b"content-length: ")]
        length = 0 if b"HEAD" in requests[len(found)].encode() else sum(lengths)
        found.append((status, sorted(headers), rest[:length]))
        rest = rest[length:]
    return found


def ask(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> str:
    """A request."""
    lines = "".join(f"{one}\r\n" for one in headers)
    return f"{method} {path} HTTP/{version}\r\nHost: here\r\n{lines}\r\n"


LAST = ask("/plain", "Connection: close")


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths for which an ASGI message began an answer."""
    seen: list[str] = []
    send = RequestResponseCycle.send

    async def watched(self: RequestResponseCycle, message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            seen.append(self.scope["path"])
        await send(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr(RequestResponseCycle, "send", watched)
    return seen


async def told(
    monkeypatch: pytest.MonkeyPatch, messages: list[str], *requests: str
) -> tuple[list[tuple[bytes, list[bytes], bytes]], list[str]]:
    """The answers, which are the same where only ASGI's messages are used; and the paths of those
    that were written with them anyway."""
    async with served(app) as port:
        found = await exchange(port, *requests)
        written = [*messages]
        with monkeypatch.context() as patch:
            patch.setattr(whole, "_known", False)
            assert await exchange(port, *requests) == found
        assert len(messages) == len(written) + len(found)
    return found, written


@pytest.mark.parametrize(
    "path", [path for path in ANSWERS if "wrong" not in path and path != "/close"]
)
async def test_an_answer_is_as_uvicorn_would_write_it(
    monkeypatch: pytest.MonkeyPatch, messages: list[str], path: str
) -> None:
    """This also says that the version of uvicorn is one whose inside is known."""
    found, written = await told(monkeypatch, messages, ask(path), LAST)
    assert [status.split()[1] for status, _, _ in found] == [b"%d" % ANSWERS[path].status, b"200"]
    assert found[0][2] == ANSWERS[path].body
    assert written == ([] if path in IN_ONE_PIECE else [path]) + ["/plain"]


@pytest.mark.parametrize(
    "request_",
    [
        ask("/plain", method="HEAD"),
        ask("/made", "Expect: 100-continue", "Content-Length: 0", method="POST"),
        ask("/made", "Content-Length: 2", method="POST") + "{}",
    ],
    ids=["HEAD", "100-continue", "POST"],
)
async def test_other_requests(
    monkeypatch: pytest.MonkeyPatch, messages: list[str], request_: str
) -> None:
    """With and without a body."""
    found, written = await told(monkeypatch, messages, request_, LAST)
    assert len(found) == 2
    assert ("/plain" in written[:-1]) == ("HEAD" in request_)


@pytest.mark.parametrize(
    "last", [LAST, ask("/made", version="1.0"), ask("/close")], ids=["asked", "1.0", "answered"]
)
async def test_a_connection_that_ends(
    monkeypatch: pytest.MonkeyPatch, messages: list[str], last: str
) -> None:
    """Behind answers to requests that came together."""
    requests = [ask("/made"), ask("/large"), ask("/problem"), ask("/bare"), ask("/empty")]
    found, written = await told(monkeypatch, messages, *requests, last)
    assert len(found) == 6
    assert found[1][2] == LARGE
    assert written[0] in {"/problem", "/bare"}  # what is behind it may wait for a slow reader
    assert len(written) <= 4


@pytest.mark.parametrize("path", [path for path in ANSWERS if "wrong" in path])
async def test_a_header_that_is_none_is_not_sent(messages: list[str], path: str) -> None:
    """Nobody can put a header of their own into an answer."""
    async with served(app) as port, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask(path).encode())
        found = await reader.read()
        writer.close()
    assert b"x-b" not in found
    assert messages[0] == path


async def test_who_does_not_read_is_waited_for(messages: list[str]) -> None:
    """What nobody takes does not gather in memory."""
    async with served(app) as port, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((ask("/large") * 8).encode())
        await eventually(lambda: messages)
        assert len(messages) == 1
        for _ in range(8):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(LARGE)) == LARGE
        writer.close()


async def test_an_answer_is_sent_once(monkeypatch: pytest.MonkeyPatch, messages: list[str]) -> None:
    """Whoever answers twice is told, and the caller hears nothing of it."""
    told: list[str] = []
    answer = app

    async def twice(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)
        try:
            await answer(scope, receive, send)
        except RuntimeError as error:
            told.append(str(error))

    monkeypatch.setattr(f"{__name__}.app", twice)
    async with served(app) as port:
        assert len(await exchange(port, ask("/plain"), ask("/bare", "Connection: close"))) == 2
    assert len(told) == 2
    assert messages[0] == "/plain"


async def test_who_waits_for_the_end_of_a_request_hears_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a watch for callers that have gone does."""
    heard: list[str] = []
    answer = app

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        watch = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await answer(scope, receive, send)
        heard.append((await watch)["type"])

    monkeypatch.setattr(f"{__name__}.app", waiting)
    async with served(app) as port, asyncio.timeout(30):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask("/plain").encode())
        await eventually(lambda: heard)
        writer.close()
    assert heard == ["http.disconnect"]
