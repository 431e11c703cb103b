"""The limits of a connection: what is waited for, what is gathered, how many there are."""

import asyncio

import pytest

from api.limits import HEAD_GATHERED_BYTES_MAX, HEAD_SECONDS_MAX, LOOK_SECONDS, UNREAD_SECONDS_MAX
from api.patience import unsent
from tests.unit.api.connections.talking import (
    CHUNKED,
    GET,
    LENGTH,
    MANY,
    PIECE,
    Application,
    Watched,
    bodies,
    check_problem,
    send,
    talking,
)
from tests.unit.api.sockets import served
from tests.waiting import eventually


@pytest.mark.parametrize("in_front", [b"", GET % b"a"])
async def test_a_head_without_end(in_front: bytes) -> None:
    """It is not gathered. Who is in front of it gets an answer, and then the connection ends."""
    app, begin = Application(), in_front + b"GET /b HTTP/1.1\r\nx: "
    async with talking(app, Watched) as (reader, writer):
        writer.write(begin)
        count = HEAD_GATHERED_BYTES_MAX // len(PIECE) + 1
        for _ in range(count):
            writer.write(b"y" * len(PIECE))
            await writer.drain()
        await eventually(lambda: Watched.newest.received == len(begin) + count * len(PIECE))
        app.may.set()
        answer = await reader.read()
    if in_front:
        assert bodies(answer) == [b"/a"]
    else:
        check_problem(answer, b"431 Request Header Fields Too Large", "headers_too_large")
    assert app.asked == (["/a"] if in_front else [])


async def test_heads_among_much_else() -> None:
    """What counts is one head, not all that comes on a connection."""
    app = Application(deaf=True)
    one = GET % b"a"
    count = 2 * HEAD_GATHERED_BYTES_MAX // len(one)
    async with talking(app) as (reader, writer):
        writer.write(one * count + one[:-1])
        answers = await reader.readexactly(1)
        writer.write(one[-1:])
        writer.write_eof()
        answers += await reader.read()
    assert answers.count(b"HTTP/1.1 404 Not Found") == count + 1


async def test_a_head_that_does_not_come() -> None:
    """Whoever has begun one hears of it; a new one has its own time."""
    app = Application(deaf=True)
    async with talking(app, Watched) as (reader, writer):
        writer.write(GET % b"a")
        await reader.readuntil(b"/a")
        newest = Watched.newest
        newest.look(0.0)
        newest.look(HEAD_SECONDS_MAX - 1)
        received = newest.received
        writer.write(b"GET /b")
        await eventually(lambda: newest.received > received)
        newest.look(HEAD_SECONDS_MAX)
        newest.look(2 * HEAD_SECONDS_MAX - 1)
        assert not newest.transport.is_closing()
        newest.look(2 * HEAD_SECONDS_MAX)
        check_problem(await reader.read(), b"408 Request Timeout", "request_timeout")
    assert app.asked == ["/a"]


async def test_a_head_that_ended_badly() -> None:
    """It is not waited for any more, and not answered twice."""
    async with talking(Application(), Watched) as (reader, writer):
        writer.write(b"GET /b")
        await eventually(lambda: Watched.newest.received)
        Watched.newest.look(0.0)
        writer.write(b" no http\r\n\r\n")
        check_problem(await reader.read())
        assert not Watched.newest.transport.is_closing()
        Watched.newest.look(HEAD_SECONDS_MAX)
        assert not Watched.newest.transport.is_closing()


@pytest.mark.parametrize("sent", [b"", LENGTH % 9 + b"\r\n", LENGTH % 9 + b"\r\nx"])
async def test_a_request_that_does_not_come(sent: bytes) -> None:
    """At the beginning, or behind a body of which nothing more comes: the connection ends."""
    app = Application(deaf=True)
    async with talking(app, Watched) as (reader, writer):
        writer.write(sent)
        answer = await reader.readuntil(b"/a") if sent else b""
        await eventually(lambda: Watched.newest.received == len(sent))
        Watched.newest.look(0.0)
        Watched.newest.look(HEAD_SECONDS_MAX)
        assert await reader.read() == b""
    assert bodies(answer) == ([b"/a"] if sent else [])


async def test_who_waits_for_an_answer_is_left_alone() -> None:
    """However long it takes: that is for the server to know."""
    app = Application()
    async with talking(app, Watched) as (reader, writer):
        writer.write(GET % b"a")
        await eventually(lambda: app.asked)
        for seconds in range(0, 600, int(LOOK_SECONDS)):
            Watched.newest.look(float(seconds))
        app.may.set()
        writer.write_eof()
        assert bodies(await reader.read()) == [b"/a"]


async def test_who_does_not_read() -> None:
    """Answers do not wait for ever."""
    app, sent = Application(echoes=True), MANY * len(PIECE)
    async with talking(app, Watched) as (_, writer):
        writer.write(LENGTH % sent + b"\r\n" + PIECE * MANY)
        newest = Watched.newest
        await eventually(lambda: newest.transport.get_write_buffer_size())
        assert unsent(newest.transport) > 0
        newest.look(0.0)
        newest.look(UNREAD_SECONDS_MAX - 1)
        assert not newest.transport.is_closing()
        newest.look(UNREAD_SECONDS_MAX)
        assert newest.transport.is_closing()
        await eventually(lambda: not newest.connections)


async def test_who_reads_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system takes off its own hands counts, too."""
    left = iter((9, 8))
    monkeypatch.setattr("api.connection.unsent", lambda _: next(left))
    app, sent = Application(echoes=True), MANY * len(PIECE)
    async with talking(app, Watched) as (_, writer):
        writer.write(LENGTH % sent + b"\r\n" + PIECE * MANY)
        newest = Watched.newest
        await eventually(lambda: newest.transport.get_write_buffer_size())
        newest.look(0.0)
        newest.look(UNREAD_SECONDS_MAX)
        assert not newest.transport.is_closing()


@pytest.mark.parametrize("reads", [True, False])
async def test_who_does_not_read_while_the_server_ends(
    reads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits as long as for others, and no longer."""
    monkeypatch.setattr("api.connection.UNREAD_MARGIN_SECONDS", 0.95)
    app, sent = Application(echoes=not reads), MANY * len(PIECE)
    async with talking(app, Watched) as (reader, writer):
        begin = GET % b"a" if reads else LENGTH % sent + b"\r\n" + PIECE * MANY
        writer.write(begin)
        await eventually(lambda: app.asked)
        newest = Watched.newest
        await eventually(lambda: reads or newest.transport.get_write_buffer_size())
        newest.config.timeout_graceful_shutdown = 1
        newest.shutdown()
        if reads:
            newest.leave_unread()
            app.may.set()
            assert bodies(await reader.read()) == [b"/a"]
        else:
            await eventually(lambda: not newest.connections)


async def test_looks_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anybody's doing."""
    monkeypatch.setattr("api.connection.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("api.patience.HEAD_SECONDS_MAX", 0.03)
    async with talking(Application(), Watched) as (reader, _):
        assert await reader.read() == b""
        await eventually(lambda: not Watched.newest.connections)
        looks = Watched.newest.looks
        await asyncio.sleep(0.1)
        assert Watched.newest.looks == looks, "it is gone"


class Two(Watched):
    """Of which there may be two at a time."""

    connections_max = 2


async def test_many_connections() -> None:
    """One too many hears that, and may come again once another has gone."""
    app = Application(deaf=True)
    async with served(app, Two) as port, asyncio.timeout(30):
        first, second, third = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        answer = await third[0].read()
        check_problem(answer, b"503 Service Unavailable", "unavailable")
        assert b"\r\nretry-after: 1\r\n" in answer
        third[1].close()
        first[1].close()
        await eventually(lambda: len(Two.newest.connections) == 1)
        fourth = await asyncio.open_connection("127.0.0.1", port)
        for reader, writer in (second, fourth):
            writer.write(GET % b"a")
            assert (await reader.readuntil(b"/a")).startswith(b"HTTP/1.1 404")
            writer.close()


async def test_fields_without_end_behind_an_answer() -> None:
    """Nor are those of a request that was answered before."""
    async with talking(Application(deaf=True), Watched) as (reader, writer):
        writer.write(CHUNKED % b"a")
        await reader.readuntil(b"/a")
        writer.write(b"0\r\nx: ")
        await send(writer, HEAD_GATHERED_BYTES_MAX // len(PIECE) + 5)
        assert await reader.read() == b""


async def test_fields_without_end_behind_a_body() -> None:
    """They are not gathered either, be it one or many."""
    for field in (b"y" * len(PIECE), b"y:\r\n" * (len(PIECE) // 4)):
        app = Application(echoes=True)
        async with talking(app) as (reader, writer):
            writer.write(CHUNKED % b"a" + b"2\r\nhi\r\n0\r\nx: ")
            for _ in range(HEAD_GATHERED_BYTES_MAX // len(PIECE) + 5):
                writer.write(field)
                await writer.drain()
            answer = await reader.read()
        check_problem(answer, b"431 Request Header Fields Too Large", "headers_too_large")


async def test_a_field_behind_a_body_that_ends_the_connection() -> None:
    """It does so with the answer, and not in silence."""
    app = Application(echoes=True)
    async with talking(app) as (reader, writer):
        writer.write(CHUNKED % b"a" + b"2\r\nhi\r\n0\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
    assert bodies(answer) == [b"hi"]
    assert b"\r\nconnection: close\r\n" in answer
