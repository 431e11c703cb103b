"""The one thread that writes a SQLite log: all appends that wait share one transaction."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.adapters.sqlite_file import (
    SURELY_NOT_STORED,
    LogFile,
    offset_of,
    place_of,
    primary_code,
)
from ledger.errors import LogRegressed, LogUnavailable, OutcomeUnknown
from ledger.log import BATCH_BYTES_MAX, NewRecordTuple

GROUP_APPENDS_MAX = 256
END = "SELECT max(place) FROM records WHERE place >= ? AND place < ?"
INSERT = (
    "INSERT INTO records (place, stated, key, value, traceparent, timestamp_ms)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)


class Append(NamedTuple):
    """One append that waits."""

    partition: int
    offset: int
    records: Sequence[NewRecordTuple]
    done: asyncio.Future[int]
    void: bool = False


Outcome = int | Exception  # where the batch lies, or why it does not
Settle = Callable[[list[Append], list[Outcome]], None]


def end_of(connection: sqlite3.Connection, partition: int) -> int:
    """Return the offset behind the last record of a partition. Raises sqlite3.Error."""
    bounds = (place_of(partition, 0), place_of(partition + 1, 0))
    (place,) = connection.execute(END, bounds).fetchone()
    return 0 if place is None else offset_of(place) + 1


class Writer:
    """Stores appends in groups, each group with one fsync, each append whole or not at all."""

    def __init__(
        self,
        file: LogFile,
        connection: sqlite3.Connection,
        clock: Callable[[], float],
        settle: Settle,
    ) -> None:
        """Start the thread. `settle` is called in the event loop with what became of a group."""
        self.connection = connection
        self._file = file
        self._clock = clock
        self._settle = settle
        self._loop = asyncio.get_running_loop()
        self._appends: queue.SimpleQueue[Append | None] = queue.SimpleQueue()  # None: stop
        self._thread = threading.Thread(target=self._run, name="log-write", daemon=True)
        self._thread.start()

    def put(self, append: Append) -> None:
        """Queue an append."""
        self._appends.put(append)

    async def stop(self) -> None:
        """Finish the group at hand, drop the others, close the connection."""
        self._appends.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            group, stopping = self._next_group()
            if stopping:
                outcomes: list[Outcome] = [LogUnavailable("the log was closed")] * len(group)
            else:
                try:
                    outcomes = self._store(group)
                except Exception as error:  # noqa: BLE001  (no caller may wait for ever)
                    self._roll_back()
                    outcomes = [OutcomeUnknown(f"{self._file.path}: {error!r}")] * len(group)
            with contextlib.suppress(RuntimeError):  # the loop is gone, and with it who asked
                self._loop.call_soon_threadsafe(self._settle, group, outcomes)
            if stopping:
                break
        self.connection.close()

    def _next_group(self) -> tuple[list[Append], bool]:
        """Wait for an append and take along what else is there; True if it is time to stop."""
        group: list[Append] = []
        one = self._appends.get()
        with contextlib.suppress(queue.Empty):
            while one is not None:
                group.append(one)
                if len(group) == GROUP_APPENDS_MAX:
                    break
                one = self._appends.get_nowait()
        return group, one is None

    def _store(self, group: list[Append]) -> list[Outcome]:
        connection = self.connection
        try:
            self._file.confirm_identity()
            connection.execute("BEGIN IMMEDIATE")
            stamp_ms = int(self._clock() * 1000)
            ends: dict[int, int] = {}
            outcomes = [self._place(one, ends, stamp_ms) for one in group]
        except LogRegressed as error:
            return [error] * len(group)
        except sqlite3.Error as error:
            self._roll_back()
            return [self._unavailable(error)] * len(group)
        try:
            connection.execute("COMMIT")
            self._file.confirm_identity()  # or it was stored in a file that nobody will open
        except LogRegressed as error:
            return [error] * len(group)
        except sqlite3.Error as error:
            self._roll_back()
            if primary_code(error) in SURELY_NOT_STORED:
                return [self._unavailable(error)] * len(group)
            # A failed fsync: the transaction may be found complete when the file is opened next.
            return [OutcomeUnknown(f"{self._file.path}: {error}")] * len(group)
        return outcomes

    def _place(self, append: Append, ends: dict[int, int], stamp_ms: int) -> Outcome:
        """Put one append into the open transaction; what is wrong with it spoils no other.

        Raises sqlite3.OperationalError where the whole transaction is lost.
        """
        partition, offset, records, _, void = append
        end = ends.get(partition)
        if end is None:
            end = ends[partition] = end_of(self.connection, partition)
        if offset < end:
            return end
        if offset > end:
            return LogRegressed(f"partition {partition} ends at {end}, before offset {offset}")
        place = place_of(partition, offset)
        try:
            rows = [
                (place + index, None if void else offset + index, key, value, traceparent, stamp_ms)
                for index, (key, value, traceparent) in enumerate(records)
            ]
            size = sum([len(row[2]) + len(row[3]) for row in rows])
        except (TypeError, ValueError) as error:
            return ValueError(f"these are not records: {error}")
        if size > BATCH_BYTES_MAX:
            return ValueError(f"a batch of {size} bytes exceeds {BATCH_BYTES_MAX}")
        self.connection.execute("SAVEPOINT append")
        try:
            self.connection.executemany(INSERT, rows)
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError) as error:
            self.connection.execute("ROLLBACK TO append")
            return ValueError(f"these are not records: {error}")
        finally:
            if self.connection.in_transaction:
                self.connection.execute("RELEASE append")
        ends[partition] = offset + len(rows)
        return offset

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def _unavailable(self, error: sqlite3.Error) -> LogUnavailable:
        return LogUnavailable(f"{self._file.path} cannot be written: {error}")
