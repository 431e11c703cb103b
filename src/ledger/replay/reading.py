"""The records of one partition, in order, up to an end that was taken once."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Iterable
from typing import Final

from ledger.errors import LedgerError, LogUnavailable
from ledger.log import READ_RECORDS_MAX, EventLog, Record, Slice

# How long whoever answers may be behind the end that was heard of.
BEHIND_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 0.1
# Nearly every record counts, so the first one that does is near.
LOOK_RECORDS: Final = 100
# Where a slice holds a damaged record, slices get so much shorter, until the place is known.
NARROWING: Final = 70
_DAMAGED_FILE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}
_DAMAGED_BATCH: Final = "CorruptRecordException"


class LogDamaged(LedgerError):
    """What the log lies on is damaged: a page of its file, or the checksum of a batch."""


def is_damage(error: BaseException) -> bool:
    """Whether a log failed because what it lies on is damaged, and not for being away.

    A log says only that it is unavailable; what its driver said stands behind it.
    """
    cause = error.__cause__
    while cause is not None:
        code = getattr(cause, "sqlite_errorcode", None)
        if isinstance(code, int) and code & 0xFF in _DAMAGED_FILE:
            return True
        if type(cause).__name__ == _DAMAGED_BATCH:
            return True
        cause = cause.__cause__
    return False


async def ends(log: EventLog, partitions: Iterable[int]) -> dict[int, int]:
    """The offset behind the last record of each partition, asked for once.

    Raises LogUnavailable, LogRegressed, LogDamaged.
    """
    found = {}
    for partition in partitions:
        try:
            found[partition] = await log.end(partition)
        except LogUnavailable as error:
            if is_damage(error):
                raise LogDamaged(f"partition {partition}: {error}") from error
            raise
    return found


async def read_records(
    log: EventLog, partition: int, *, start: int = 0, until: int
) -> AsyncGenerator[list[Record], None]:
    """All records from `start` on and before `until`, void ones too, in slices that hold some.

    One slice is read ahead. Whoever leaves early closes it (`contextlib.aclosing`). Offsets may
    have gaps; what they mean is for `Walk` to say. Raises LogUnavailable, also if the log does not
    show what lies before `until`; LogRegressed; LogDamaged with the offset of the record.
    """
    reader = _Reader(log, partition, until)
    offset = start
    ahead = asyncio.create_task(reader.read(offset)) if offset < until else None
    try:
        while ahead is not None:
            part = await ahead
            offset = part.next_offset
            ahead = asyncio.create_task(reader.read(offset)) if offset < until else None
            records = part.records
            if records and records[-1].offset >= until:
                records = [record for record in records if record.offset < until]
            if records:
                yield records
    finally:
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)


async def first_counting(log: EventLog, partition: int, offset: int, until: int) -> Record | None:
    """The first record that counts, from `offset` up to before `until`; None if there is none.

    Raises LogUnavailable where whoever answers is behind: that nothing counts would be a guess.
    """
    while offset < until:
        part = await log.read(
            partition, offset, records_max=LOOK_RECORDS, wait_seconds=BEHIND_SECONDS
        )
        for record in part.records:
            if record.counts:
                return record if record.offset < until else None
        if part.next_offset <= offset:
            raise LogUnavailable(
                f"partition {partition} is not shown beyond offset {offset} now; it went on to "
                f"{until}"
            )
        offset = part.next_offset
    return None


class _Reader:
    """Reads slices, shorter ones where one is damaged."""

    def __init__(self, log: EventLog, partition: int, until: int) -> None:
        self._log = log
        self._partition = partition
        self._until = until
        self._records_max = READ_RECORDS_MAX
        # Up to here slices are short.
        self._damaged_before = 0

    async def read(self, offset: int) -> Slice:
        """The next slice that leads on."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + BEHIND_SECONDS
        while True:
            part = await self._attempt(offset)
            if part is None:
                # However long it took: a broker's damaged batch is asked for until time is up.
                continue
            if part.next_offset > offset:
                return part
            if loop.time() > give_up_at:
                raise LogUnavailable(
                    f"partition {self._partition} ended at {self._until} and is not shown beyond "
                    f"offset {offset} now"
                )
            await asyncio.sleep(RETRY_SECONDS)

    async def _attempt(self, offset: int) -> Slice | None:
        """A slice, or None if a shorter one is to be tried."""
        if offset >= self._damaged_before:
            self._records_max = READ_RECORDS_MAX
        try:
            return await self._log.read(self._partition, offset, records_max=self._records_max)
        except LogUnavailable as error:
            if not is_damage(error):
                raise
            if self._records_max == 1:
                raise LogDamaged(
                    f"partition {self._partition}, offset {offset}: {error}"
                ) from error
            self._damaged_before = max(self._damaged_before, offset + self._records_max)
            self._records_max = max(1, self._records_max // NARROWING)
            return None
