"""One `stockledger serve` that is killed, paused and started again, always at the same address."""

import asyncio
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import httpx

from ops.reading import LOCAL
from tests.servers_process import Child, ServerError, free_ports

START_SECONDS_MAX = 90.0
RETRY_SECONDS = 0.5
POLL_SECONDS = 0.1
ANSWER_SECONDS_MAX = 10.0


class Instance:
    """A server process. Its log is `NAME.log` in the folder, its data are in `data`."""

    def __init__(self, name: str, folder: Path, data: Path, flags: Sequence[str]) -> None:
        """Nothing runs yet."""
        self.name = name
        self.data = data
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self._child = Child(name=name, log=folder / f"{name}.log")
        self._command = [
            *(sys.executable, "-m", "ops", "serve", "--port", str(self.port)),
            *("--instance-id", name, "--data-dir", str(data), "--log-level", "warning"),
            *flags,
        ]

    def add_flags(self, *flags: str) -> None:
        """From the next start on."""
        self._command += flags

    @property
    def running(self) -> bool:
        """Whether the process is there (paused counts)."""
        return self._child.running

    @property
    def exit_code(self) -> int | None:
        """Of the process that ended last, or None while it runs."""
        return self._child.exit_code

    async def start(self) -> None:
        """Start until it says that it is ready; again and again, as a supervisor would.

        What it needs may be away at the moment. Raises ServerError if it takes too long.
        """
        give_up_at = monotonic() + START_SECONDS_MAX
        while True:
            left = give_up_at - monotonic()
            try:
                await asyncio.to_thread(self._child.start, self._command, _is_ready, max(left, 1))
            except ServerError:
                if monotonic() > give_up_at:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def stop(self) -> None:
        """Let it finish what is under way."""
        self.resume()
        await asyncio.to_thread(self._child.signal, signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once."""
        await asyncio.to_thread(self._child.signal, signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: its connections stay open."""
        self._child.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after a pause."""
        self._child.signal(signal.SIGCONT)

    def limit_files(self, size: int) -> None:
        """Let none of its files grow beyond so many bytes, as if there were no room."""
        process = self._child.process_id
        assert process is not None, f"{self.name} does not run"
        _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))

    async def why_not_ready(self) -> str:
        """What it says of itself, or that it does not answer; empty if it is ready."""
        transport = {url: httpx.AsyncHTTPTransport() for url in LOCAL}
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX, mounts=transport) as client:
            try:
                answer = await client.get(f"{self.url}/readyz")
            except httpx.HTTPError as error:
                return f"{self.name}: {error!r}"
        return "" if answer.status_code == httpx.codes.OK else f"{self.name}: {answer.text}"


def _is_ready(log: str) -> bool:
    return any(line.startswith("ready http://") for line in log.splitlines())


async def all_ready(instances: Sequence[Instance], seconds_max: float) -> list[str]:
    """Wait until all are; what keeps the others from it when the time is over."""
    give_up_at = monotonic() + seconds_max
    while True:
        reasons = await asyncio.gather(*(one.why_not_ready() for one in instances))
        found = [reason for reason in reasons if reason]
        if not found or monotonic() > give_up_at:
            return found
        await asyncio.sleep(POLL_SECONDS)
