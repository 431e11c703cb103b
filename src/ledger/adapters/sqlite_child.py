"""The process that makes the records of a SQLite log and stores them, for the one that decides.

Started by `sqlite_process`, with a socket, and with the path, the partitions and the identity of
the file. It reads requests from the socket, stores all that are there with one fsync, and answers.
It ends when the other end is closed, whatever has become of that process; signals that are sent to
both, as by Ctrl-C, are the other's to follow.
"""

import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ledger.adapters.sqlite_file import LogFile
from ledger.adapters.sqlite_frames import (
    GREETING,
    Reply,
    Request,
    build,
    decode_request,
    failed,
    frame,
    frames,
)
from ledger.adapters.sqlite_storing import Made, Outcome, Storing, made, next_group
from ledger.collecting import collect_rarely
from ledger.errors import LedgerError, LogUnavailable

_RECEIVED_BYTES_MAX = 1024 * 1024

Numbered = tuple[int, Made]


def receive(sock: socket.socket) -> Iterator[Request]:
    """Requests as they come, until the other end is closed."""
    buffer = bytearray()
    with suppress(ConnectionError):  # it was closed with answers unread
        while received := sock.recv(_RECEIVED_BYTES_MAX):
            buffer += received
            yield from map(decode_request, frames(buffer))


class Store:
    """The thread that stores what was made, as much of it as is there with one fsync."""

    def __init__(self, sock: socket.socket, join: Callable[[], Storing]) -> None:
        """Start it. `join` opens the file; where that fails, it is tried again with the next."""
        self._socket = sock
        self._join = join
        self._storing: Storing | None = None
        self._waiting: queue.SimpleQueue[Numbered | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log-store")
        self._thread.start()

    def put(self, one: Numbered) -> None:
        """Queue a batch."""
        self._waiting.put(one)

    def finish(self) -> None:
        """Store what waits; returns when it is stored."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            stopping = False
            while not stopping:
                group, stopping = next_group(self._waiting)
                if group:
                    self._answer(group)
                if self._storing is not None and not stopping:
                    self._storing.finish()
            if self._storing is not None:
                self._storing.close()
        except BaseException:  # noqa: BLE001
            # Nobody would hear of anything any more. So its end says that all is unknown.
            try:
                traceback.print_exc()
            finally:
                os._exit(1)

    def _answer(self, group: list[Numbered]) -> None:
        numbers, batches = zip(*group, strict=True)
        try:
            storing = self._opened()
        except Exception as error:  # noqa: BLE001  (who asked must not wait for ever)
            outcomes: list[Outcome] = [_unavailable(error)] * len(group)
        else:
            outcomes = storing.store(batches)
        replies = frame([*map(_reply, numbers, outcomes)])
        with suppress(ConnectionError):  # nobody may be there to hear it
            self._socket.sendall(replies)

    def _opened(self) -> Storing:
        if self._storing is None:
            self._storing = self._join()
            # Who is killed again and again behind the first commit would else leave more each time.
            self._storing.finish()
        return self._storing


def _made(request: Request) -> Made:
    content = request.records if request.facts is None else request.facts
    return made(request.partition, request.offset, content or [], void=request.void)


def _reply(number: int, outcome: Outcome) -> Reply:
    if isinstance(outcome, Exception):
        return failed(number, outcome)
    return Reply(number, outcome.base, outcome.head)


def _unavailable(error: Exception) -> LedgerError:
    if isinstance(error, LedgerError):
        return error
    return LogUnavailable(f"the log cannot be opened: {error}")


def main() -> None:
    """Serve the process at the other end of an inherited socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    descriptor, path, partitions, device, inode = sys.argv[1:]
    collect_rarely()
    file = LogFile(Path(path), int(partitions))

    def join() -> Storing:
        return Storing(file, file.join((int(device), int(inode))), time.time)

    with socket.socket(fileno=int(descriptor)) as sock:
        store = Store(sock, join)
        try:
            sock.sendall(frame([Reply(GREETING, 0, build())]))
            for request in receive(sock):
                store.put((request.number, _made(request)))
        finally:
            store.finish()
