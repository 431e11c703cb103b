"""A log that seems to end where it is told to, so that views are built up to a position exactly."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from ledger.log import READ_RECORDS_MAX, EventLog, NewRecordTuple, Slice


class LimitedLog:
    """An `EventLog` to read from. Its limits can be raised while somebody reads."""

    def __init__(self, log: EventLog) -> None:
        """`log` is open. Every partition seems to be empty."""
        self._log = log
        self._limits: dict[int, int | None] = dict.fromkeys(range(log.partitions), 0)
        self._raised = asyncio.Event()

    def allow(self, until: Mapping[int, int]) -> None:
        """Show the records with a smaller offset than these; what is shown already stays."""
        for partition, limit in until.items():
            before = self._limits[partition]
            self._limits[partition] = None if before is None else max(before, limit)
        self._wake()

    def allow_all(self) -> None:
        """Show everything."""
        self._limits = dict.fromkeys(self._limits)
        self._wake()

    @property
    def partitions(self) -> int:
        """How many partitions the log has."""
        return self._log.partitions

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """Whoever opened the log closes it."""

    async def check(self) -> list[str]:
        """What is wrong with the log's configuration now."""
        return await self._log.check()

    async def append(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """It is not for writing."""
        raise AssertionError(f"{len(records)} records for {partition}:{offset} of a log to read")

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        records_max: int = READ_RECORDS_MAX,
        wait_seconds: float = 0.0,
    ) -> Slice:
        """Read from `offset` on, up to the limit."""
        limit = self._limits[partition]
        if limit is not None and offset >= limit:
            await self._wait(wait_seconds)
            return Slice([], offset, max(offset, self._limits[partition] or offset))
        part = await self._log.read(
            partition, offset, records_max=records_max, wait_seconds=wait_seconds
        )
        limit = self._limits[partition]
        if limit is None or part.next_offset <= limit:
            return part if limit is None else part._replace(end=min(part.end, limit))
        records = [one for one in part.records if one.offset < limit]
        return Slice(records, max(offset, limit), limit)

    async def end(self, partition: int) -> int:
        """The offset behind the last record that is shown."""
        end = await self._log.end(partition)
        limit = self._limits[partition]
        return end if limit is None else min(end, limit)

    async def _wait(self, seconds: float) -> None:
        if seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._raised.wait()

    def _wake(self) -> None:
        raised, self._raised = self._raised, asyncio.Event()
        raised.set()
