"""Ordering a run from a process of its own, so that no request waits while it computes."""

import asyncio
import sys
import time
from typing import Final

import msgspec

from projections.planning.parameters import Parameters
from projections.planning.run_retention import Kept
from projections.planning.runs import Lease

MODULE: Final = "projections.planning.run_process"


class Order(msgspec.Struct, frozen=True):
    """What the process is to do: `kept` is what stays of earlier runs."""

    database_url: str
    lease: Lease
    parameters: Parameters
    kept: Kept


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000


class RunProcess:
    """A child that makes one run."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        """It runs already."""
        self._child = child

    @classmethod
    async def start(cls, order: Order) -> "RunProcess":
        """Start it. The order goes through a pipe, for it may hold a password."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE, stdin=asyncio.subprocess.PIPE
        )
        assert child.stdin is not None
        child.stdin.write(msgspec.json.encode(order) + b"\n")
        await child.stdin.drain()
        return cls(child)

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await self._child.wait()

    async def stop(self) -> None:
        """Let it say that it was interrupted, and end."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        await self._child.wait()

    def kill(self) -> None:
        """End it at once; it can say nothing any more."""
        self._child.kill()
