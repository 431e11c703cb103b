"""How a connection ends: nobody loses an answer, and nothing is taken for what it is not."""

import asyncio
from typing import Any

import pytest

from api.limits import DROPPED_BYTES_MAX
from api.standins import Refusal
from tests.unit.api.connections.talking import (
    CHUNKED,
    GET,
    LENGTH,
    MANY,
    PIECE,
    Application,
    Closing,
    Watched,
    bodies,
    check_problem,
    send,
    talking,
)
from tests.waiting import eventually

EXPECT = b"Expect: 100-continue\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "ends"),
    [
        (LENGTH + b"\r\n", False),
        (LENGTH + b"Connection: close\r\n\r\n", True),
        (LENGTH.replace(b"1.1", b"1.0") + b"\r\n", True),
    ],
)
async def test_an_answer_before_its_body_was_sent(head: bytes, ends: bool) -> None:
    """Who sends on hears it, and is not reset; the connection goes on if it may."""
    app = Application(deaf=True)
    async with talking(app) as (reader, writer):
        writer.write(head % (MANY * len(PIECE)))
        answer = await reader.readuntil(b"/a")
        assert (b"connection: close" in answer) is ends
        await send(writer)
        writer.write(GET % b"b")
        writer.write_eof()
        assert bodies(await reader.read()) == ([] if ends else [b"/b"])
    assert app.asked == (["/a"] if ends else ["/a", "/b"])


async def test_what_nobody_reads_is_counted_by_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are on a connection."""
    monkeypatch.setattr("api.connection.DROPPED_BYTES_MAX", 30 * len(PIECE))
    async with talking(Application(deaf=True)) as (reader, writer):
        for _ in range(3):
            writer.write(LENGTH % (20 * len(PIECE)) + b"\r\n")
            await reader.readuntil(b"/a")
            await send(writer, 20)


async def test_a_head_in_pieces_behind_a_dropped_body() -> None:
    """What was dropped of the body is no part of it."""
    app, sent = Application(deaf=True), 30 * len(PIECE)
    async with talking(app, Watched) as (reader, writer):
        writer.write(LENGTH % sent + b"\r\n")
        await reader.readuntil(b"/a")
        begin = b" " * sent + (GET % b"b")[:9]
        received = Watched.newest.received
        writer.write(begin)
        await eventually(lambda: Watched.newest.received == received + len(begin))
        writer.write((GET % b"b")[9:])
        assert b"HTTP/1.1 404" in await reader.readuntil(b"/b")


async def test_a_body_that_came_behind_its_answer() -> None:
    """Once it is whole, what follows is a request again."""
    app = Application(deaf=True)
    async with talking(app) as (reader, writer):
        writer.write(LENGTH % 2 + b"\r\n")
        await reader.readuntil(b"/a")
        writer.write(b"hino http\r\n\r\n")
        check_problem(await reader.read())


BODY = LENGTH.replace(b"POST", b"GET") + b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "answered"),
    [
        (BODY % (2 * MANY * len(PIECE)), [b"/a"]),
        (GET % b"a" + b"no http\r\n\r\n", [b"/a"]),
        (GET % b"a" + GET % b"b" + CHUNKED % b"c" + b"no number\r\n", [b"/a", b"/b", None]),
    ],
)
async def test_a_last_answer_that_takes_its_time(
    begin: bytes, answered: list[bytes | None]
) -> None:
    """Meanwhile nothing may be read; once it is written, whoever sends on can, and hears it."""
    app = Application()
    async with talking(app, Watched) as (reader, writer):
        writer.write(begin)
        await eventually(lambda: app.asked)
        sending = asyncio.create_task(send(writer))
        await eventually(lambda: sending.done() or writer.transport.get_write_buffer_size())
        app.may.set()
        await sending
        answers = await reader.read()
        await send(writer)
        found = bodies(answers)
        assert [one if one[:1] == b"/" else None for one in found] == answered
        assert app.asked == [f"/{one.decode()[1:]}" for one in answered if one is not None]


async def test_what_waits_behind_a_last_answer() -> None:
    """It is not begun: nobody could hear of it."""
    app = Closing()
    async with talking(app) as (reader, writer):
        writer.write(GET % b"a" + GET % b"b")
        await eventually(lambda: app.asked)
        app.may.set()
        assert bodies(await reader.read()) == [b"/a"]
    assert app.asked == ["/a"]


async def test_what_nobody_reads_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind it the connection ends, in order: the answer can still be read."""
    monkeypatch.setattr("api.connection.DROPPED_BYTES_MAX", 30 * len(PIECE))
    app = Application(deaf=True)
    async with talking(app, Watched) as (reader, writer):
        writer.write(LENGTH % DROPPED_BYTES_MAX + b"\r\n")
        await send(writer)
        assert bodies(await reader.read()) == [b"/a"]
        assert Watched.newest.transport.is_closing() is False


async def test_an_end_in_order_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes and in time."""
    app = Application()
    monkeypatch.setattr("api.standins.DROPPED_BYTES_MAX", len(PIECE))
    monkeypatch.setattr("api.connection.LINGER_SECONDS", 1_000)
    async with talking(app, Watched) as (reader, writer):
        writer.write(b"no http\r\n\r\n")
        check_problem(await reader.read())
        writer.write(PIECE * 2)
        await eventually(Watched.newest.transport.is_closing)
    monkeypatch.setattr("api.connection.LINGER_SECONDS", 0.05)
    async with talking(app, Watched) as (reader, writer):
        writer.write(b"no http\r\n\r\n")
        check_problem(await reader.read())
        await eventually(Watched.newest.transport.is_closing)


async def test_nobody_asked_for_the_body() -> None:
    """It may come or not, so nothing can follow; where it was asked for, all goes on."""
    app = Application(deaf=True)
    async with talking(app) as (reader, writer):
        writer.write(LENGTH % 2 + EXPECT)
        answer = await reader.readuntil(b"/a")
        writer.write(GET % b"b")
        assert await reader.read() == b""
    assert app.asked == ["/a"]
    assert answer.count(b"connection: close\r\n") == 1
    app = Application(echoes=True)
    async with talking(app) as (reader, writer):
        writer.write(LENGTH % 2 + EXPECT)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi" + LENGTH % 2 + b"\r\nho")
        answers = await reader.readuntil(b"ho")
    assert bodies(answers) == [b"hi", b"ho"]
    assert b"connection: close" not in answers


async def test_a_body_that_nobody_asked_for_and_came() -> None:
    """Nothing is unclear: all goes on."""
    app = Application(deaf=True)
    async with talking(app) as (reader, writer):
        writer.write(LENGTH % 2 + EXPECT + b"hi" + GET % b"b")
        answers = await reader.readuntil(b"/b")
    assert bodies(answers) == [b"/a", b"/b"]
    assert b"connection: close" not in answers


async def test_an_old_request_is_not_asked_for_its_body() -> None:
    """It knows nothing of that (RFC 9110, section 10.1.1)."""
    async with talking(Application(echoes=True)) as (reader, writer):
        writer.write(LENGTH.replace(b"1.1", b"1.0") % 2 + EXPECT + b"hi")
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert bodies(answer) == [b"hi"]


@pytest.mark.parametrize(
    ("version", "hosts", "good"),
    [("1.1", 1, 1), ("1.1", 0, 0), ("1.1", 2, 0), ("1.0", 0, 1), ("1.0", 2, 0)],
)
async def test_a_request_names_its_host(version: str, hosts: int, good: int) -> None:
    """Once, and only the oldest need not (RFC 9112, section 3.2)."""
    app = Application(deaf=True)
    async with talking(app) as (reader, writer):
        request = f"GET /a HTTP/{version}\r\nX-Request-Id: mine\r\n" + "Host: here\r\n" * hosts
        writer.write(GET % b"b" + request.encode() + b"\r\n")
        writer.write_eof()
        assert await reader.readuntil(b"/b")
        answer = await reader.read()
    if good:
        assert bodies(answer) == [b"/a"]
    else:
        check_problem(answer)
        assert b"x-request-id: mine\r\n" in answer
    assert app.asked == ["/b", "/a"][: 1 + good]


async def test_who_sends_on_behind_a_last_answer() -> None:
    """It is not reset, though all that the answer was about had come."""
    async with talking(Application(deaf=True)) as (reader, writer):
        writer.write(LENGTH % 2 + b"Connection: close\r\n\r\nhi")
        await reader.readuntil(b"/a")
        await send(writer)
        assert await reader.read() == b""


class HalfClosed(Watched):
    """Hears that nothing more comes in the moment before it says what was wrong."""

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        super()._start_asgi_task(cycle, app)
        if isinstance(app, Refusal):
            assert self.eof_received() is True


async def test_a_refusal_in_its_turn_to_who_has_said_all() -> None:
    """It is told."""
    app = Application()
    async with talking(app, HalfClosed) as (reader, writer):
        writer.write(GET % b"a" + CHUNKED % b"b" + b"no number\r\n")
        await eventually(lambda: app.asked)
        app.may.set()
        await reader.readuntil(b"/a")
        check_problem(await reader.read())


async def test_fields_behind_a_body_are_no_headers() -> None:
    """However the packets fall: a key or an id there is nobody's."""
    app = Application(echoes=True)
    async with talking(app) as (reader, writer):
        writer.write(CHUNKED % b"a" + b"2\r\nhi\r\n0\r\nHost: there\r\nX-Api-Key: mine\r\n\r\n")
        writer.write(GET % b"b")
        writer.write_eof()
        assert bodies(await reader.read()) == [b"hi", b""]
    assert app.heads == [{b"host": b"here", b"transfer-encoding": b"chunked"}, {b"host": b"here"}]


@pytest.mark.parametrize(
    ("target", "path"),
    [(b"http://here", "/"), (b"HTTPS://here:80?q=1", "/"), (b"http://here/a?q=1", "/a")],
)
async def test_an_absolute_target(target: bytes, path: str) -> None:
    """A server takes it, also without a path."""
    app = Application(deaf=True)
    async with talking(app) as (reader, writer):
        writer.write(b"GET %b HTTP/1.1\r\nHost: here\r\n\r\n" % target)
        writer.write_eof()
        assert bodies(await reader.read()) == [path.encode()]
