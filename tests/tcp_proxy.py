"""A TCP proxy that loses what a test tells it to lose."""

import asyncio
import contextlib
import socket
from typing import Any, Self

CHUNK_BYTES = 64 * 1024


class TcpProxy:
    """Stands between clients and one server, in the event loop of the test."""

    def __init__(self, server: str) -> None:
        """Prepare for the server at `host:port`."""
        host, _, port = server.rpartition(":")
        self._target = (host, int(port))
        self._listener: asyncio.Server | None = None
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.lose_requests = False
        self.lose_answers = False
        self.request_lost = asyncio.Event()
        self.answer_lost = asyncio.Event()
        self.refusing = False
        self.delay_seconds = 0.0

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        # A small buffer, so that what flows no more stays with its sender: what has left the
        # sender's machine nobody can call back.
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK_BYTES)
        listener.bind(("127.0.0.1", 0))
        self._listener = await asyncio.start_server(self._serve, sock=listener, limit=CHUNK_BYTES)
        self.port = int(self._listener.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        assert self._listener is not None
        self._listener.close()
        self.refusing = True  # who came at the last moment
        self.cut()
        self.flowing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listener.wait_closed()

    def cut(self) -> None:
        """Break all connections that are open now."""
        for writer in self._writers:
            writer.transport.abort()

    def heal(self) -> None:
        """Lose nothing any more."""
        self.lose_requests = self.lose_answers = self.refusing = False
        self.delay_seconds = 0.0
        self.flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.refusing:
            writer.transport.abort()
            return
        ends = {writer}
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                # As the server refuses, so does its stand-in.
                answers, requests = await asyncio.open_connection(*self._target, limit=CHUNK_BYTES)
                ends.add(requests)
                self._writers |= ends
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pump(reader, requests, is_request=True))
                    group.create_task(self._pump(answers, writer, is_request=False))
            finally:
                self._writers -= ends
                for end in ends:
                    end.transport.abort()

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_request: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                await self.flowing.wait()
                await asyncio.sleep(self.delay_seconds)
                lost = self.lose_requests if is_request else self.lose_answers
                if lost:
                    (self.request_lost if is_request else self.answer_lost).set()
                    continue
                target.write(data)
                await target.drain()
        target.transport.abort()


def through_proxy(client_id: str, proxy: TcpProxy, create_conn: Any) -> Any:
    """Make aiokafka's `create_conn` lead all connections of one client id through the proxy.

    A broker tells its clients its own address, so a proxy as bootstrap alone would be passed by.
    """

    async def create(host: str, port: int, **settings: Any) -> Any:
        if settings.get("client_id") == client_id:
            host, port = "127.0.0.1", proxy.port
        return await create_conn(host, port, **settings)

    return create
