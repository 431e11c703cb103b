"""Following one partition of the log: read, check the chain, gather what the views have to do."""

import asyncio
from collections.abc import Sequence

from ledger.domain.facts import Opened
from ledger.errors import LedgerError, LogRegressed, LogUnavailable, WrongLedger
from ledger.events.chain import Chain, link
from ledger.log import READ_RECORDS_MAX, EventLog, Record
from projections.changes import Changes, MovementRow
from projections.checkpoints import Checkpoint
from projections.turns import Turns

READ_WAIT_SECONDS = 5.0
# Between two pauses for the rest of the event loop; about 2 ms of work.
RECORDS_AT_A_TIME = 200


class Shared:
    """What the tails of one projector have in common.

    `wake` is set whenever there may be something to take. Who gathers has its turn of `turns`.
    `ledger_id` is that of the first partition that was opened: one log fills the views, and no
    other.
    """

    __slots__ = ("ledger_id", "movement_row", "turns", "wake")

    def __init__(self, movement_row: MovementRow) -> None:
        """No ledger is known yet. `movement_row` makes rows as the store wants them."""
        self.movement_row = movement_row
        self.wake = asyncio.Event()
        self.turns = Turns()
        self.ledger_id = ""

    def check(self, ledger_id: str) -> None:
        """Raise WrongLedger unless it is the same ledger as before."""
        self.ledger_id = self.ledger_id or ledger_id
        if ledger_id != self.ledger_id:
            raise WrongLedger(f"the log is of ledger {ledger_id}, the views of {self.ledger_id}")


class PartitionTail:
    """Gathers changes of one partition until the writer takes them.

    At most `records_max` records wait to be taken. `position` is the offset of the next record to
    read, `end` the end of the partition as last heard of, `fault` the error of the last read.
    `checked` says that the views were made from this log.
    """

    def __init__(self, log: EventLog, partition: int, shared: Shared) -> None:
        """Nothing is read before `resume` and `follow`."""
        self.partition = partition
        self.position = 0
        self.end = 0
        self.records_max = READ_RECORDS_MAX
        self.stopped = False
        self.checked = False
        self.fault: Exception | None = None
        self._log = log
        self._shared = shared
        self._chain = Chain(partition)
        self._ledger_id = ""
        self._head_offset = -1
        self._reached = Checkpoint("")
        self._changes: Changes | None = None
        self._taken = asyncio.Event()

    async def resume(self, stored: Checkpoint | None) -> None:
        """Go to where the views are, and check that this is the log they were made from.

        Raises LogRegressed, WrongLedger, UndecodableRecord, LogUnavailable.
        """
        start = stored or Checkpoint("")
        self._changes = None
        self.stopped = self.checked = False
        self._taken.set()
        self._chain = Chain(self.partition, start.head)
        self._ledger_id = start.ledger_id
        self._head_offset = start.head_offset
        self._reached = start
        self.position = start.position
        self.end = await self._log.end(self.partition)
        if self.end < start.position:
            raise LogRegressed(
                f"partition {self.partition} ends at {self.end}, but the views have read it up to "
                f"{start.position}"
            )
        if start.position > 0:
            self._shared.check(start.ledger_id)
            await self._check_ledger()
            await self._check_head(start)
        self.checked = True
        self._shared.wake.set()

    async def follow(self) -> None:
        """Read for ever. Ends only by an exception; what was gathered before it stays to be taken.

        Raises ChainBroken, UndecodableRecord, LevelUnsupported, LogRegressed, WrongLedger,
        LogUnavailable. After the last one it may be called again.
        """
        while True:
            part = await self._log.read(
                self.partition,
                self.position,
                records_max=min(self.records_max, READ_RECORDS_MAX),
                wait_seconds=READ_WAIT_SECONDS,
            )
            self.fault = None
            self.end = part.end
            await self._take_in(part.records)
            if part.next_offset > self.position:
                # A gap of offsets. Whether one may be there, the chain of the next record says.
                await self._room()
                self._reach(self._open(), part.next_offset)
            self._announce()

    async def _take_in(self, records: Sequence[Record]) -> None:
        """Gather records a step at a time, waiting for the writer wherever there is no room."""
        start = 0
        while start < len(records):
            await self._room()
            # One tail at a time, so that the writer's turn comes after one step, not a dozen.
            async with self._shared.turns.taken(self._gathered):
                while start < len(records) and self._gathered < self.records_max:
                    step = min(self.records_max, RECORDS_AT_A_TIME)
                    self._gather(self._open(), records[start : start + step])
                    start += step
                    await asyncio.sleep(0)

    def allow(self, records_max: int) -> None:
        """Let so many records wait to be taken from now on."""
        self.records_max = records_max
        self._taken.set()

    def take(self) -> Changes | None:
        """What was gathered since the last time, unless more of it is about to come at once."""
        if not self.ready:
            return None
        changes, self._changes = self._changes, None
        self._taken.set()
        return changes

    @property
    def trouble(self) -> str | None:
        """The error of the last read in words, if it failed."""
        return None if self.fault is None else f"partition {self.partition}: {self.fault}"

    @property
    def ready(self) -> bool:
        """Whether there is something to take: as much as may be, or all that the log has."""
        changes = self._changes
        return changes is not None and (
            changes.records >= self.records_max or self.position >= self.end or self.stopped
        )

    @property
    def drained(self) -> bool:
        """Whether everything read was taken."""
        return self._changes is None

    def stop(self) -> None:
        """Nothing more will come; what was gathered can be taken."""
        self.stopped = True
        self._shared.wake.set()

    def _gather(self, changes: Changes, records: Sequence[Record]) -> None:
        """Take in records. One that stops the partition leaves those before it to be taken."""
        chain = self._chain
        before = self.position
        try:
            for record in records:
                if record.stated == record.offset:
                    fact, command = chain.accept_with_command(record)
                    if self._head_offset < 0:
                        self._ledger_id = self._opened(fact)
                        changes.before = Checkpoint(self._ledger_id)
                    changes.add(fact, command)
                    self._head_offset = record.offset
                else:
                    changes.add_void(record)
                self.position = record.offset + 1
                changes.records += 1
        except LedgerError:
            if self.position > before:
                self._reach(changes, self.position)
            raise
        except BaseException:
            # A defect: a record may have been taken in by half, so nothing of this may be written.
            self._changes = None
            raise
        self._reach(changes, self.position)

    def _reach(self, changes: Changes, position: int) -> None:
        self.position = position
        self._reached = Checkpoint(self._ledger_id, position, self._chain.head, self._head_offset)
        # Before the first counting record the ledger is unknown, and there is nothing to save.
        if self._head_offset >= 0:
            changes.after = self._reached
            self._changes = changes
            self._announce()

    def _announce(self) -> None:
        if self.ready:
            self._shared.wake.set()

    @property
    def _gathered(self) -> int:
        """How many records wait to be taken."""
        return 0 if self._changes is None else self._changes.records

    async def _room(self) -> None:
        """Wait until the writer left room for more."""
        while self._gathered >= self.records_max:
            self._taken.clear()
            await self._taken.wait()

    def _open(self) -> Changes:
        """The changes to go on with."""
        return self._changes or Changes(self.partition, self._reached, self._shared.movement_row)

    def _opened(self, fact: object) -> str:
        """The ledger that the first counting record names."""
        if not isinstance(fact, Opened) or fact.partition != self.partition:
            raise WrongLedger(
                f"partition {self.partition} does not begin with the opening of this partition"
            )
        self._shared.check(fact.ledger_id)
        return fact.ledger_id

    async def _check_ledger(self) -> None:
        first = await self._counting_from(0)
        if first is None:
            raise LogRegressed(f"partition {self.partition} has lost its first record")
        self._opened(Chain(self.partition).accept(first))

    async def _check_head(self, stored: Checkpoint) -> None:
        last = await self._counting_from(stored.head_offset)
        if (
            last is None
            or last.offset != stored.head_offset
            or _hash(self.partition, last) != (stored.head)
        ):
            raise WrongLedger(
                f"partition {self.partition}, offset {stored.head_offset}: this is not the record "
                "that the views have read there"
            )

    async def _counting_from(self, offset: int) -> Record | None:
        """The first counting record at `offset` or behind it. Raises LogUnavailable if whoever
        answers is behind."""
        while True:
            part = await self._log.read(self.partition, offset, records_max=1)
            for record in part.records:
                if record.counts:
                    return record
            if part.next_offset <= offset:
                if offset < self.end:
                    raise LogUnavailable(f"partition {self.partition} is not shown to its end")
                return None
            offset = part.next_offset


def _hash(partition: int, record: Record) -> str:
    return link(partition, record.offset, record.key, record.value)
