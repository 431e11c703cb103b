"""A SQLite log's other way to be written: by a process of its own, which makes the records too.

Who decides has one interpreter. What is done outside of it is done while it decides what comes
next. The rules are those of the thread (sqlite_writer.py), with one more: what was sent to a
process that has ended since may be stored or not, which only the file knows.
"""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from itertools import count

from ledger.adapters.sqlite_file import LogFile
from ledger.adapters.sqlite_frames import (
    GREETING,
    Reply,
    Request,
    build,
    decode_replies,
    error_of,
    frame,
    frames,
)
from ledger.adapters.sqlite_storing import Outcome, Stored
from ledger.adapters.sqlite_writer import Append, Settle, if_still_there
from ledger.errors import LogUnavailable, OutcomeUnknown
from ledger.log import Unrecorded

# What is on its way at once; the system may grant less.
_SOCKET_BYTES = 4 * 1024 * 1024
# A process that is not at work by then is given up.
START_SECONDS_MAX = 30.0
# How often it is looked whether a process has ended.
POLL_SECONDS = 0.005
# Behind each start that failed the next one is tried so much later.
PAUSE_SECONDS = 0.1
_FAILURES_COUNTED_MAX = 10
# The server's to follow, and sent to both.
_SIGNALS = {signal.SIGINT, signal.SIGTERM}
# What this process was made of when it began.
_BUILD = build()
_log = logging.getLogger(__name__)


class WriterProcess(asyncio.Protocol):
    """Sends appends to a process, which is started again with the next one if it has ended."""

    def __init__(self, file: LogFile, settle: Settle) -> None:
        """`settle` is called in the event loop with what became of a group."""
        self._file = file
        self._settle = settle
        self._numbers = count()
        # Sent and not answered; and to be sent to the process that is being started.
        self._sent: dict[int, Append] = {}
        self._unsent: list[Append] = []
        self._buffer = bytearray()
        self._connected: asyncio.Transport | None = None
        # The same, of a process that is at work.
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._burying: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Starts that have failed one after the other.
        self._failures = 0
        self._stopping = False

    async def start(self) -> None:
        """Start the process; returns when it is at work. Raises OSError."""
        ours, theirs = socket.socketpair()
        self._ready = asyncio.get_running_loop().create_future()
        try:
            with theirs:
                for end in (ours, theirs):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
                self._process = self._spawn(theirs.fileno())
        except BaseException:
            ours.close()
            raise
        try:
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: self, sock=ours)
            async with asyncio.timeout(START_SECONDS_MAX):
                await self._ready
            self._must_be_there()
        except BaseException:
            if not self._ready.cancel() and not self._ready.cancelled():
                self._ready.exception()  # it was looked at
            if self._connected is not None:
                self._connected.abort()
            ours.close()
            await self._end()
            raise

    def _must_be_there(self) -> None:
        if self._transport is None:
            raise ChildProcessError("it has ended at once")

    def put(self, append: Append) -> None:
        """Send an append."""
        if self._transport is not None:
            self._send(self._transport, append)
            return
        self._unsent.append(append)
        if self._starting is None:
            self._starting = asyncio.create_task(self._start_again())

    async def stop(self) -> None:
        """Let what was sent be stored; returns when the process has ended."""
        self._stopping = True
        if self._starting is not None:
            await asyncio.wait([self._starting])
        if self._transport is not None:
            self._transport.write_eof()
            await self._lost.wait()
        if self._burying is not None:
            await asyncio.wait([self._burying])

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is one to talk to, once it has said that it is at work."""
        self._connected = transport  # type: ignore[assignment]
        self._lost.clear()
        self._buffer.clear()

    def data_received(self, data: bytes) -> None:
        """Answers have come."""
        self._buffer += data
        for message in frames(self._buffer):
            replies = decode_replies(message)
            if replies[0].number == GREETING:
                self._greeted(replies[0].head)
            else:
                self._answer(replies)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The process has ended, or nobody hears it any more."""
        self._lost.set()
        self._connected = None
        if self._transport is None:
            if not self._ready.done():
                self._ready.set_exception(ChildProcessError("it ended before it was ready"))
            return
        self._transport = None
        self._burying = asyncio.create_task(self._bury())

    # Inside.

    def _spawn(self, descriptor: int) -> subprocess.Popen[bytes]:
        device, inode = self._file.identity
        place = (self._file.path.absolute(), self._file.partitions, device, inode)
        # The modules of this process, wherever it has them from.
        code = (
            f"import sys; sys.path[:] = {sys.path!r};"
            " from ledger.adapters.sqlite_child import main; main()"
        )
        # Ctrl-C goes to both, perhaps before the other one has said that it does not care.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            return subprocess.Popen(  # noqa: S603 - this interpreter, and arguments of our own
                [sys.executable, "-c", code, str(descriptor), *map(str, place)],
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _greeted(self, theirs: str) -> None:
        if self._ready.done():
            return
        if theirs == _BUILD:
            self._transport = self._connected
            self._ready.set_result(None)
        else:
            why = "the program was replaced while this server runs; start it again"
            self._ready.set_exception(ChildProcessError(why))

    def _send(self, transport: asyncio.Transport, append: Append) -> None:
        number = next(self._numbers)
        partition, offset, content, _, void = append
        if isinstance(content, Unrecorded):
            request = Request(number, partition, offset, void, None, content)
        else:
            request = Request(number, partition, offset, void, [*content], None)
        message = frame(request)
        self._sent[number] = append
        transport.write(message)

    def _answer(self, replies: list[Reply]) -> None:
        group = [self._sent.pop(reply.number) for reply in replies]
        outcomes: list[Outcome] = [
            error_of(reply) if reply.error else Stored(reply.base, reply.head) for reply in replies
        ]
        self._settle(group, if_still_there(self._file, outcomes))

    async def _end(self) -> int:
        """Let the process end, which may need help; from here on it stores nothing more."""
        process = self._process
        assert process is not None
        process.kill()
        # Not in a thread: there may be no room for one.
        while (code := process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        return code

    async def _bury(self) -> None:
        """Tell who waits that nobody knows: only now they can look what was stored."""
        code = await self._end()
        group, self._sent = [*self._sent.values()], {}
        why = f"the process that writes {self._file.path} has ended"
        if group or not self._stopping:
            _log.error("%s (%s); it is started again", why, code)
        self._settle(group, [OutcomeUnknown(why)] * len(group))

    async def _start_again(self) -> None:
        failure: LogUnavailable | None = None
        try:
            if self._burying is not None:
                await asyncio.wait([self._burying])
            if self._stopping:
                failure = LogUnavailable("the log was closed")
            else:
                await asyncio.sleep(self._failures * PAUSE_SECONDS)
                await self.start()
                self._failures = 0
        except Exception as error:  # noqa: BLE001  (no caller may wait for ever)
            self._failures = min(self._failures + 1, _FAILURES_COUNTED_MAX)
            failure = LogUnavailable(f"{self._file.path}: no process can write it: {error}")
        finally:
            self._starting = None
        group, self._unsent = self._unsent, []
        if failure is not None:
            self._settle(group, [failure] * len(group))
            return
        for append in group:
            try:
                self.put(append)
            except Exception as error:  # noqa: BLE001  (the others must not wait for ever)
                self._settle([append], [LogUnavailable(f"it cannot be sent: {error!r}")])
