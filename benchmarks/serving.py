"""A real server and a real client for the benchmarks over HTTP, each on its own core.

The server process gets the first core of the machine alone; the broker, the database and the
client share the others, so that a figure is what one core of server can do.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = {CORES[0]}
OTHER_CORES = set(CORES[1:]) or SERVER_CORES
READY_SECONDS_MAX = 60.0


def stay_off_the_server_core() -> None:
    """Keep this process, and what it starts from here on, off the server's core."""
    os.sched_setaffinity(0, OTHER_CORES)


@contextmanager
def server(*options: str, cores: set[int] = SERVER_CORES) -> Iterator[tuple[str, int, int]]:
    """Run `stockledger serve` with options; yields host, port and process id once it is ready."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "ops", "serve", "--port", "0", "--log-level", "warning"),
            *("--data-dir", str(Path(folder) / "data")),
            *options,
        ]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("ready "):
                raise RuntimeError(f"the server did not start: {line!r}")
            host, _, port = line.split()[1].removeprefix("http://").partition(":")
            yield host, int(port), process.pid
        finally:
            process.terminate()
            process.wait(READY_SECONDS_MAX)


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Connection:
    """One kept-alive HTTP/1.1 connection that reads as little as it must."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap an open stream."""
        self._reader = reader
        self._writer = writer

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request; return the answer's status and body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        length = int(lower[start : lower.index(b"\r\n", start)])
        return status, await self._reader.readexactly(length)

    def close(self) -> None:
        """Close the stream."""
        self._writer.close()


@asynccontextmanager
async def connections(host: str, port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Open that many connections."""
    opened = [
        Connection(*await asyncio.open_connection(host, port, limit=4 * 1024 * 1024))
        for _ in range(count)
    ]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


def post(path: str, body: bytes) -> bytes:
    """The bytes of a POST with a JSON body."""
    return (
        b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
    )


async def drain(pool: Sequence[Connection], requests: Sequence[bytes], expected: int) -> float:
    """Send all requests over the pool, each connection one at a time; return the seconds."""
    waiting = iter(requests)
    wrong: list[bytes] = []

    async def work(connection: Connection) -> None:
        for request in waiting:
            status, body = await connection.send(request)
            if status != expected:
                wrong.append(body)

    started = time.perf_counter()
    await asyncio.gather(*(work(connection) for connection in pool))
    seconds = time.perf_counter() - started
    if wrong:
        raise RuntimeError(f"{len(wrong)} requests were not answered well: {wrong[0][:300]!r}")
    return seconds
