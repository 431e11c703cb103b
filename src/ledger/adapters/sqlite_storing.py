"""How batches get into a SQLite log: many in one transaction, each whole or not at all.

For one thread of one process, whichever that is: the log's own (sqlite_writer.py) or that of a
process of its own (sqlite_child.py).
"""

import contextlib
import queue
import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

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
from ledger.events.packing import unpack
from ledger.log import NewRecordTuple, Unrecorded

# Appends that share a transaction.
GROUP_APPENDS_MAX = 256
END = "SELECT max(place) FROM records WHERE place >= ? AND place < ?"


class Write(NamedTuple):
    """One batch to be stored."""

    partition: int
    offset: int
    records: Sequence[NewRecordTuple]
    void: bool = False


Queued = TypeVar("Queued")
Placed = int | Exception  # where the batch lies, or why it does not
Content = Sequence[NewRecordTuple] | Unrecorded


class Stored(NamedTuple):
    """Where a batch lies, and the hash of its last record where the records were made here."""

    base: int
    head: str = ""


Outcome = Stored | Exception


class Made(NamedTuple):
    """A batch whose records are made, and the hash of its last one; or why they cannot be."""

    write: Write | LogUnavailable
    head: str = ""


def made(partition: int, offset: int, content: Content, *, void: bool = False) -> Made:
    """A batch to be stored, of records or of facts that they are to be made of."""
    if not isinstance(content, Unrecorded):
        return Made(Write(partition, offset, content, void))
    try:
        records, head = unpack(partition, content)
    except Exception as error:  # noqa: BLE001  (who asked must not wait for ever)
        return Made(LogUnavailable(f"no records can be made of what was decided: {error!r}"))
    return Made(Write(partition, offset, records), head)


def next_group(waiting: "queue.SimpleQueue[Queued | None]") -> tuple[list[Queued], bool]:
    """Wait for a batch and take along what else is there; True if it is time to stop (None)."""
    group: list[Queued] = []
    one = waiting.get()
    with contextlib.suppress(queue.Empty):
        while one is not None:
            group.append(one)
            if len(group) == GROUP_APPENDS_MAX:
                break
            one = waiting.get_nowait()
    return group, one is None


def end_of(connection: sqlite3.Connection, partition: int) -> int:
    """Return the offset behind the last record of a partition. Raises sqlite3.Error."""
    bounds = (place_of(partition, 0), place_of(partition + 1, 0))
    (place,) = connection.execute(END, bounds).fetchone()
    return 0 if place is None else offset_of(place) + 1


class Storing:
    """Stores batches in groups, each group with one fsync."""

    def __init__(
        self, file: LogFile, connection: sqlite3.Connection, clock: Callable[[], float]
    ) -> None:
        """`connection` is used, and closed, by nobody else. `clock` gives seconds since 1970."""
        self.connection = connection
        self._file = file
        self._clock = clock
        # What partitions ended at when this one last wrote to them, or looked.
        self._ends: dict[int, int] = {}
        self._checkpoints = Checkpoints(file)

    def close(self) -> None:
        """Finish the checkpoint at hand, close the connection."""
        self._checkpoints.stop()
        self.connection.close()

    def finish(self) -> None:
        """Between two groups: what is due of checkpoints. Without anything to do, it is nothing."""
        self._checkpoints.finish(self.connection)

    def store(self, group: Sequence[Made]) -> list[Outcome]:
        """Store batches, and say what became of each."""
        try:
            return self._store(group)
        except Exception as error:  # noqa: BLE001  (no caller may wait for ever)
            self._roll_back()
            return [OutcomeUnknown(f"{self._file.path}: {error!r}")] * len(group)

    def _store(self, group: Sequence[Made]) -> list[Outcome]:
        writes = [one.write for one in group if isinstance(one.write, Write)]
        placed = self._store_at_once(writes) if writes else []
        places = iter(self._store_in_turn(writes) if placed is None else placed)
        outcomes: list[Outcome] = []
        for write, head in group:
            place = next(places) if isinstance(write, Write) else write
            outcomes.append(place if isinstance(place, Exception) else Stored(place, head))
        return outcomes

    def _store_at_once(self, group: Sequence[Write]) -> list[Placed] | None:
        """With a single statement, if every append lies where its partition ends.

        Each statement costs the wait to have the interpreter back, milliseconds while the event
        loop is busy, in which other processes would wait for the lock. None if it cannot be done
        so; then nothing is stored.
        """
        ends: dict[int, int] = {}
        outcomes: list[Placed] = []
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
        self, group: Sequence[Write], ends: dict[int, int], outcomes: list[Placed]
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

    def _store_in_turn(self, group: Sequence[Write]) -> list[Placed]:
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

    def _failed(self, group: Sequence[Write], error: sqlite3.Error) -> list[Placed]:
        """What becomes of a group whose commit has failed."""
        self._roll_back()
        if primary_code(error) in SURELY_NOT_STORED:
            return [self._unavailable(error)] * len(group)
        # A failed fsync: the transaction may be found complete when the file is opened next.
        return [OutcomeUnknown(f"{self._file.path}: {error}")] * len(group)

    def _place(self, group: Sequence[Write], ends: dict[int, int]) -> tuple[list[Placed], int]:
        """Put appends into the open transaction; `ends` gets what partitions end at with them.

        The answer is what becomes of each, and how many bytes are to be committed.
        Raises sqlite3.Error where the whole transaction is lost.
        """
        outcomes: list[Placed] = []
        stamp_ms = int(self._clock() * 1000)
        rows = [Rows(self.connection, stamp_ms, void=void) for void in (False, True)]
        for partition, offset, records, void in group:
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
