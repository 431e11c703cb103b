"""Behind a last answer: how long a connection stays, and what it takes meanwhile."""

import asyncio
import gc
import socket
import struct
import weakref

import pytest

from tests.unit.api.connections.talking import (
    GARBAGE,
    GET,
    LENGTH,
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

CLOSE = b"Connection: close\r\n\r\n"
LONG = 1_000.0


@pytest.fixture
def lingers(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """For ever, unless a test says otherwise."""
    monkeypatch.setattr("api.connection.LINGER_SECONDS", LONG)
    monkeypatch.setattr("api.connection.LINGER_SECONDS_HEARD", LONG)
    return monkeypatch


@pytest.mark.parametrize(
    ("sent", "which"),
    [
        (LENGTH % 2 + CLOSE + b"hi", "LINGER_SECONDS_HEARD"),
        (LENGTH % 9 + CLOSE + b"hi", "LINGER_SECONDS"),
        (GET % b"a" + GARBAGE, "LINGER_SECONDS"),
    ],
)
async def test_how_long(sent: bytes, which: str, lingers: pytest.MonkeyPatch) -> None:
    """Longer where more was to come than where all was heard."""
    lingers.setattr(f"api.connection.{which}", 0.01)
    async with talking(Application(deaf=True), Watched) as (reader, writer):
        writer.write(sent)
        assert bodies(await reader.read())[0] == b"/a"
        await eventually(lambda: not Watched.newest.connections)


@pytest.mark.usefixtures("lingers")
async def test_who_has_said_all_is_not_waited_for() -> None:
    """Though a request is left that nobody will answer."""
    app = Closing()
    async with talking(app, Watched) as (reader, writer):
        writer.write(GET % b"a" + GET % b"b")
        await eventually(lambda: app.asked)
        app.may.set()
        assert bodies(await reader.read()) == [b"/a"]
        writer.write_eof()
        await eventually(lambda: not Watched.newest.connections)


async def test_a_long_answer_that_is_read_slowly(lingers: pytest.MonkeyPatch) -> None:
    """It is not lost with what its reader sends meanwhile, however long that takes."""
    lingers.setattr("api.connection.LINGER_SECONDS_HEARD", 0.01)
    sent = 160 * len(PIECE)
    async with talking(Application(echoes=True), Waiting) as (reader, writer):
        Waiting.rounds = 0
        writer.write(LENGTH % sent + CLOSE)
        await send(writer, 160)
        await eventually(lambda: Waiting.rounds > 3)
        writer.write(PIECE)
        assert len(bodies(await reader.read())[0]) == sent


async def test_what_the_system_has_yet_to_send(lingers: pytest.MonkeyPatch) -> None:
    """It would be lost, too."""
    left = iter((9, 8, 7, 0))
    lingers.setattr("api.connection.unsent", lambda _: next(left))
    lingers.setattr("api.connection.LINGER_SECONDS_HEARD", 0.01)
    async with talking(Application(deaf=True), Watched) as (reader, writer):
        writer.write(GET.replace(b"\r\n\r\n", b"\r\n" + CLOSE) % b"a")
        assert bodies(await reader.read()) == [b"/a"]
        await eventually(lambda: not Watched.newest.connections)
    assert [*left] == []


class Waiting(Watched):
    """Counts how often it was not over yet."""

    rounds = 0

    def _linger(self, seconds: float) -> None:
        super()._linger(seconds)
        Waiting.rounds += 1


@pytest.mark.parametrize("sent", [GARBAGE, LENGTH % 9 + b"\r\n"])
async def test_the_server_ends(sent: bytes, lingers: pytest.MonkeyPatch) -> None:
    """Who sends on is not reset at once, and is not waited for as long as else."""
    app = Application(deaf=True)
    async with talking(app, Watched) as (reader, writer):
        writer.write(sent)
        await reader.readuntil(b"\r\n\r\n")
        newest = Watched.newest
        newest.shutdown()
        assert not newest.transport.is_closing()
        await send(writer)
        await reader.read()
        lingers.setattr("api.connection.LINGER_SECONDS_HEARD", 0.01)
        newest.shutdown()
        await eventually(lambda: not newest.connections)


async def test_an_end_begins_while_the_server_ends(lingers: pytest.MonkeyPatch) -> None:
    """It does not take as long as else, either."""
    lingers.setattr("api.connection.LINGER_SECONDS_HEARD", 0.01)
    app = Application()
    async with talking(app, Watched) as (reader, writer):
        writer.write(GET % b"a" + GARBAGE)
        await eventually(lambda: app.asked)
        Watched.newest.shutdown()
        app.may.set()
        assert bodies(await reader.read()) == [b"/a"]
        await eventually(lambda: not Watched.newest.connections)


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("waiting", [0, 2])
async def test_nothing_is_left_to_collect(waiting: int, resets: bool) -> None:
    """Thousands of connections a second would else be work for the collector, which stops all."""
    app = Application()
    gc.disable()
    try:
        async with talking(app, Watched) as (reader, writer):
            writer.write(GET % b"a" * (1 + waiting))
            await eventually(lambda: app.asked)
            Watched.newest.timeout_keep_alive = 1_000
            left = weakref.ref(Watched.newest)
            if not waiting:
                app.may.set()
                await reader.readuntil(b"/a")
            del Watched.newest
            if resets:
                plain = writer.get_extra_info("socket")
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()
            await asyncio.sleep(0)
            app.may.set()
            await eventually(lambda: left() is None)
    finally:
        gc.enable()


async def test_a_broken_body_that_nobody_has_read_yet() -> None:
    """Its reader hears that the caller is gone, and asks for nothing any more."""
    app = Application()
    async with talking(app, Watched) as (reader, writer):
        head = b"POST /a HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n"
        writer.write(head + b"Expect: 100-continue\r\n\r\nno number\r\n")
        await eventually(lambda: app.asked)
        check_problem(await reader.read())
        app.may.set()
        await eventually(lambda: app.heard)
    assert app.heard == ["http.disconnect"]
