"""What an instance needs to share a log with others: its group, its peers, and its own address."""

from ledger.log import EventLog
from ledger.ownership.directory import Directory
from ledger.ownership.group import Group
from ledger.ownership.lanes import Lane
from ledger.ownership.peers import Peers
from ledger.ownership.remote import RemotePartition


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

    async def close(self) -> None:
        """Close the connections."""
        for lane in self._lanes.values():
            lane.close()
        await self._peers.close()

    def _ledger_id(self) -> str:
        return self.ledger_id
