"""The partitions that a projector follows: a tail each, and the task that drives it."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable

from ledger.ending import end
from ledger.errors import LedgerError, LogUnavailable
from ledger.log import EventLog, Record
from projections.database import DatabaseUnavailable
from projections.failures import Failure, failure_of
from projections.stores import ViewStore
from projections.tail import PartitionTail, Shared

BACKOFF_FIRST_SECONDS = 0.05
BACKOFF_MAX_SECONDS = 5.0
RECORD_SECONDS_MAX = 2.0

TRANSIENT = (LogUnavailable, DatabaseUnavailable, OSError)
_logger = logging.getLogger(__name__)


class Following:
    """The tails of one projector: those of its share, and those it has taken over for a while.

    `failures` names the partitions that are stopped: the record that could not be read, and why.
    """

    def __init__(
        self,
        log: EventLog,
        store: ViewStore,
        shared: Shared,
        records_max: int,
        changed: Callable[[frozenset[int]], None],
    ) -> None:
        """Follows nothing yet. `changed` hears of all partitions followed after every change."""
        self.failures: dict[int, Failure] = {}
        self._log = log
        self._store = store
        self._shared = shared
        self._records_max = records_max
        self._changed = changed
        self._share: frozenset[int] = frozenset()
        self._relieved: frozenset[int] = frozenset()
        self._tails: dict[int, PartitionTail] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def tails(self) -> Collection[PartitionTail]:
        """Of every partition that is followed."""
        return self._tails.values()

    @property
    def partitions(self) -> frozenset[int]:
        """All that are followed, stopped ones included."""
        return frozenset(self._tails)

    def has(self, tail: PartitionTail) -> bool:
        """Whether this very tail is still in use."""
        return self._tails.get(tail.partition) is tail

    def share(self, partitions: frozenset[int]) -> None:
        """Follow these, from where the views are. What was gathered of others is dropped.

        A partition that was stopped and is let go is no failure of this projector any more.
        """
        self._share = partitions
        self._relieved -= partitions
        self._adjust()

    def relieve(self, partitions: Iterable[int]) -> None:
        """Follow these as well, until it shows that somebody else writes them."""
        self._relieved |= frozenset(partitions) - self._share
        self._adjust()

    def leave(self, partitions: Collection[int]) -> None:
        """No longer follow these, as far as they are not of the share."""
        if not self._relieved.isdisjoint(partitions):
            self._relieved -= frozenset(partitions)
            self._adjust()

    async def go_back(self, tail: PartitionTail) -> None:
        """Begin again where the views are, for another projector wrote.

        A partition that is not of the share is left to that one.
        """
        if self.has(tail):
            self.leave({tail.partition})
        await self.restart(tail)

    async def restart(self, tail: PartitionTail) -> None:
        """Go back to where the views are, unless it was let go or is stopped."""
        if not self.has(tail):
            return
        await end(self._tasks[tail.partition])
        if self.has(tail) and tail.partition not in self.failures:
            self._start(tail)

    async def resume(self, partition: int) -> None:
        """Begin a stopped partition again where the views are: they are not where it stopped."""
        tail = self._tails.get(partition)
        if tail is not None and self.failures.pop(partition, None) is not None:
            _logger.info("the views of partition %d are elsewhere: it is read again", partition)
            await self.restart(tail)

    async def fail(self, tail: PartitionTail, offset: int, error: Exception) -> None:
        """Stop this partition, and only it."""
        failure = failure_of(offset, error, await self._record(tail.partition, offset))
        if not self.has(tail):
            return
        self.failures[tail.partition] = failure
        _logger.error(
            "the views stop reading partition %d at offset %d: %s",
            tail.partition,
            offset,
            failure.sentence,
            exc_info=None if isinstance(error, LedgerError) else error,
        )
        tail.stop()

    async def _record(self, partition: int, offset: int) -> Record | None:
        """What lies there, if that can be had soon."""
        try:
            async with asyncio.timeout(RECORD_SECONDS_MAX):
                records = (await self._log.read(partition, offset, records_max=1)).records
        except Exception:  # noqa: BLE001 - whatever it is, the stop is what matters
            return None
        return records[0] if records and records[0].offset == offset else None

    async def end(self) -> None:
        """Wait until nothing reads any more. `failures` stay to be seen."""
        await end(*self._tasks.values(), *self._ending)

    def _adjust(self) -> None:
        wanted = self._share | self._relieved
        for partition in self.partitions - wanted:
            self._let_go(partition)
        for partition in sorted(wanted - self.partitions):
            tail = PartitionTail(self._log, partition, self._shared)
            tail.allow(self._records_max)
            self._tails[partition] = tail
            self._start(tail)
        self._changed(self.partitions)
        self._shared.wake.set()

    def _let_go(self, partition: int) -> None:
        del self._tails[partition]
        self.failures.pop(partition, None)
        task = self._tasks.pop(partition)
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _start(self, tail: PartitionTail) -> None:
        self._tasks[tail.partition] = asyncio.create_task(
            self._drive(tail), name=f"projector-{tail.partition}"
        )

    async def _drive(self, tail: PartitionTail) -> None:
        delay = BACKOFF_FIRST_SECONDS
        resumed = False
        while True:
            try:
                if not resumed:
                    await tail.resume((await self._store.checkpoints()).get(tail.partition))
                    resumed = True
                await tail.follow()
            except TRANSIENT as error:
                delay = delay if tail.fault else BACKOFF_FIRST_SECONDS
                tail.fault = error
                _logger.warning("reading is interrupted: %s", tail.trouble)
                await asyncio.sleep(delay)
                delay = min(delay * 2, BACKOFF_MAX_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, it stops this one alone
                await self.fail(tail, tail.position, error)
                return
