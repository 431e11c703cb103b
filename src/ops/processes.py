"""`serve --processes N`: several server processes on one machine behind one port.

The parent takes the port and starts the children, which all accept from it; each has a second
port of its own, at which the others reach it. A child that crashes is started again. The parent
decides nothing about stock and holds no state, so that it has no reason to crash itself.
"""

import contextlib
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

import structlog

from ledger.config import Settings
from ledger.config.place import of_process, with_secret
from ops.console import CommandError, ExitCode

RESTART_SECONDS = (0.1, 5.0)
# A child that lived so long did not crash because of how it was started.
STEADY_SECONDS = 60.0

BACKLOG = 2_048
# By which the parent alone stops a child.
STOP_SIGNAL = signal.SIGUSR1
LOOPBACK: dict[int, str] = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}

_spawn = multiprocessing.get_context("spawn")
Serve = Callable[[Settings, list[socket.socket], Callable[[], None]], None]


@dataclass
class Child:
    """One server process."""

    number: int
    process: Any
    # Gets one message when the child is ready.
    news: Connection
    started_at: float = field(default_factory=time.monotonic)
    ready: bool = False


def serve_many(
    settings: Settings, listener: socket.socket, serve: Serve, ready: Callable[[], None]
) -> int:
    """Run `settings.processes` children until SIGTERM or Ctrl-C; the exit code of the whole.

    `serve(settings, sockets, ready)` is what a child does, and must be importable; `ready` is
    called here when all children are. A child that cannot start at all ends everything.
    """
    parent = _Parent(settings, listener, serve, ready)
    return parent.run()


class _Parent:
    def __init__(
        self, settings: Settings, listener: socket.socket, serve: Serve, ready: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._serve = serve
        self._all_ready: Callable[[], None] | None = ready
        self._children: dict[int, Child] = {}
        # Number of a child to when it is started again.
        self._due: dict[int, float] = {}
        self._pauses: dict[int, float] = {}
        self._stopping = False
        self._code = int(ExitCode.GOOD)
        self._log = structlog.get_logger("processes")
        if settings.cluster_secret is None:
            # The children need one among themselves, whoever can reach their ports.
            self._settings = with_secret(settings, secrets.token_urlsafe(32))

    def run(self) -> int:
        wake, poke = socket.socketpair()
        for end in (wake, poke):
            end.setblocking(False)
        old_fd = signal.set_wakeup_fd(poke.fileno(), warn_on_full_buffer=False)
        old = {each: signal.signal(each, self._stop) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            for number in range(self._settings.processes):
                self._start(number)
            while self._children or (self._due and not self._stopping):
                self._turn(wake)
        finally:
            for child in self._children.values():
                child.process.kill()
            signal.set_wakeup_fd(old_fd)
            for each, handler in old.items():
                signal.signal(each, handler)
            wake.close()
            poke.close()
        return self._code

    def _stop(self, *_: object) -> None:
        if self._stopping:
            sys.stderr.write("stockledger: stopped at once; requests under way got no answer\n")
            self._code = int(ExitCode.INTERRUPTED)
            for child in self._children.values():
                child.process.kill()
        self._stopping = True
        for child in self._children.values():
            self._tell(child)

    def _start(self, number: int) -> None:
        self._due.pop(number, None)
        try:
            self._children[number] = child = self._spawned(number)
        except OSError as error:
            # For want of memory or of handles, which may pass; the others serve on meanwhile.
            self._due[number] = time.monotonic() + RESTART_SECONDS[1]
            self._log.error(
                "process_not_started",
                process=number,
                why=str(error),
                restart_seconds=RESTART_SECONDS[1],
            )
            return
        if self._stopping:
            self._tell(child)

    def _spawned(self, number: int) -> Child:
        """A process that begins. Raises OSError."""
        news, tell = _spawn.Pipe(duplex=False)
        process = _spawn.Process(
            target=run_child,
            args=(self._settings, number, self._listener, tell, self._serve),
            name=f"stockledger-{number}",
        )
        with tell:
            try:
                process.start()
            except OSError:
                news.close()
                raise
        return Child(number, process, news)

    def _tell(self, child: Child) -> None:
        """Tell it to stop. One that has not got so far as to listen to that need not be asked."""
        if child.ready and child.process.is_alive():
            os.kill(child.process.pid, STOP_SIGNAL)
        else:
            child.process.kill()

    def _turn(self, wake: socket.socket) -> None:
        """Wait for news, ends, signals and times of restart, and see to them."""
        now = time.monotonic()
        until = min(self._due.values(), default=now + 60.0)
        news = [child.news for child in self._children.values() if not child.ready]
        ends = [child.process.sentinel for child in self._children.values()]
        wait([*news, *ends, wake], max(0.0, until - now))
        with contextlib.suppress(BlockingIOError):
            wake.recv(4096)
        for child in [*self._children.values()]:
            self._see(child)
        if not self._stopping:
            for number in [each for each, at in self._due.items() if at <= time.monotonic()]:
                self._start(number)

    def _see(self, child: Child) -> None:
        if not child.ready and child.news.poll():
            # There is nothing to receive if it has ended, which is seen below.
            with contextlib.suppress(EOFError):
                child.ready = child.news.recv()
        if not child.process.is_alive():
            self._ended(child)
        ready = [each.ready for each in self._children.values()]
        if self._all_ready is not None and ready == [True] * self._settings.processes:
            self._all_ready()
            self._all_ready = None

    def _ended(self, child: Child) -> None:
        child.process.join()
        code = child.process.exitcode
        child.news.close()
        del self._children[child.number]
        if self._stopping:
            if code > 0 and self._code == 0:
                self._code = code
            return
        if not child.ready and code > 0 and self._all_ready is not None:
            # It has said why; another try would fail in the same way.
            self._code = code
            self._stop()
            return
        lived = time.monotonic() - child.started_at
        pause = RESTART_SECONDS[0]
        if lived < STEADY_SECONDS:
            pause = self._pauses.get(child.number, RESTART_SECONDS[0])
        self._pauses[child.number] = min(pause * 2, RESTART_SECONDS[1])
        self._due[child.number] = time.monotonic() + pause
        self._log.error("process_ended", process=child.number, code=code, restart_seconds=pause)


def run_child(
    settings: Settings, number: int, shared: socket.socket, news: Connection, serve: Serve
) -> None:
    """What a child process does, from its first line to its exit code."""
    # Ctrl-C and a manager of services tell all processes at once; the parent tells in order.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    shared.setblocking(False)
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    code = ExitCode.GOOD
    try:
        with _private(settings, shared) as own:
            mine = of_process(settings, number, own.getsockname()[1])
            serve(mine, [shared, own], lambda: news.send(True))
    except CommandError as error:
        sys.stderr.write(f"stockledger: {error}\n")
        code = error.code
    sys.exit(int(code))


def _outlive_nobody() -> None:
    """End in good order if the parent is gone: nobody could end this process otherwise."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), STOP_SIGNAL)


def _private(settings: Settings, shared: socket.socket) -> socket.socket:
    """Where the other processes reach this one: on loopback, unless other machines are to do so."""
    host = settings.host.strip("[]") if settings.advertised_url else LOOPBACK[shared.family]
    own = socket.socket(shared.family, socket.SOCK_STREAM)
    own.bind((host, 0))
    own.listen(BACKLOG)
    own.setblocking(False)
    return own
