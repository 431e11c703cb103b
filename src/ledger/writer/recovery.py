"""How a writer comes to know its partition: the newest snapshot and the tail, or all of the log.

A snapshot that is missing, torn, of another ledger or off the chain is not repaired or guessed
at: the log is read from the start instead. Only a log that ends before what a snapshot of the same
ledger was made of is a fault: it lost its past.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ledger.domain.decider import evolve
from ledger.domain.facts import Fact, Moved, Opened, WriterClaimed
from ledger.domain.items import ItemDefined
from ledger.domain.stock import PartitionState
from ledger.domain.supply import SUPPLY_FACTS
from ledger.errors import LogRegressed, LogUnavailable, WrongLedger
from ledger.events.chain import Chain
from ledger.events.decoding import Codec
from ledger.log import EventLog, Record, Slice, SnapshotStore
from ledger.writer import loading
from ledger.writer.batch import ids_used
from ledger.writer.filters import OldIds
from ledger.writer.idempotency import Window
from ledger.writer.names import SkuNames
from ledger.writer.pace import TURN_COMMANDS_MAX, TURN_RECORDS_MAX, Pace
from ledger.writer.retry import RETRY_PAUSE_SECONDS
from ledger.writer.snapshots import Manifest

# How long the store or the log may be away before the log is read from its start instead.
SNAPSHOT_SECONDS = 5.0
# How long a log may look shorter than it was: a new leader in Kafka knows only an older end until
# its followers have answered, and drops one that died after 30 seconds.
SHORT_SECONDS = 35.0
_READ_RECORDS = 1_000
_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Recovered:
    """A partition as the log has it, up to its end."""

    def __init__(self, partition: int, window_ids: int) -> None:
        """Nothing read yet."""
        self.state = PartitionState()
        self.chain: Chain = Chain(partition)
        self.window = Window(self.state, window_ids, OldIds())
        self.names = SkuNames()
        self.snapshot_offset = 0
        # Why there was a snapshot and it was not used.
        self.why_not: str | None = None
        self.owner: WriterClaimed | None = None
        # SKU to the offset up to which the snapshot holds it.
        self.folded: dict[str, int] = {}
        # The snapshot, until the log was seen to continue what its slices hold.
        self.unproved: Manifest | None = None


def never() -> bool:
    """Recover to the end."""
    return False


async def recover(  # noqa: PLR0913 - the parts meet here
    partition: int,
    log: EventLog,
    store: SnapshotStore,
    *,
    window_ids: int,
    cancelled: Callable[[], bool] = never,
    pace: Pace | None = None,
) -> Recovered:
    """The state of a partition, read in turns with all who have the same `pace`.

    Raises what reading the log raises, WrongLedger, LogRegressed if the log ends before what the
    snapshot holds, and LogUnavailable soon after `cancelled` says so.
    """
    return await _Recovery(partition, log, store, window_ids, cancelled, pace or Pace()).run()


class _Unusable(Exception):
    """The snapshot cannot be used; whatever is wrong with a cache, the log is right."""


class _Cancelled(LogUnavailable):
    """Nobody needs the partition any more."""


class _Recovery:
    def __init__(  # noqa: PLR0913, PLR0917 - what `recover` was given
        self,
        partition: int,
        log: EventLog,
        store: SnapshotStore,
        window_ids: int,
        cancelled: Callable[[], bool],
        pace: Pace,
    ) -> None:
        self._partition = partition
        self._log = log
        self._store = store
        self._window_ids = window_ids
        self._cancelled = cancelled
        self._pace = pace

    async def run(self) -> Recovered:
        opened = await self._opened()
        recovered, why_not = None, None
        try:
            recovered = await self._with_snapshot(opened)
        except _Unusable as error:
            why_not = str(error)
            _log.warning(
                "partition %d: the snapshot is ignored, all of the log is read: %s",
                self._partition,
                why_not,
            )
        if recovered is None:
            recovered = Recovered(self._partition, self._window_ids)
            await self._tail(recovered)
        recovered.why_not = why_not
        recovered.folded = {}
        if recovered.state.offset == 0:
            raise LogUnavailable(f"partition {self._partition} looks empty at the moment")
        if recovered.state.ledger_id != opened.ledger_id:
            raise WrongLedger(f"partition {self._partition} changed its ledger while it was read")
        return recovered

    async def _opened(self) -> Opened:
        first = await self._read(0, records_max=1)
        if not first.records:
            # The service has written it; whoever answered has not heard of it yet.
            raise LogUnavailable(f"partition {self._partition} looks empty at the moment")
        record = first.records[0]
        if record.counts and record.offset == 0:
            fact = Codec().decode(record)[1]
            if isinstance(fact, Opened):
                return fact
        raise WrongLedger(f"partition {self._partition} does not begin with ledger.opened")

    async def _with_snapshot(self, opened: Opened) -> Recovered | None:
        """Recover from the newest snapshot. None if there is none, _Unusable if it is no good."""
        partition, store = self._partition, self._store
        found = await self._patiently(lambda: loading.newest(partition, store, opened.ledger_id))
        if found is None:
            return None
        generation, manifest = found
        await self._reach(manifest)
        await self._patiently(lambda: loading.check_head(partition, self._read_one, manifest))
        recovered = await self._patiently(lambda: self._load(generation, manifest))
        await _trim(recovered.window)
        recovered.unproved = manifest
        await self._tail(recovered)
        return recovered

    async def _patiently(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try again for some seconds what the store or the log could not do at the moment."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + SNAPSHOT_SECONDS
        pause, longest = RETRY_PAUSE_SECONDS
        while True:
            self._go_on()
            try:
                return await attempt()
            except _Cancelled:
                raise
            except Exception as error:
                lasting = not isinstance(error, LogUnavailable)
                if lasting or loop.time() + pause > give_up_at:
                    raise _Unusable(f"{type(error).__name__}: {error}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _reach(self, manifest: Manifest) -> None:
        """The log must hold all that the snapshot was made of. Raises LogRegressed."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + SHORT_SECONDS
        pause, longest = RETRY_PAUSE_SECONDS
        while True:
            self._go_on()
            end = await self._log.end(self._partition)
            if end >= manifest.until_offset:
                return
            if loop.time() + pause > give_up_at:
                raise LogRegressed(
                    f"partition {self._partition} ends at {end}, and a snapshot of the same ledger "
                    f"was made of records up to {manifest.until_offset}; if the log was cut on "
                    "purpose, delete the snapshots"
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _load(self, generation: int, manifest: Manifest) -> Recovered:
        recovered = Recovered(self._partition, self._window_ids)
        state = recovered.state
        state.ledger_id = manifest.ledger_id
        state.offset = recovered.snapshot_offset = manifest.from_offset
        state.level, state.recorded_ms = manifest.level, manifest.recorded_ms
        recovered.chain.head = manifest.head
        parts = loading.checked_parts(self._partition, self._store, generation, manifest)
        async for part in parts:
            await self._pace.turn(TURN_COMMANDS_MAX)
            self._go_on()
            loading.apply_part(part, state, recovered.window, recovered.folded)
            recovered.names.follow(state.skus)
        loading.check_ids(self._partition, recovered.window)
        return recovered

    async def _tail(self, recovered: Recovered) -> None:
        """Fold what came after the snapshot."""
        state = recovered.state
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + SNAPSHOT_SECONDS
        while True:
            part = await self._read(state.offset, records_max=_READ_RECORDS)
            if part.next_offset > state.offset:
                give_up_at = loop.time() + SNAPSHOT_SECONDS
            for start in range(0, len(part.records), TURN_RECORDS_MAX):
                await self._pace.turn(TURN_COMMANDS_MAX)
                _take(part.records[start : start + TURN_RECORDS_MAX], recovered)
            _reached(part.next_offset, recovered)
            if state.offset < part.end:
                await asyncio.sleep(0)
                continue
            if recovered.unproved is None:
                return
            if loop.time() > give_up_at:
                raise LogUnavailable(f"partition {self._partition} is not shown to its end")
            # Whoever answers is behind; the log itself was long enough.
            await asyncio.sleep(RETRY_PAUSE_SECONDS[0])

    async def _read(self, offset: int, records_max: int) -> Slice:
        self._go_on()
        return await self._log.read(self._partition, offset, records_max=records_max)

    async def _read_one(self, offset: int) -> Slice:
        return await self._read(offset, records_max=1)

    def _go_on(self) -> None:
        if self._cancelled():
            raise _Cancelled("the service is shutting down")


async def _trim(window: Window) -> None:
    """The snapshot may come from a larger window."""
    while window.shrink():  # noqa: ASYNC110 - nothing is waited for
        await asyncio.sleep(0)


def _take(records: Sequence[Record], recovered: Recovered) -> None:
    """Fold what was read; the oldest ids leave the window at once."""
    facts = []
    for record in records:
        if recovered.unproved is not None:
            _prove(recovered.unproved, record.offset, recovered)
        if record.counts:
            fact = recovered.chain.accept(record)
            _fold(fact, recovered)
            facts.append(fact)
    recovered.window.extend(ids_used(facts))
    recovered.names.follow(recovered.state.skus)


def _reached(offset: int, recovered: Recovered) -> None:
    """All records before that offset were folded, if there were any."""
    recovered.state.offset = max(recovered.state.offset, offset)
    if recovered.unproved is not None:
        _prove(recovered.unproved, recovered.state.offset, recovered)


def _prove(manifest: Manifest, offset: int, recovered: Recovered) -> None:
    """Once all before `until_offset` is read: it must be the very same that the slices hold."""
    if offset < manifest.until_offset:
        return
    if recovered.chain.head != manifest.until_head:
        raise _Unusable(
            f"the log has another history before offset {manifest.until_offset} than the snapshot"
        )
    recovered.unproved = None


# What changes one SKU and nothing else but ids and what was undone.
_OF_SKU = (Moved, ItemDefined, *SUPPLY_FACTS)


def _fold(fact: Fact, recovered: Recovered) -> None:
    if type(fact) is WriterClaimed:
        recovered.owner = fact
    if isinstance(fact, _OF_SKU) and fact.offset < recovered.folded.get(fact.sku, 0):
        loading.note(fact, recovered.state)
        return
    evolve(recovered.state, fact)
