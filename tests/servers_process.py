"""A server as a child process that cannot outlive the process that started it."""

import contextlib
import ctypes
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

STOP_TIMEOUT_S = 60
POLL_INTERVAL_S = 0.02
LOG_TAIL_LINES = 30
PR_SET_PDEATHSIG = 1
DATA_PREFIX = "stockledger-servers-"
# Below those that a system gives to whoever connects, or listens anywhere.
_PORTS = range(12_000, 32_000)
_GIVEN: set[int] = set()
_CHANCE = random.SystemRandom()


class ServerError(Exception):
    """A server of the tests cannot be started."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user a server runs as, where it refuses to run as the present one."""

    uid: int
    gid: int


def temporary_folder() -> Path:
    """Make a folder that carries the maker's id, and sweep those whose maker was killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{DATA_PREFIX}*"):
        owner = path.name.removeprefix(DATA_PREFIX).split("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            shutil.rmtree(path, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{DATA_PREFIX}{os.getpid()}-"))
    folder.chmod(0o711)  # a server under another account has to pass through
    return folder


def free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on, all different, and never one twice.

    Nobody gets them by chance before they are used, or while a server is down that comes back.
    """
    found: list[int] = []
    while len(found) < count:
        port = _CHANCE.choice(_PORTS)
        with contextlib.suppress(OSError), socket.socket() as one:
            if port not in _GIVEN:
                one.bind(("127.0.0.1", port))
                found.append(port)
                _GIVEN.add(port)
    return found


@dataclass(kw_only=True)
class Child:
    """One child process with a log file, and the few things a test does to it."""

    name: str
    log: Path
    death_signal: signal.Signals = signal.SIGKILL
    account: Account | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether the process is there (paused counts)."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int | None:
        """Of the process that runs, or None."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def exit_code(self) -> int | None:
        """Of the process that ended last, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self, command: Sequence[str], ready: Callable[[str], bool], timeout_s: float) -> None:
        """Start the process and wait until `ready` accepts what it has logged since."""
        if self.running:
            raise ServerError(f"{self.name} is running already")
        offset = self.log.stat().st_size if self.log.exists() else 0
        # The kernel sends the death signal when the thread that started the child ends, so that
        # has to be a thread as long-lived as this process.
        self._process = _spawner().submit(self._spawn, command).result()
        deadline = time.monotonic() + timeout_s
        while not ready(self._logged(offset)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.signal(signal.SIGKILL)
                tail = "\n".join(self._logged(offset).splitlines()[-LOG_TAIL_LINES:])
                raise ServerError(f"{self.name} did not start; its log ends with:\n{tail}")
            time.sleep(POLL_INTERVAL_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; after a deadly one, wait for the end."""
        if self._process is None or not self.running:
            return
        self._process.send_signal(number)
        if number in {signal.SIGSTOP, signal.SIGCONT}:
            return
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        account = self.account
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,  # Ctrl-C is for the tests; they stop the servers
                preexec_fn=functools.partial(_die_with_parent, os.getpid(), self.death_signal),
            )

    def _logged(self, offset: int) -> str:
        with self.log.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@functools.cache
def _spawner() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="servers")


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _die_with_parent(parent: int, number: signal.Signals) -> None:
    if sys.platform != "linux":
        return
    _libc().prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # the parent died before the call above
        os._exit(1)
