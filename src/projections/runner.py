"""The projector: follows its share of the log's partitions and writes the views.

One task a partition reads and gathers; one task writes what is gathered, of all partitions
together, in one transaction with their checkpoints. While the database works on one batch the
next one is gathered.
"""

import asyncio
import contextlib
import logging
import time

from ledger.log import EventLog
from ledger.ownership.group import Alone, Group
from projections.changes import Changes
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, DatabaseUnavailable
from projections.failures import Failure, failure_row
from projections.following import BACKOFF_FIRST_SECONDS, BACKOFF_MAX_SECONDS, TRANSIENT, Following
from projections.positions import Positions
from projections.relief import Relief
from projections.stores import ChangesRefused, ViewStore, open_store
from projections.tail import PartitionTail, Shared

# How many records of one partition wait to be written at most, while catching up.
PARTITION_RECORDS_MAX = 20_000
PARTITION_RECORDS_MIN = 500
# From so many records on, the indexes are made after loading, if the views are empty.
LOADING_RECORDS_MIN = 200_000
# How often it is asked whether the others have loaded theirs.
OTHERS_SECONDS = 1.0

_logger = logging.getLogger(__name__)


class Projector:
    """Keeps the views up to date. Any number may run: one that is behind changes nothing.

    `failures` names the partitions that are stopped: the record that could not be read, and why.
    """

    def __init__(
        self,
        log: EventLog,
        database: Database,
        positions: Positions | None = None,
        group: Group | None = None,
        *,
        indexes: bool = True,
    ) -> None:
        """`log` and `database` are open. `positions` wakes who waits for a position.

        `group` says which partitions are to be followed; without one it is all of them. Without
        `indexes` somebody else drops and makes those that only slow loading.
        """
        self.positions = positions or Positions(database)
        self._log = log
        self._group: Group = group or Alone(log.partitions)
        self._store: ViewStore = open_store(database, VIEW_GROUP)
        self._shared = Shared(self._store.movement_row)
        each = self._store.records_max // log.partitions
        self._records_max = max(PARTITION_RECORDS_MIN, min(PARTITION_RECORDS_MAX, each))
        self._following = Following(
            log, self._store, self._shared, self._records_max, self.positions.feed
        )
        self.failures = self._following.failures
        self._trouble: str | None = None
        self._targets: dict[int, int] = {}
        self._indexed = not indexes
        self._noted: dict[int, Failure] = {}
        self._delay = BACKOFF_FIRST_SECONDS

    async def run(self) -> None:
        """Follow the log until cancelled. A partition that cannot be read on stops alone.

        Anything unforeseen ends it, and stays as its `trouble`.
        """
        try:
            await self._prepare()
            relief = Relief(self._log, self._store, self._following)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._group.run(self.share), name="projector-group")
                tasks.create_task(relief.run(), name="projector-relief")
                await self._write_for_ever()
        except ExceptionGroup as several:
            self._end_with(several.exceptions[0])
            raise several.exceptions[0] from None
        except Exception as error:
            self._end_with(error)
            raise
        finally:
            await self._following.end()
            await self._store.close()

    def share(self, partitions: frozenset[int]) -> None:
        """Follow these partitions from now on, from where the views are.

        What is gathered of others and not being written at this moment is dropped.
        """
        if partitions != self._following.partitions:
            _logger.info("the views of partitions %s are kept here", sorted(partitions))
        self._following.share(partitions)

    @property
    def partitions(self) -> frozenset[int]:
        """Those that this projector follows."""
        return self._following.partitions

    @property
    def checked(self) -> frozenset[int]:
        """Those of them whose views are known to have been made from this log."""
        return frozenset(tail.partition for tail in self._following.tails if tail.checked)

    @property
    def indexed(self) -> bool:
        """Whether what it followed was all there once, and every index was made."""
        return self._indexed

    @property
    def group_failure(self) -> str | None:
        """Why it is not in touch with the other projectors, if it is not."""
        return self._group.failure

    @property
    def trouble(self) -> str | None:
        """The errors of log and database while they last, and the one that ended it all."""
        found = [tail.trouble for tail in self._following.tails] + [self._trouble]
        return "; ".join(one for one in found if one is not None) or None

    @property
    def faults(self) -> dict[int, Exception]:
        """By partition, what keeps a read waiting now."""
        found = {tail.partition: tail.fault for tail in self._following.tails}
        return {one: fault for one, fault in found.items() if fault is not None}

    def lag(self) -> dict[int, int]:
        """How many offsets each partition followed is behind the log, as last heard of."""
        known = self.positions.known()
        # A tail that has not begun to read has heard of nothing.
        ends = {
            tail.partition: max(tail.end, self._targets.get(tail.partition, 0))
            for tail in self._following.tails
        }
        return {one: max(0, end - known.get(one, 0)) for one, end in ends.items()}

    async def _prepare(self) -> None:
        """Learn where log and views are; make loading fast where there is much to load."""
        while True:
            try:
                stored = await self._store.checkpoints()
                for partition in range(self._log.partitions):
                    self._targets[partition] = await self._log.end(partition)
                if not (stored or self._indexed):
                    await defer_indexes(self._store, sum(self._targets.values()))
            except TRANSIENT as error:
                await self._back_off(error)
            else:
                self._recovered()
                for checkpoint in stored.values():
                    self._shared.ledger_id = checkpoint.ledger_id
                self.positions.advance({one: stored[one].position for one in stored})
                return

    async def _write_for_ever(self) -> None:
        taken: dict[PartitionTail, Changes] = {}
        while True:
            self._shared.wake.clear()
            for tail in [tail for tail in taken if not self._following.has(tail)]:
                del taken[tail]  # whoever follows the partition now reads it again
            for tail in self._following.tails:
                if tail not in taken and (changes := tail.take()) is not None:
                    taken[tail] = changes
            try:
                await self._note_failures()
                if taken:
                    await self._write(taken)
                else:
                    await self._rest()
            except DatabaseUnavailable as error:
                await self._back_off(error)
            else:
                self._recovered()

    async def _note_failures(self) -> None:
        """Write down what stopped, where others can read it; what cannot be, with the next."""
        # Whoever is waited for here, partitions come and go meanwhile.
        for partition, failure in [*self.failures.items()]:
            if self._noted.get(partition) != failure:
                row = failure_row(partition, failure, time.time_ns() // 1_000_000)
                try:
                    await self._store.note_failure(row)
                except (DatabaseUnavailable, ChangesRefused) as error:
                    _logger.warning("that partition %d stopped is not noted: %s", partition, error)
                else:
                    self._noted[partition] = failure

    async def _rest(self) -> None:
        """Nothing is to be written: make the indexes when everything is there, or wait."""
        seconds = None
        if not self._indexed and self._caught_up():
            if await self._others_caught_up():
                await self._store.build_indexes()
                self._indexed = True
                return
            seconds = OTHERS_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._shared.wake.wait()

    async def _write(self, taken: dict[PartitionTail, Changes]) -> None:
        """Write what was taken and drop it from there; what stays is to be written again."""
        try:
            stale = await self._store.write(list(taken.values()))
        except ChangesRefused as error:
            await self._narrow_down(taken, error)
            return
        if stale:
            for tail in [tail for tail in taken if tail.partition in stale]:
                del taken[tail]
                await self._following.go_back(tail)
            return
        for tail in taken:
            tail.allow(min(tail.records_max * 2, self._records_max))
        self.positions.advance({one.partition: one.after.position for one in taken.values()})
        taken.clear()

    async def _narrow_down(
        self, taken: dict[PartitionTail, Changes], error: ChangesRefused
    ) -> None:
        """Find the record that the database refuses: each partition alone, then halves of it."""
        if len(taken) > 1:
            for tail in list(taken):
                await self._write({tail: taken[tail]})
                del taken[tail]
            return
        for tail, changes in taken.items():
            if changes.records <= 1:
                await self._following.fail(tail, changes.before.position, error)
            tail.allow(max(1, changes.records // 2))
            await self._following.restart(tail)
        taken.clear()

    def _caught_up(self) -> bool:
        """Whether everything followed that the log had at the start is written or cannot be."""
        return all(
            tail.partition in self.failures
            or (tail.position >= self._targets[tail.partition] and tail.drained)
            for tail in self._following.tails
        )

    async def _others_caught_up(self) -> bool:
        """The same of what others follow. What nobody moves on is taken over by `Relief`."""
        others = self._targets.keys() - self.partitions
        if not others:
            return True
        stored = await self._store.checkpoints()
        return all(
            not self._targets[one] or (one in stored and stored[one].position >= self._targets[one])
            for one in others
        )

    def _end_with(self, error: Exception) -> None:
        self._trouble = f"the projector ended: {error!r}"
        _logger.error("the projector ended", exc_info=error)

    async def _back_off(self, error: Exception) -> None:
        self._trouble = str(error)
        _logger.warning("the views wait: %s", error)
        await asyncio.sleep(self._delay)
        self._delay = min(self._delay * 2, BACKOFF_MAX_SECONDS)

    def _recovered(self) -> None:
        self._delay = BACKOFF_FIRST_SECONDS
        self._trouble = None


async def defer_indexes(store: ViewStore, records: int) -> None:
    """Drop the indexes of empty views that are about to read so many records, if that pays.

    Raises DatabaseUnavailable.
    """
    if records >= LOADING_RECORDS_MIN:
        await store.defer_indexes()
