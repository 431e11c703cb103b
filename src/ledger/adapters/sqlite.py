"""The ledger's log in one SQLite file: the embedded default, under the same contract as Kafka.

One thread writes, or one process (sqlite_process.py), in groups that share an fsync. Reads run on a
few threads, each with a read-only connection. Several processes may use the file at the same time.
Opened to be read alone, there is no connection that could write, and nothing is made beside the
file (`ledger.sqlite_reading`).
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ledger.adapters.sqlite_checks import of_failed_read, refuse_wrong, violations
from ledger.adapters.sqlite_file import LogFile
from ledger.adapters.sqlite_process import WriterProcess
from ledger.adapters.sqlite_records import read_records
from ledger.adapters.sqlite_rows import check_records
from ledger.adapters.sqlite_snapshots import SqliteSnapshots
from ledger.adapters.sqlite_storing import Outcome, Stored, end_of
from ledger.adapters.sqlite_writer import Append, Writer
from ledger.errors import LogReadOnly, LogRegressed, LogUnavailable
from ledger.log import NOTHING, READ_RECORDS_MAX, NewRecordTuple, Slice, Unrecorded
from ledger.sqlite_reading import SqliteReading

__all__ = ["SqliteLog", "SqliteSnapshots"]

READ_THREADS = 4
POLL_SECONDS = 0.05
_log = logging.getLogger(__name__)

Result = TypeVar("Result")


class SqliteLog:
    """An `EventLog` in the file `path`. For use in one event loop."""

    def __init__(
        self,
        path: str | Path,
        partitions: int = 12,
        clock: Callable[[], float] = time.time,
        *,
        read_only: bool = False,
        process: bool = False,
    ) -> None:
        """Prepare; `open` makes or opens the file. `clock` gives seconds since 1970.

        A `read_only` log is of a file that is there, and appends raise LogReadOnly. `process`: a
        process of its own makes records and writes them, where one can be started.
        """
        self._process = process
        self._file = LogFile(Path(path), partitions)
        self._read_only = read_only
        self._partitions = partitions
        self._clock = clock
        self._writer: Writer | WriterProcess | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reading = threading.local()
        self._all_reading: list[SqliteReading] = []
        self._changed = [asyncio.Event() for _ in range(partitions)]
        self._waiting = 0
        self._watcher: asyncio.Task[None] | None = None

    @property
    def partitions(self) -> int:
        """How many partitions the log has."""
        return self._partitions

    async def open(self) -> None:
        """Make or open the file and check it. Raises LogMisconfigured, LogUnavailable."""
        if self._readers is not None:
            return
        connection = await asyncio.to_thread(self._open_file)
        self._reading = threading.local()
        self._readers = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="log-read")
        if connection is not None:
            try:
                await self._begin_to_write(connection)
            except BaseException:
                connection.close()
                await self.close()
                raise
            if self._readers is None and self._writer is not None:
                # It was closed meanwhile.
                writer, self._writer = self._writer, None
                await writer.stop()

    async def _begin_to_write(self, connection: sqlite3.Connection) -> None:
        if self._process:
            process = WriterProcess(self._file, self._settle)
            try:
                await process.start()
            except Exception as error:  # noqa: BLE001  (whatever it is, a thread can do it)
                _log.warning("no process writes %s, but a thread: %r", self._file.path, error)
            else:
                self._writer = process
                # It may have much to move, if it is the last one for this moment.
                await asyncio.to_thread(connection.close)
                return
        self._writer = Writer(self._file, connection, self._clock, self._settle)

    @property
    def records_facts(self) -> bool:
        """As `RecordingLog` says."""
        return self._process

    async def append_facts(self, partition: int, offset: int, facts: Unrecorded) -> tuple[int, str]:
        """Make records of facts and store them, as `RecordingLog.append_facts` says."""
        return await self._append(partition, offset, facts)

    def _open_file(self) -> sqlite3.Connection | None:
        """The connection to write with, if there is to be one."""
        connection = None
        if self._read_only:
            self._file.open_to_read()
        else:
            connection = self._file.open()
        try:
            refuse_wrong(self._file)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        return connection

    async def close(self) -> None:
        """Stop; appends that were not begun, or not sent, are not stored, and say so."""
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        if readers is None:
            return
        self._wake(range(self._partitions))
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await asyncio.to_thread(readers.shutdown)
        for reading in self._all_reading:
            reading.close()
        self._all_reading.clear()
        # The last one to close moves all that is ahead into the file, if it may write.
        if writer is not None:
            await writer.stop()

    async def check(self) -> list[str]:
        """Look at the file again; a sentence for each thing that is wrong."""
        return await asyncio.to_thread(violations, self._file)

    async def append(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """Store all records or none, as `EventLog.append` says.

        Where the partition ends higher nothing is stored, so no void records come of it.
        Raises ValueError for a batch that is none.
        """
        check_records(records)
        return (await self._append(partition, offset, records)).base

    async def append_void(self, partition: int, offset: int, count: int) -> int:
        """Store empty records that state nothing, as `FillableLog.append_void` says."""
        records = [NOTHING] * count
        check_records(records)
        return (await self._append(partition, offset, records, void=True)).base

    async def _append(
        self,
        partition: int,
        offset: int,
        content: Sequence[NewRecordTuple] | Unrecorded,
        *,
        void: bool = False,
    ) -> Stored:
        if self._read_only:
            raise LogReadOnly
        if not 0 <= partition < self._partitions:
            raise ValueError(f"there is no partition {partition}")
        if self._writer is None:
            raise LogUnavailable("the log is not open")
        done: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._writer.put(Append(partition, offset, content, done, void))
        return await done

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        records_max: int = READ_RECORDS_MAX,
        wait_seconds: float = 0.0,
    ) -> Slice:
        """Read from `offset` on, as `EventLog.read` says."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_seconds
        while True:
            changed = self._changed[partition]
            found = await self._on_reader(self._read, partition, offset, records_max)
            remaining = until - loop.time()
            if found.records or remaining <= 0:
                return found
            await self._wait(changed, remaining)

    async def end(self, partition: int) -> int:
        """Return the offset behind the last record. Raises LogUnavailable, LogRegressed."""
        return await self._on_reader(end_of, partition)

    # In the event loop.

    async def _on_reader(self, work: Callable[..., Result], *arguments: object) -> Result:
        if self._readers is None:
            raise LogUnavailable("the log is not open")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._guarded, work, *arguments)

    async def _wait(self, changed: asyncio.Event, seconds: float) -> None:
        """Wait until the partition changed, by this process or another."""
        self._waiting += 1
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch_others())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await changed.wait()
        finally:
            self._waiting -= 1

    async def _watch_others(self) -> None:
        """While anybody waits: look whether another process has written, or replaced the file."""
        with contextlib.closing(self._file.reading()) as reading:
            last = None
            while self._waiting:
                try:
                    # A look into shared memory: a few microseconds, not worth a thread.
                    self._file.confirm_identity()
                    version = reading.run(_data_version)
                    now = reading.connected, version
                except (sqlite3.Error, LogRegressed):
                    now = None  # whoever waits reads again, and learns why
                if now != last or now is None:
                    last = now
                    self._wake(range(self._partitions))
                await asyncio.sleep(POLL_SECONDS)

    def _wake(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            changed, self._changed[partition] = self._changed[partition], asyncio.Event()
            changed.set()

    def _settle(self, group: list[Append], outcomes: list[Outcome]) -> None:
        """Tell the callers, and wake who waits for new records."""
        for append, outcome in zip(group, outcomes, strict=True):
            if append.done.done():
                continue  # the caller has gone
            if isinstance(outcome, Exception):
                append.done.set_exception(outcome)
            else:
                append.done.set_result(outcome)
        self._wake({append.partition for append in group})

    # In the reading threads.

    def _guarded(self, work: Callable[..., Result], *arguments: object) -> Result:
        def confirmed(connection: sqlite3.Connection) -> Result:
            # Once more: it may have been opened just now.
            self._file.confirm_identity()
            return work(connection, *arguments)

        self._file.confirm_identity()
        reading = self._own_reading()
        try:
            return reading.run(confirmed)
        except sqlite3.Error as error:
            raise of_failed_read(self._file, reading, error) from error

    def _own_reading(self) -> SqliteReading:
        """Return this thread's own connection."""
        found: SqliteReading | None = getattr(self._reading, "own", None)
        if found is None:
            found = self._reading.own = self._file.reading()
            self._all_reading.append(found)
        return found

    def _read(
        self, connection: sqlite3.Connection, partition: int, offset: int, records_max: int
    ) -> Slice:
        records = read_records(connection, partition, offset, records_max)
        end = end_of(connection, partition)
        if offset > end:
            raise LogRegressed(f"partition {partition} ends at {end}, before offset {offset}")
        next_offset = records[-1].offset + 1 if records else offset
        return Slice(records, next_offset, max(end, next_offset))


def _data_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)
