"""Faults of what lies between: networks, and disks without room."""

import asyncio
import errno
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from tests.chaos.faults import Fault
from tests.chaos.instance import Instance
from tests.tcp_proxy import TcpProxy

CHUNK_BYTES = 64 * 1024
# Less than what a server that has worked for a moment has in its files.
FILE_BYTES_MAX = 32 * 1024
UNLIMITED = -1
Links = Mapping[str, TcpProxy]


class LinkFault(Fault):
    """Something happens to the way between one instance and a server."""

    def __init__(self, kind: str, links: Links, chance: random.Random) -> None:
        """`kind` names the server and what happens; any of the links."""
        self.kind = kind
        self._links, self._chance = links, chance

    async def begin(self) -> None:
        """Choose a link and do it."""
        self.target = self._chance.choice([*self._links])
        self._link = self._links[self.target]
        self.harm(self._link)

    async def end(self) -> None:
        """Everything flows again; connections that lost something are broken."""
        self._link.heal()

    def harm(self, link: TcpProxy) -> None:
        """What is done to the link."""
        raise AssertionError(f"{self.kind} says nothing of {link.port}")


class Cut(LinkFault):
    """Connections break and new ones are refused."""

    seconds = (0.5, 8.0)

    def harm(self, link: TcpProxy) -> None:
        """Cut."""
        link.refusing = True
        link.cut()


class Slow(LinkFault):
    """Each part of a request or an answer takes its time."""

    seconds = (4.0, 8.0)

    def harm(self, link: TcpProxy) -> None:
        """Delay."""
        link.delay_seconds = self._chance.choice([0.05, 0.3, 1.0])


class Deaf(LinkFault):
    """Requests arrive, answers are lost: the outcome of every write is unknown."""

    seconds = (3.0, 12.0)

    def harm(self, link: TcpProxy) -> None:
        """Lose answers."""
        link.lose_answers = True

    async def end(self) -> None:
        """What has lost something cannot go on."""
        self._link.cut()
        self._link.heal()


class DiskFull(Fault):
    """The disk of the embedded ledger has no byte left, until somebody makes room."""

    kind = "disk full"
    seconds = (4.0, 8.0)

    def __init__(self, disk: Path) -> None:
        """`disk` is a small file system of its own."""
        self._ballast = disk / "ballast"

    async def begin(self) -> None:
        """Fill it to the last byte."""
        await asyncio.to_thread(self._fill)

    async def end(self) -> None:
        """Make room."""
        self._ballast.unlink()

    def _fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as raw:
            file = cast(BinaryIO, raw)
            for size in (CHUNK_BYTES, 1024, 1):
                while _written(file, size):
                    pass


def _written(file: BinaryIO, size: int) -> bool:
    """False if there is no room."""
    try:
        return bool(file.write(bytes(size)))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


class FilesLimited(Fault):
    """No file of the embedded ledger may grow: what a quota does, and needs no disk to fill."""

    kind = "files limited"
    seconds = (4.0, 8.0)

    def __init__(self, instances: Sequence[Instance]) -> None:
        """All of these."""
        self._instances = instances

    async def begin(self) -> None:
        """Set the limit, below what the files have already."""
        for one in self._instances:
            one.limit_files(FILE_BYTES_MAX)

    async def end(self) -> None:
        """Lift it."""
        for one in self._instances:
            if one.running:
                one.limit_files(UNLIMITED)
