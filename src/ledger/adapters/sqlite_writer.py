"""The one thread that writes a SQLite log: all appends that wait share one transaction."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger.adapters.sqlite_checkpoints import Checkpoints
from ledger.adapters.sqlite_file import (
    SURELY_NOT_STORED,
    LogFile,
    offset_of,
    place_of,
    primary_code,
)
from ledger.adapters.sqlite_rows import Last, Rows
from ledger.errors import LogRegressed, LogUnavailable, OutcomeUnknown
from ledger.log import NewRecordTuple

GROUP_APPENDS_MAX = 256
END = "SELECT max(place) FROM records WHERE place >= ? AND place < ?"


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
        # What partitions ended at when this writer last wrote to them, or looked.
        self._ends: dict[int, int] = {}
        self._checkpoints = Checkpoints(file)
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
        # Who is killed again and again behind the first commit would else leave more each time.
        self._checkpoints.finish(self.connection)
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
            tell = self._settle if stopping else self._tell
            with contextlib.suppress(RuntimeError):  # the loop is gone, and with it who asked
                self._loop.call_soon_threadsafe(tell, group, outcomes)
            if stopping:
                break
            self._checkpoints.finish(self.connection)
        self._checkpoints.stop()
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

    def _tell(self, group: list[Append], outcomes: list[Outcome]) -> None:
        """In the event loop: what became of a group, unless nobody will open the file again."""
        try:
            self._file.confirm_identity()
        except LogRegressed as error:
            outcomes = [error] * len(group)
        self._settle(group, outcomes)

    def _store(self, group: list[Append]) -> list[Outcome]:
        outcomes = self._store_at_once(group)
        return self._store_in_turn(group) if outcomes is None else outcomes

    def _store_at_once(self, group: list[Append]) -> list[Outcome] | None:
        """With a single statement, if every append lies where its partition ends.

        Each statement costs the wait to have the interpreter back, milliseconds while the event
        loop is busy, in which other processes would wait for the lock. None if it cannot be done
        so; then nothing is stored.
        """
        ends: dict[int, int] = {}
        outcomes: list[Outcome] = []
        rows = self._one_after_the_other(group, ends, outcomes)
        try:
            if rows is None or not rows.insert_behind([*map(self._last, ends)]):
                return None
        except sqlite3.IntegrityError:
            return None
        except sqlite3.Error as error:
            return self._failed(group, error)
        self._ends |= ends
        self._checkpoints.written(rows.bytes_added, len(group))
        return outcomes

    def _one_after_the_other(
        self, group: list[Append], ends: dict[int, int], outcomes: list[Outcome]
    ) -> Rows | None:
        """The rows of appends that lie where partitions end, as far as this writer knows, and are
        few enough for one statement; `ends` and `outcomes` get what becomes of them."""
        void = group[0].void
        rows = Rows(self.connection, int(self._clock() * 1000), void=void)
        for append in group:
            end = ends.get(append.partition, self._ends.get(append.partition))
            if append.offset != end or append.void != void:
                return None
            outcomes.append(end)
            ends[append.partition] = end + len(append.records)
            rows.add(place_of(append.partition, end), append.records)
            if rows.full:
                return None
        return rows

    def _store_in_turn(self, group: list[Append]) -> list[Outcome]:
        connection = self.connection
        ends: dict[int, int] = {}
        try:
            self._file.confirm_identity()
            connection.execute("BEGIN IMMEDIATE")
            outcomes, size = self._place(group, ends)
        except LogRegressed as error:
            return [error] * len(group)
        except sqlite3.Error as error:
            self._roll_back()
            return [self._unavailable(error)] * len(group)
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            return self._failed(group, error)
        self._ends |= ends
        self._checkpoints.written(size, len(group))
        return outcomes

    def _failed(self, group: list[Append], error: sqlite3.Error) -> list[Outcome]:
        """What becomes of a group whose commit has failed."""
        self._roll_back()
        if primary_code(error) in SURELY_NOT_STORED:
            return [self._unavailable(error)] * len(group)
        # A failed fsync: the transaction may be found complete when the file is opened next.
        return [OutcomeUnknown(f"{self._file.path}: {error}")] * len(group)

    def _place(self, group: list[Append], ends: dict[int, int]) -> tuple[list[Outcome], int]:
        """Put appends into the open transaction; `ends` gets what partitions end at with them.

        The answer is what becomes of each, and how many bytes are to be committed.
        Raises sqlite3.Error where the whole transaction is lost.
        """
        outcomes: list[Outcome] = []
        stamp_ms = int(self._clock() * 1000)
        rows = [Rows(self.connection, stamp_ms, void=void) for void in (False, True)]
        for partition, offset, records, _, void in group:
            end = ends.get(partition)
            if end is None:
                end = ends[partition] = end_of(self.connection, partition)
            if offset > end:
                detail = f"partition {partition} ends at {end}, before offset {offset}"
                outcomes.append(LogRegressed(detail))
                continue
            outcomes.append(end)
            if offset == end:
                ends[partition] = end + len(records)
                rows[void].add(place_of(partition, offset), records)
                if rows[void].full:
                    rows[void].flush()
        for some in rows:
            some.flush()
        return outcomes, sum(some.bytes_added for some in rows)

    def _last(self, partition: int) -> Last:
        """Where the last record of a partition lies, as far as this writer knows."""
        first, end = place_of(partition, 0), self._ends[partition]
        return first, place_of(partition + 1, 0), first + end - 1 if end else None

    def _roll_back(self) -> None:
        self._ends.clear()
        with contextlib.suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def _unavailable(self, error: sqlite3.Error) -> LogUnavailable:
        return LogUnavailable(f"{self._file.path} cannot be written: {error}")
