"""TLS in front of a PostgreSQL whose package is built without it, as a proxy of a cloud has it."""

import asyncio
import contextlib
import ssl
import struct
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

from tests.servers_certificates import ADDRESS, Pair
from tests.servers_doors import PASSWORD

CHUNK_BYTES = 64 * 1024
_TLS_WANTED = struct.pack("!ii", 8, 80877103)  # SSLRequest
_REFUSAL = b"SFATAL\0C28000\0Mno encryption, and nobody gets in without\0\0"


class Guarded(NamedTuple):
    """A database that asks for TLS and a password: its address, and what a client trusts."""

    port: int
    user: str
    database: str
    cafile: Path

    def url(self, query: str, *, password: str = PASSWORD, host: str = "127.0.0.1") -> str:
        """The address with these parameters; `{ca}` in them is the file of the authority."""
        login = f"{self.user}:{quote(password, safe='')}"
        place = f"postgresql://{login}@{host}:{self.port}/{self.database}"
        return f"{place}{query.format(ca=self.cafile)}"


class TlsFront:
    """Speaks TLS with clients, in the event loop of the test, and is plain to the server behind."""

    def __init__(self, server: tuple[str, int], pair: Pair, folder: Path) -> None:
        """`folder` gets the certificate and its key, since Python reads them from files alone."""
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = folder / "front.pem", folder / "front.key"
        certificate.write_text(pair.certificate)
        key.write_text(pair.key)
        self._context.load_cert_chain(certificate, key)
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._listener = await asyncio.start_server(self._serve, ADDRESS)
        self.port = int(self._listener.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        assert self._listener is not None
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listener.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        ends = [writer]
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            try:
                if await reader.readexactly(len(_TLS_WANTED)) != _TLS_WANTED:
                    writer.write(b"E" + struct.pack("!i", len(_REFUSAL) + 4) + _REFUSAL)
                    await reader.read()  # until the client has had it, and goes
                    return
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._context)
                answers, requests = await asyncio.open_connection(*self._server)
                ends.append(requests)
                await asyncio.gather(_pump(reader, requests), _pump(answers, writer))
            finally:
                for end in ends:
                    end.transport.abort()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK_BYTES):
        target.write(data)
        await target.drain()
    target.transport.abort()
