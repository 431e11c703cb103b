"""What an instance needs to share a log with others: its group, its peers, and its own address."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from ledger.ending import end
from ledger.log import EventLog
from ledger.ownership.address import AddressWatch
from ledger.ownership.desks import Desks
from ledger.ownership.directory import Directory
from ledger.ownership.group import Alone, Group
from ledger.ownership.lanes import Lane
from ledger.ownership.remote import RemotePartition
from ledger.peers import Peers


class Instances:
    """The other instances of the same ledger, as this one sees them."""

    def __init__(self, group: Group, peers: Peers, *, own_url: str, sender: str) -> None:
        """`own_url` is where others reach this instance, `sender` its name."""
        self.group = group
        self.ledger_id = ""
        self._peers = peers
        self._own_url = own_url
        self._sender = sender
        self._lanes: dict[str, Lane] = {}
        self._desks: Desks | None = None
        self._membership: asyncio.Task[None] | None = None
        # Runs where claims are made; whoever makes none is reached by nobody.
        self.address = AddressWatch(peers, own_url, sender)
        self.directory: Directory | None = None

    def remotes(self, log: EventLog, commands_max: int) -> list[RemotePartition]:
        """One for each partition; all find their owners in one directory."""
        self.directory = directory = Directory(log)
        return [
            RemotePartition(
                partition, directory, self.lane, own_url=self._own_url, commands_max=commands_max
            )
            for partition in range(log.partitions)
        ]

    def lane(self, url: str) -> Lane:
        """The lane to the instance at a URL."""
        lane = self._lanes.get(url)
        if lane is None:
            lane = self._lanes[url] = Lane(url, self._peers, self._ledger_id, self._sender)
        return lane

    def believed(self, partition: int) -> str:
        """Where another owner of a partition is believed to be; empty if nobody knows."""
        url = (self.directory.believed(partition) if self.directory else None) or ""
        return "" if url == self._own_url else url

    def join(self, ledger_id: str, desks: Desks) -> None:
        """Take part in the group from now on; the desks hear of each share."""
        self.ledger_id = ledger_id
        self._desks = desks
        self._membership = asyncio.create_task(self.group.run(desks.share), name="group")

    @property
    def failure(self) -> str | None:
        """Why this instance is not in touch with the others, if it is not."""
        membership = self._membership
        if membership is not None and membership.done():
            return "the instance has left the group"
        return self.group.failure

    async def hand_over(self, seconds: float) -> None:
        """Leave the group, and go on until others have claimed what this instance writes.

        At most so long, and not where nobody would: it has all partitions, or a fixed share, or all
        the others leave too.
        """
        desks = self._desks
        if desks is None or self._membership is None or desks.has_all:
            return
        if isinstance(self.group, Alone):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.group.leave()
                desks.share(frozenset())
                await _first_of(desks.released(), self.group.deserted())

    async def resign(self) -> None:
        """Take part no longer. What is written already goes on."""
        if self._membership is not None:
            await end(self._membership)

    async def close(self) -> None:
        """Close the connections."""
        for lane in self._lanes.values():
            lane.close()
        await self._peers.close()

    def _ledger_id(self) -> str:
        return self.ledger_id


async def _first_of(*waits: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(one) for one in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*tasks)
