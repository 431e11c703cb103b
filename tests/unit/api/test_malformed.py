"""Bytes that are no HTTP get a problem, and nobody gets another's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from api import edge
from api.answers import Answer
from api.malformed import Protocol
from tests.unit.api.sockets import served
from tests.waiting import eventually

GARBAGE = b"no http at all\r\n\r\n"
GET = b"GET /%b HTTP/1.1\r\nHost: here\r\n\r\n"
CHUNKED = b"POST /%b HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Application:
    """Answers with the path, once it may; with `early`, before it has read what was sent."""

    early: bool = False
    may: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        if self.early:
            begin = {"type": "http.response.start", "status": 200, "headers": []}
            await send(begin)
        if scope["method"] == "POST":
            await self.may.wait()
            self.heard.append((await receive())["type"])
            return
        await self.may.wait()
        await edge._Sender(send, b"request-1").answer(Answer(200, scope["path"].encode()))


@asynccontextmanager
async def talking(
    app: Application,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to it."""
    async with served(app, Protocol) as port, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield reader, writer
        app.may.set()
        writer.close()


def bodies(answers: bytes) -> list[bytes]:
    """What stands behind each head."""
    found = []
    while answers:
        head, _, answers = answers.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = sum(int(one[16:]) for one in lines if one.startswith(b"content-length: "))
        found.append(answers[:length])
        answers = answers[length:]
    return found


def check_problem(answer: bytes) -> None:
    """One answer, with all that a problem has."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    assert status == b"HTTP/1.1 400 Bad Request"
    assert {
        b"content-type: application/problem+json",
        b"content-length: %d" % len(body),
        b"connection: close",
        b"x-content-type-options: nosniff",
        b"x-all: 1",
    } <= {*headers}
    problem = json.loads(body)
    assert (problem["code"], problem["status"]) == ("malformed_http", 400)
    assert problem["type"] == "urn:problem-type:stockledger:malformed_http"


@pytest.mark.parametrize(
    "sent",
    [
        GARBAGE,
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nx: \x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
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
    async with talking(app) as (reader, writer):
        writer.write(b"".join(GET % path for path in paths) + GARBAGE)
        await eventually(lambda: app.asked)
        writer.write(GARBAGE)
        await asyncio.sleep(0.05)
        app.may.set()
        answers = await reader.read()
    assert bodies(answers) == [b"/%b" % path for path in paths]
    assert answers.count(b"HTTP/1.1 200 OK") == count


async def test_a_broken_body_behind_a_request_at_work() -> None:
    """Nothing can be said in order any more: nobody is told what is another's."""
    app = Application()
    async with talking(app) as (reader, writer):
        writer.write(GET % b"a" + CHUNKED % b"b" + b"no number\r\n")
        assert await reader.read() == b""
        app.may.set()
    assert app.asked == ["/a"]


async def test_a_broken_body_whose_answer_has_begun() -> None:
    """No second answer in the middle of the first."""
    app = Application(early=True)
    async with talking(app) as (reader, writer):
        writer.write(CHUNKED % b"a")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"no number\r\n")
        rest = await reader.read()
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"400" not in rest
