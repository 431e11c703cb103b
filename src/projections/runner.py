"""The projector: follows every partition of the log and writes the views.

One task a partition reads and gathers; one task writes what is gathered, of all partitions
together, in one transaction with their checkpoints. While the database works on one batch the
next one is gathered.
"""

import asyncio
import logging

from ledger.errors import LedgerError, LogUnavailable
from ledger.log import EventLog
from projections.changes import Changes
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, DatabaseUnavailable
from projections.positions import Positions
from projections.stores import ChangesRefused, ViewStore, open_store
from projections.tail import PartitionTail, Shared

# How many records of one partition wait to be written at most, while catching up.
PARTITION_RECORDS_MAX = 20_000
PARTITION_RECORDS_MIN = 500
# From so many records on, the indexes are made after loading, if the views are empty.
LOADING_RECORDS_MIN = 200_000
BACKOFF_FIRST_SECONDS = 0.05
BACKOFF_MAX_SECONDS = 5.0

_TRANSIENT = (LogUnavailable, DatabaseUnavailable, OSError)
_logger = logging.getLogger(__name__)


class Projector:
    """Keeps the views up to date. Any number may run: one that is behind changes nothing.

    `failures` names the partitions that are stopped: the offset that could not be read, and why.
    """

    def __init__(
        self, log: EventLog, database: Database, positions: Positions | None = None
    ) -> None:
        """`log` and `database` are open. `positions` wakes who waits for a position."""
        self.failures: dict[int, tuple[int, str]] = {}
        self.positions = positions or Positions(database)
        self._log = log
        self._store: ViewStore = open_store(database, VIEW_GROUP)
        self._shared = Shared(self._store.movement_row)
        self._tails = [PartitionTail(log, one, self._shared) for one in range(log.partitions)]
        share = self._store.records_max // log.partitions
        self._records_max = max(PARTITION_RECORDS_MIN, min(PARTITION_RECORDS_MAX, share))
        self._trouble: str | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._targets: dict[int, int] = {}
        self._delay = BACKOFF_FIRST_SECONDS

    async def run(self) -> None:
        """Follow the log until cancelled. A partition that cannot be read on stops alone.

        Anything unforeseen ends it, and stays as its `trouble`.
        """
        try:
            await self._prepare()
            for tail in self._tails:
                tail.allow(self._records_max)
                self._start(tail)
            await self._write_for_ever()
        except Exception as error:
            self._trouble = f"the projector ended: {error!r}"
            _logger.exception("the projector ended")
            raise
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._store.close()

    @property
    def trouble(self) -> str | None:
        """The errors of log and database while they last, and the one that ended it all."""
        found = [tail.trouble for tail in self._tails] + [self._trouble]
        return "; ".join(one for one in found if one is not None) or None

    def lag(self) -> dict[int, int]:
        """How many offsets each partition of the views is behind the log, as last heard of."""
        known = self.positions.known()
        return {
            tail.partition: max(0, tail.end - known.get(tail.partition, 0)) for tail in self._tails
        }

    async def _prepare(self) -> None:
        """Learn where log and views are; make loading fast where there is much to load."""
        while True:
            try:
                stored = await self._store.checkpoints()
                for tail in self._tails:
                    self._targets[tail.partition] = await self._log.end(tail.partition)
                if not stored and sum(self._targets.values()) >= LOADING_RECORDS_MIN:
                    await self._store.defer_indexes()
            except _TRANSIENT as error:
                await self._back_off(error)
            else:
                self._recovered()
                for checkpoint in stored.values():
                    self._shared.ledger_id = checkpoint.ledger_id
                self.positions.advance({one: stored[one].position for one in stored})
                return

    def _start(self, tail: PartitionTail) -> None:
        self._tasks[tail.partition] = asyncio.create_task(
            self._drive(tail), name=f"projector-{tail.partition}"
        )

    async def _restart(self, tail: PartitionTail) -> None:
        """Go back to where the views are."""
        task = self._tasks[tail.partition]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if tail.partition not in self.failures:
            self._start(tail)

    async def _drive(self, tail: PartitionTail) -> None:
        delay = BACKOFF_FIRST_SECONDS
        resumed = False
        while True:
            try:
                if not resumed:
                    await tail.resume((await self._store.checkpoints()).get(tail.partition))
                    resumed = True
                await tail.follow()
            except _TRANSIENT as error:
                delay = delay if tail.trouble else BACKOFF_FIRST_SECONDS
                tail.trouble = f"partition {tail.partition}: {error}"
                _logger.warning("reading is interrupted: %s", tail.trouble)
                await asyncio.sleep(delay)
                delay = min(delay * 2, BACKOFF_MAX_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, it stops this one alone
                self._fail(tail, tail.position, error)
                return

    def _fail(self, tail: PartitionTail, offset: int, error: Exception) -> None:
        text = str(error) if isinstance(error, LedgerError) else repr(error)
        self.failures[tail.partition] = (offset, text)
        _logger.error(
            "the views stop reading partition %d at offset %d: %s",
            tail.partition,
            offset,
            text,
            exc_info=None if isinstance(error, LedgerError) else error,
        )
        tail.stop()

    async def _write_for_ever(self) -> None:
        taken: dict[int, Changes] = {}
        indexed = False
        while True:
            self._shared.wake.clear()
            for tail in self._tails:
                if tail.partition not in taken and (changes := tail.take()) is not None:
                    taken[tail.partition] = changes
            try:
                if taken:
                    await self._write(taken)
                elif not indexed and self._caught_up():
                    await self._store.build_indexes()
                    indexed = True
                else:
                    await self._shared.wake.wait()
            except DatabaseUnavailable as error:
                await self._back_off(error)
            else:
                self._recovered()

    async def _write(self, taken: dict[int, Changes]) -> None:
        """Write what was taken and drop it from there; what stays is to be written again."""
        try:
            stale = await self._store.write(list(taken.values()))
        except ChangesRefused as error:
            await self._narrow_down(taken, error)
            return
        if stale:
            for partition in stale:
                del taken[partition]
                await self._restart(self._tails[partition])
            return
        for changes in taken.values():
            tail = self._tails[changes.partition]
            tail.allow(min(tail.records_max * 2, self._records_max))
        self.positions.advance({one.partition: one.after.position for one in taken.values()})
        taken.clear()

    async def _narrow_down(self, taken: dict[int, Changes], error: ChangesRefused) -> None:
        """Find the record that the database refuses: each partition alone, then halves of it."""
        if len(taken) > 1:
            for partition in list(taken):
                alone = {partition: taken[partition]}
                await self._write(alone)
                del taken[partition]
            return
        for partition, changes in taken.items():
            tail = self._tails[partition]
            if changes.records <= 1:
                self._fail(tail, changes.before.position, error)
            tail.allow(max(1, changes.records // 2))
            await self._restart(tail)
        taken.clear()

    def _caught_up(self) -> bool:
        """Whether everything the log had at the start is written or cannot be."""
        return all(
            tail.partition in self.failures
            or (tail.position >= self._targets[tail.partition] and tail.drained)
            for tail in self._tails
        )

    async def _back_off(self, error: Exception) -> None:
        self._trouble = str(error)
        _logger.warning("the views wait: %s", error)
        await asyncio.sleep(self._delay)
        self._delay = min(self._delay * 2, BACKOFF_MAX_SECONDS)

    def _recovered(self) -> None:
        self._delay = BACKOFF_FIRST_SECONDS
        self._trouble = None
