"""A connection to an application that does what a test says, and what comes back on it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api import edge
from api.answers import CLOSE, Answer
from api.connection import Protocol
from tests.unit.api.sockets import served

GARBAGE = b"no http at all\r\n\r\n"
GET = b"GET /%b HTTP/1.1\r\nHost: here\r\n\r\n"
LENGTH = b"POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n"
PIECE = b" " * 2**16
MANY = 80
CHUNKED = b"POST /%b HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Application:
    """Answers with the path, once it may.

    With `early` it begins before that; with `echoes` it answers with what was sent; with `deaf` at
    once, without a look at what is sent.
    """

    early: bool = False
    echoes: bool = False
    deaf: bool = False
    may: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    heads: list[dict[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        self.heads.append(dict(scope["headers"]))
        if self.deaf:
            await edge.Sender(send, b"request-1").answer(Answer(404, scope["path"].encode()))
            return
        if self.early:
            begin = {"type": "http.response.start", "status": 200, "headers": []}
            await send(begin)
        if self.echoes:
            body = b"".join([part async for part in Request(scope, receive).stream()])
            await edge.Sender(send, b"request-1").answer(Answer(200, body))
            return
        if scope["method"] == "POST":
            await self.may.wait()
            self.heard.append((await receive())["type"])
            return
        await self.may.wait()
        await edge.Sender(send, b"request-1").answer(Answer(200, scope["path"].encode()))


class Closing(Application):
    """Ends the connection with its answer."""

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        await self.may.wait()
        await edge.Sender(send, b"request-1").answer(Answer(200, b"/a", (CLOSE,)))


class Watched(Protocol):
    """Can be looked at from outside."""

    newest: ClassVar["Watched"]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.received = self.looks = 0
        Watched.newest = self

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.received += len(data)

    def look(self, now: float) -> None:
        super().look(now)
        self.looks += 1


@asynccontextmanager
async def talking(
    app: Application, protocol: type[Protocol] = Protocol
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to it."""
    async with served(app, protocol) as port, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            app.may.set()
            writer.close()


async def send(writer: asyncio.StreamWriter, pieces: int = MANY) -> None:
    """Much of no meaning."""
    for _ in range(pieces):
        writer.write(PIECE)
        await writer.drain()


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


def check_problem(
    answer: bytes, status: bytes = b"400 Bad Request", code: str = "malformed_http"
) -> None:
    """One answer, with all that a problem has; behind it the connection ends."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    assert first == b"HTTP/1.1 " + status
    assert {
        b"content-type: application/problem+json",
        b"content-length: %d" % len(body),
        b"connection: close",
        b"x-content-type-options: nosniff",
        b"x-all: 1",
    } <= {*headers}
    assert b"x-request-id" in head
    problem = json.loads(body)
    assert (problem["code"], problem["status"]) == (code, int(status[:3]))
    assert problem["type"] == f"urn:problem-type:stockledger:{code}"
