"""Bytes that are no HTTP get a problem, and nobody gets another's."""

import pytest
from starlette.types import Receive, Scope, Send

from tests.unit.api.connections.talking import (
    CHUNKED,
    GARBAGE,
    GET,
    Application,
    Watched,
    bodies,
    check_problem,
    talking,
)
from tests.waiting import eventually


@pytest.mark.parametrize(
    "sent",
    [
        GARBAGE,
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost here\r\n\r\n",
        b"GET /" + b"x" * 2_000 + b" HTTP/1.1\r\nHost here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nx: \x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        GARBAGE + GARBAGE,
    ],
)
async def test_what_is_no_http(sent: bytes) -> None:
    """One problem, and the connection ends; the application hears nothing."""
    app = Application()
    async with talking(app) as (reader, writer):
        writer.write(sent)
        check_problem(await reader.read())
    assert app.asked == []


async def test_a_body_that_breaks_off_in_the_middle() -> None:
    """Told at once; the application hears that its caller is gone."""
    app = Application()
    async with talking(app) as (reader, writer):
        writer.write(CHUNKED % b"a" + b"1\r\nx\r\nno number\r\n")
        check_problem(await reader.read())
    assert (app.asked, app.heard) == (["/a"], ["http.disconnect"])


async def test_behind_an_answer() -> None:
    """It is the next request's."""
    app = Application()
    app.may.set()
    async with talking(app) as (reader, writer):
        writer.write(GET % b"a")
        first = await reader.readuntil(b"/a")
        writer.write(GARBAGE)
        check_problem(await reader.read())
    assert first.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("count", [1, 3])
async def test_behind_requests_that_are_at_work(count: int) -> None:
    """They get their own answers; then the connection ends without one for the garbage."""
    app = Application()
    paths = [b"%d" % number for number in range(count)]
    sent = b"".join(GET % path for path in paths) + GARBAGE
    async with talking(app, Watched) as (reader, writer):
        writer.write(sent)
        await eventually(lambda: app.asked)
        writer.write(GARBAGE)
        if count == 1:  # behind more nothing is read before the first is answered
            await eventually(lambda: Watched.newest.received == len(sent + GARBAGE))
        app.may.set()
        answers = await reader.read()
    assert bodies(answers) == [b"/%b" % path for path in paths]
    assert answers.count(b"connection: close") == 1
    assert answers.count(b"HTTP/1.1 200 OK") == count


@pytest.mark.parametrize("count", [1, 2])
async def test_a_broken_body_behind_requests_at_work(count: int) -> None:
    """Those in front are answered first, then it is told in its turn; nobody hears of it."""
    app = Application()
    async with talking(app) as (reader, writer):
        whole = b"".join(GET % (b"%d" % number) for number in range(count))
        writer.write(whole + CHUNKED % b"b" + b"no number\r\n")
        await eventually(lambda: app.asked)
        app.may.set()
        answers = await reader.read()
    assert app.asked == [f"/{number}" for number in range(count)]
    last = answers.rindex(b"HTTP/1.1")
    assert bodies(answers[:last]) == [b"/%d" % number for number in range(count)]
    check_problem(answers[last:])


UPGRADES = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    b"Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n",
    b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n",
]


@pytest.mark.parametrize("pause", [False, True])
@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_another_protocol_is_offered(upgrade: bytes, pause: bool) -> None:
    """The offer is not taken: the request is answered as any other, its body is its body, and the
    connection goes on."""
    app, body = Application(echoes=True), GET % b"never!"
    head = b"POST /a HTTP/1.1\r\nHost: here\r\n" + upgrade
    later = b"" if b"close" in upgrade else (CHUNKED % b"b") + b"3\r\ntwo\r\n0\r\n\r\n"
    async with talking(app) as (reader, writer):
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body))
        if pause:
            await writer.drain()
            await eventually(lambda: app.asked)
        writer.write(body + later)
        writer.write_eof()
        answers = await reader.read()
    expected = [body, *([b"two"] if later else [])]
    assert bodies(answers) == expected
    assert app.asked == ["/a", "/b"][: len(expected)]


async def test_many_offers_at_once() -> None:
    """One behind the other, as deep as anybody likes."""
    app = Application()
    app.may.set()
    one = b"GET /a HTTP/1.1\r\nHost: here\r\n" + UPGRADES[0] + b"\r\n"
    async with talking(app) as (reader, writer):
        writer.write(one * 3_000)
        writer.write_eof()
        answers = await reader.read()
    assert answers.count(b"HTTP/1.1 200 OK") == 3_000


async def test_a_tunnel() -> None:
    """No origin server makes one."""
    app = Application()
    async with talking(app) as (reader, writer):
        writer.write(b"CONNECT there:443 HTTP/1.1\r\nHost: there:443\r\n\r\n")
        check_problem(await reader.read())
    assert app.asked == []


async def test_a_query_beyond_all_bounds() -> None:
    """It is told as one that is only too long."""
    app = Application()
    async with talking(app) as (reader, writer):
        writer.write(GET % (b"?q=" + b"x" * 70_000))
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b'"code":"headers_too_large"' in answer


async def test_half_a_connection() -> None:
    """Who has sent everything and says so is answered; who has not is not waited for."""
    for sent, answered in ((GET % b"a", [b"/a"]), (GET % b"a" + GET % b"b", [b"/a", b"/b"])):
        app = Application()
        async with talking(app, Watched) as (reader, writer):
            writer.write(sent)
            writer.write_eof()
            await eventually(lambda app=app: app.asked)  # type: ignore[misc]
            app.may.set()
            assert bodies(await reader.read()) == answered
            assert Watched.newest.transport.is_closing()
    app = Application()
    async with talking(app) as (reader, writer):
        writer.write(CHUNKED % b"a" + b"1\r\nx\r\n")
        writer.write_eof()
        assert await reader.read() == b""


async def test_who_is_at_work_hears_that_its_caller_is_gone() -> None:
    """Also where another request waits behind it."""
    app = Application()
    async with talking(app, Watched) as (reader, writer):
        writer.write(CHUNKED % b"a" + b"0\r\n\r\n" + GET % b"b")
        await eventually(lambda: app.asked)
        Watched.newest.transport.abort()
        assert await reader.read() == b""
        app.may.set()
        await eventually(lambda: app.heard)
    assert (app.asked, app.heard) == (["/a"], ["http.disconnect"])


@pytest.mark.parametrize(
    ("early", "begin", "status"),
    [(True, b"\r\n\r\n", b"200 OK"), (False, b"/a", b"404 Not Found")],
)
async def test_a_broken_body_whose_answer_has_begun(
    early: bool, begin: bytes, status: bytes
) -> None:
    """No second answer in the middle of the first, nor behind it."""
    async with talking(Application(early=early, deaf=not early)) as (reader, writer):
        writer.write(CHUNKED % b"a")
        first = await reader.readuntil(begin)
        writer.write(b"no number\r\n")
        rest = await reader.read()
    assert first.startswith(b"HTTP/1.1 " + status)
    assert b"HTTP" not in rest


class Second(Application):
    """Answers `/b` when told, all else at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.deaf = scope["path"] != "/b"
        await super().__call__(scope, receive, send)


async def test_half_a_connection_with_a_request_that_breaks_off() -> None:
    """The one in front of it is answered before it is told."""
    app = Second()
    async with talking(app, Watched) as (reader, writer):
        writer.write(GET % b"a" + GET % b"b" + CHUNKED % b"c" + b"2\r\n{")
        writer.write_eof()
        await eventually(lambda: Watched.newest.heard_all)
        app.may.set()
        answers = await reader.read()
    last = answers.rindex(b"HTTP/1.1")
    assert bodies(answers[:last]) == [b"/a", b"/b"]
    check_problem(answers[last:])
    assert app.asked == ["/a", "/b"]


async def test_an_offer_before_the_connection_ends() -> None:
    """What else the head says of the connection holds."""
    app = Application(echoes=True)
    async with talking(app) as (reader, writer):
        head = b"POST /a HTTP/1.1\r\nHost: here\r\n" + UPGRADES[2]
        writer.write(head + b"Content-Length: 2\r\n\r\nhi")
        answer = await reader.read()
    assert b"\r\nconnection: close\r\n" in answer
    assert bodies(answer) == [b"hi"]
