"""The logs that the contract is tried on, and what only an outsider can do to them."""

import abc
import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import for_code

from ledger.adapters.kafka import KafkaLog, KafkaSnapshots
from ledger.adapters.kafka_topics import create_missing
from ledger.adapters.sqlite import SqliteLog, SqliteSnapshots
from ledger.adapters.sqlite_file import place_of
from ledger.config import Settings
from ledger.log import EventLog, FillableLog, NewRecord, Record, SnapshotStore

PARTITIONS = 12
ADMIN_TIMEOUT_SECONDS = 60
SETTINGS: Any = {"partitions": PARTITIONS, "view_wait_seconds": 30.0}


def records(*keys: str, value: bytes = b"{}") -> list[NewRecord]:
    """Make records with these keys."""
    return [NewRecord(key.encode(), value) for key in keys]


async def read_all(log: EventLog, partition: int) -> list[Record]:
    """Read a partition from its start to its end."""
    found: list[Record] = []
    offset, end = 0, await log.end(partition)
    while offset < end:
        read = await log.read(partition, offset)
        assert read.next_offset > offset
        found += read.records
        offset = read.next_offset
    return found


def counting(found: list[Record]) -> list[str]:
    """Give the keys of the records that count."""
    return [record.key.decode() for record in found if record.counts]


class Place(abc.ABC):
    """Where a log lies: makes log objects on it, and does to it what only an outsider can do."""

    folder: Path

    def __init__(self) -> None:
        """Start with nothing made."""
        self.made: list[EventLog | SnapshotStore] = []

    @abc.abstractmethod
    def log(self, partitions: int = PARTITIONS, *, read_only: bool = False) -> FillableLog:
        """Make a log object that is not open yet."""

    @abc.abstractmethod
    def snapshots(self, *, read_only: bool = False) -> SnapshotStore:
        """Make a snapshot store that is not open yet."""

    @abc.abstractmethod
    def settings(self, **values: Any) -> Settings:
        """The settings of a whole service on this log."""

    @abc.abstractmethod
    async def add_foreign(self, partition: int, stated: bytes | None) -> None:
        """Add one record whose header is missing or says `stated`."""

    @abc.abstractmethod
    async def add_gap(self, partition: int) -> int:
        """Leave an offset without a record; return how many offsets the partition has grown."""

    @abc.abstractmethod
    async def delete_before(self, partition: int, offset: int) -> None:
        """Delete the start of a partition."""

    @abc.abstractmethod
    async def delete(self) -> None:
        """Delete the log."""

    @abc.abstractmethod
    async def recreate(self, count: int) -> None:
        """Delete the log and create it again, with `count` records in partition 0."""

    async def open_log(self) -> FillableLog:
        """Make a log and open it."""
        log = self.log()
        await log.open()
        return log

    async def close(self) -> None:
        """Close all that was made."""
        for one in self.made:
            await one.close()


class SqlitePlace(Place):
    """A file in a temporary folder."""

    def __init__(self, folder: Path, *, process: bool = False) -> None:
        """Prepare. `process`: one of its own writes the file."""
        super().__init__()
        self.process = process
        self.path = folder / "log.db"
        self.folder = folder

    def log(self, partitions: int = PARTITIONS, **settings: Any) -> SqliteLog:
        """Make a log on the file."""
        log = SqliteLog(self.path, partitions, process=self.process, **settings)
        self.made.append(log)
        return log

    def snapshots(self, *, read_only: bool = False) -> SqliteSnapshots:
        """Make a store on another file."""
        store = SqliteSnapshots(self.folder / "snapshots.db", read_only=read_only)
        self.made.append(store)
        return store

    def settings(self, **values: Any) -> Settings:
        """It finds the file by its folder."""
        chosen = {"log_process": self.process, **SETTINGS, **values}
        return Settings(_env_file=None, data_dir=self.folder, **chosen)

    async def add_foreign(
        self,
        partition: int,
        stated: bytes | None,  # noqa: ARG002
    ) -> None:
        """Insert a row that states nothing: the column can only hold numbers."""
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO records (place, stated, key, value, timestamp_ms)"
                " SELECT coalesce(max(place) + 1, ?), NULL, x'6b', x'7b7d', 0 FROM records"
                " WHERE place >= ? AND place < ?",
                (place_of(partition, 0), place_of(partition, 0), place_of(partition + 1, 0)),
            )

    async def add_gap(self, partition: int) -> int:
        """Add two rows and delete the first."""
        await self.add_foreign(partition, None)
        await self.add_foreign(partition, None)
        with self._connection() as connection:
            connection.execute(
                "DELETE FROM records WHERE place = (SELECT max(place) - 1 FROM records"
                " WHERE place >= ? AND place < ?)",
                (place_of(partition, 0), place_of(partition + 1, 0)),
            )
        return 2

    async def delete_before(self, partition: int, offset: int) -> None:
        """Delete rows."""
        with self._connection() as connection:
            connection.execute(
                "DELETE FROM records WHERE place >= ? AND place < ?",
                (place_of(partition, 0), place_of(partition, offset)),
            )

    async def delete(self) -> None:
        """Delete the file and what SQLite keeps beside it."""
        for ending in ("", "-wal", "-shm"):
            Path(f"{self.path}{ending}").unlink(missing_ok=True)  # noqa: ASYNC240

    async def recreate(self, count: int) -> None:
        """Put another file in the old one's place, so that both exist at one time."""
        other = SqlitePlace(self.folder / "other")
        other.folder.mkdir()
        log = await other.open_log()
        if count:
            await log.append(0, 0, records(*map(str, range(count))))
        await other.close()
        await self.delete()
        other.path.replace(self.path)

    @contextlib.contextmanager
    def _connection(self) -> Any:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            yield connection


class KafkaPlace(Place):
    """A pair of topics on a real broker."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        """Prepare. `folder` is for what a service keeps beside the topics."""
        super().__init__()
        self.folder = folder
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.topic = f"{prefix}.movements.v1"
        self.snapshot_topic = f"{prefix}.snapshots.v1"

    def log(
        self, partitions: int = PARTITIONS, *, read_only: bool = False, **settings: Any
    ) -> KafkaLog:
        """Make a log on the topic."""
        log = KafkaLog(
            self.bootstrap, self.topic, partitions, dev=True, read_only=read_only, **settings
        )
        self.made.append(log)
        return log

    def snapshots(self, *, read_only: bool = False) -> KafkaSnapshots:
        """Make a store on the other topic."""
        store = KafkaSnapshots(
            self.bootstrap, self.snapshot_topic, partitions=3, dev=True, read_only=read_only
        )
        self.made.append(store)
        return store

    def settings(self, **values: Any) -> Settings:
        """It finds the topics by their prefix."""
        chosen = {"topic_prefix": self.prefix, "dev": True, **SETTINGS, **values}
        return Settings(
            _env_file=None, data_dir=self.folder, kafka_bootstrap=self.bootstrap, **chosen
        )

    async def add_foreign(self, partition: int, stated: bytes | None) -> None:
        """Send a record with a plain producer."""
        headers = [] if stated is None else [("ledger-offset", stated)]
        await self.send(partition, [headers])

    async def send(self, partition: int, headers: list[list[tuple[str, bytes]]]) -> None:
        """Send one record for each list of headers."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for one in headers:
                await producer.send_and_wait(
                    self.topic, b"{}", key=b"k", partition=partition, headers=one
                )
        finally:
            await producer.stop()

    async def add_gap(self, partition: int) -> int:
        """Commit a transaction: its marker takes an offset and is no record."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, transactional_id=f"{self.topic}-gap"
        )
        await producer.start()
        try:
            async with producer.transaction():
                await producer.send_and_wait(self.topic, b"{}", key=b"k", partition=partition)
        finally:
            await producer.stop()
        return 2

    async def delete_before(self, partition: int, offset: int) -> None:
        """Ask the broker to delete records."""
        async with self.admin() as admin:
            await admin.delete_records(
                {TopicPartition(self.topic, partition): RecordsToDelete(offset)}
            )

    async def delete(self) -> None:
        """Delete the topic."""
        async with self.admin() as admin:
            await admin.delete_topics([self.topic])

    async def recreate(self, count: int) -> None:
        """Delete the topic and make a new one of the same name."""
        await self.delete()
        await self.create()
        if count:
            await self.send(0, [[] for _ in range(count)])

    async def create(self, partitions: int = PARTITIONS, **settings: str) -> None:
        """Create the topic, with settings that differ from what the ledger would choose.

        Underscores stand for the dots in their names.
        """
        chosen = self.log()._topic.settings() | {"min.insync.replicas": "1"}
        chosen |= {name.replace("_", "."): value for name, value in settings.items()}
        async with self.admin() as admin, asyncio.timeout(ADMIN_TIMEOUT_SECONDS):
            code = -1
            while code != 0:  # the old topic of that name may still be on its way out
                answer = await admin.create_topics(
                    [NewTopic(self.topic, partitions, 1, topic_configs=chosen)]
                )
                _, code, *why = answer.topic_errors[0]
                assert code in (0, 36), (for_code(code), why)
            # The controller has made it; the broker that is asked next may not know it yet.
            await create_missing(admin, [self.log(partitions)._topic])

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """Connect an admin client."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()
