"""What an exchange with another instance may end in, and what it never says."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from ledger.adapters.http_peers import HttpPeers
from ledger.peers import MEDIA_TYPE, NOTHING_DONE_HEADER, PeerSilent, PeerUnreachable
from tests.servers_process import free_ports

SECRET = "a-secret-of-the-cluster"
Handler = Callable[[httpx.Request], httpx.Response]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def ask(handler: Handler, secret: str | None = SECRET) -> bytes:
    """One exchange with a server that answers so."""
    peers = HttpPeers(secret, transport=httpx.MockTransport(handler))
    try:
        return await peers.ask("http://peer", "/internal/v1/bundle", b"body", 5.0)
    finally:
        await peers.close()


async def test_a_good_answer() -> None:
    """The body comes back; the secret went in a header, the type with it."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"answer")

    assert await ask(handler) == b"answer"
    (request,) = seen
    assert str(request.url) == "http://peer/internal/v1/bundle"
    assert request.content == b"body"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["content-type"] == MEDIA_TYPE


async def test_no_secret_no_header() -> None:
    """Alone on one machine there is none."""

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=str("authorization" in request.headers).encode())

    assert await ask(handler, secret=None) == b"False"


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 405, 413, 415, 421, 431])
async def test_surely_not_carried_out(status: int) -> None:
    """Such a server did not look at the body; a redirect is not followed with the secret."""
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(status, headers={"location": "http://elsewhere/"})

    with pytest.raises(PeerUnreachable, match=f"http://peer answered {status}"):
        await ask(handler)
    assert seen == ["peer"]


@pytest.mark.parametrize("status", [204, 408, 409, 422, 429, 500, 502, 503, 504])
async def test_an_answer_is_unclear_unless_it_says_that_nothing_was_done(status: int) -> None:
    """What a proxy says may have been carried out behind it; the other instance says if not."""
    with pytest.raises(PeerSilent, match=str(status)):
        await ask(lambda _request: httpx.Response(status))
    with pytest.raises(PeerUnreachable, match=str(status)):
        await ask(lambda _request: httpx.Response(status, headers={NOTHING_DONE_HEADER: "1"}))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), PeerUnreachable),
        (httpx.ConnectTimeout("slow"), PeerUnreachable),
        (httpx.PoolTimeout("full"), PeerUnreachable),
        (httpx.ReadError("reset"), PeerSilent),
        (httpx.WriteError("reset"), PeerSilent),
        (httpx.ReadTimeout("slow"), PeerSilent),
        (httpx.RemoteProtocolError("closed"), PeerSilent),
        (httpx.LocalProtocolError(f"Illegal header value b'Bearer {SECRET}'"), PeerSilent),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_errors_on_the_way(error: httpx.HTTPError, kind: type[Exception]) -> None:
    """Before the first byte nothing can have happened; nothing ever quotes the secret."""

    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(kind) as caught:
        await ask(handler)
    assert "http://peer" in str(caught.value)
    assert SECRET not in f"{caught.value!r}"
    assert caught.value.__suppress_context__, "nor does a traceback show what was sent"


@contextlib.asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A server on a real socket; the answer is its address."""
    done: list[asyncio.Event] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done.append(asyncio.Event())
        mine = done[-1]
        try:
            # Whoever asks may have gone before it had asked.
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                await serve(reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        finally:
            mine.set()

    made = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{made.sockets[0].getsockname()[1]}"
    finally:
        made.close()
        for ended in done:
            await asyncio.wait_for(ended.wait(), 10)


async def test_connections_are_kept_and_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two exchanges over one real connection."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_ports(1)[0]}")
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\nbody")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with server(serve) as url:
        peers = HttpPeers(SECRET)
        assert [await peers.ask(url, "/path", b"body", 5.0) for _ in range(2)] == [b"ok", b"ok"]
        await peers.close()
    assert connections == 1


async def test_an_answer_that_trickles_ends_with_the_time() -> None:
    """The limit is for the whole exchange, not for each piece of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\nbody")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        # Ends when the other side has closed the connection.
        while not reader.at_eof():
            writer.write(b".")
            try:
                await asyncio.wait_for(reader.read(1), 0.02)
            except TimeoutError:
                continue
            except ConnectionError:
                return

    async with server(serve) as url:
        peers = HttpPeers(SECRET)
        with pytest.raises(PeerSilent, match="did not answer"):
            await peers.ask(url, "/path", b"body", 1.0)
        await peers.close()


async def test_nobody_listens() -> None:
    """A refused connection."""
    peers = HttpPeers(SECRET)
    # Bound, so that nobody else can listen there.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(PeerUnreachable, match="cannot be reached"):
            await peers.ask(f"http://127.0.0.1:{held.getsockname()[1]}", "/path", b"", 5.0)
    await peers.close()


async def test_a_host_that_cannot_be_one() -> None:
    """The claims in the log may say anything: that must end no task."""
    peers = HttpPeers(SECRET)
    try:
        with pytest.raises(PeerUnreachable, match="http://xn--a"):
            await peers.ask("http://xn--a:80", "/there", b"body", 5.0)
    finally:
        await peers.close()
