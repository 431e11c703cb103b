"""What a command gets whose id was used before: the first answer again, or a refusal.

The event in the log holds the normalised command, so nothing needs to be remembered but where it
lies: the answer is read from there.
"""

import asyncio
from collections.abc import Iterable, Sequence

from ledger.domain.facts import Command, Fact, Moved, RaiseLevel, Refused, Resolved
from ledger.domain.items import DefineItem, ItemDefined, canonical_item, normalise_item
from ledger.domain.movements import MovementCommand, Reversal, normalise
from ledger.domain.rejections import Rejected
from ledger.domain.supply import SUPPLY_COMMANDS, SUPPLY_FACTS, SupplyCommand, normalise_supply
from ledger.errors import LedgerError, LogUnavailable
from ledger.events.codec import fingerprint
from ledger.events.decoding import Codec
from ledger.log import EventLog
from ledger.writer.batch import Duplicate
from ledger.writer.hand import not_now
from ledger.writer.idempotency import IdIndex
from ledger.writer.metrics import Metrics
from ledger.writer.outcomes import ANSWERED, Answered, Outcome, Replayed

# Answers being looked up at once; more wait, so that repeats cannot crowd out new commands.
_LOOKUPS_MAX = 4
_READ_RECORDS = 1_000
# Records further apart than this are read one by one.
_GAP_MAX = 200


class Replies:
    """Looks up first answers for one partition."""

    def __init__(
        self, partition: int, log: EventLog, index: IdIndex | None, metrics: Metrics
    ) -> None:
        """`index` finds ids older than the window."""
        self._partition = partition
        self._log = log
        self._index = index
        self._metrics = metrics
        self._codec = Codec()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_LOOKUPS_MAX)
        # Repeats that are not answered yet; they count against the queue's limit.
        self.pending = 0

    def answer(self, duplicates: Sequence[Duplicate], fresh: Sequence[Fact]) -> None:
        """Answer repeated commands, in the background if the log must be read for it."""
        by_offset = {fact.offset: fact for fact in fresh}
        far = []
        for duplicate in duplicates:
            fact = by_offset.get(duplicate.offset)
            if fact is None:
                far.append(duplicate)
            else:
                _deliver(duplicate, fact)
        if far:
            self.pending += len(far)
            task = asyncio.create_task(self._look_up(far))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until every repeat is answered."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _look_up(self, duplicates: list[Duplicate]) -> None:
        async with self._room:
            # Those whose callers have given up meanwhile are not worth a look.
            waiting = [entry for entry in duplicates if not entry.submission.cancelled]
            try:
                facts = await self.facts_at({entry.offset for entry in waiting})
                for entry in waiting:
                    _deliver(entry, facts[entry.offset])
            except LedgerError as error:
                for entry in waiting:
                    if entry.submission.outcomes[entry.index] is None:
                        late = not_now(entry.submission, entry.index, str(error))
                        entry.submission.answer(entry.index, late)
            finally:
                self.pending -= len(duplicates)

    async def facts_at(self, offsets: Iterable[int]) -> dict[int, Fact]:
        """Facts by offset, read in as few runs as the gaps allow."""
        wanted = sorted(offsets)
        facts: dict[int, Fact] = {}
        position = 0
        while position < len(wanted):
            start = wanted[position]
            last = position
            while (
                last + 1 < len(wanted)
                and wanted[last + 1] - wanted[last] <= _GAP_MAX
                and wanted[last + 1] - start < _READ_RECORDS
            ):
                last += 1
            needed = set(wanted[position : last + 1])
            facts.update(await self._read_run(start, wanted[last], needed))
            position = last + 1
        return facts

    async def _read_run(self, start: int, last: int, needed: set[int]) -> dict[int, Fact]:
        facts: dict[int, Fact] = {}
        while start <= last:
            part = await self._log.read(
                self._partition, start, records_max=min(_READ_RECORDS, last - start + 1)
            )
            for record in part.records:
                if record.offset in needed and record.counts:
                    facts[record.offset] = self._codec.decode(record)[1]
            if part.next_offset <= start:
                break
            start = part.next_offset
        missing = needed - facts.keys()
        if missing:
            raise LogUnavailable(f"the record at offset {min(missing)} could not be read")
        return facts

    async def fact_at(self, offset: int) -> Fact:
        """The fact of one counting record."""
        return (await self.facts_at([offset]))[offset]

    async def find_old(self, ids: Sequence[str], window_start: int | None) -> dict[str, int]:
        """Where ids older than the window were used.

        The index is trusted only if it has read as far as the window reaches back. Raises
        LogUnavailable while it has not, because "never used" would be a guess.
        """
        if self._index is None:
            raise LogUnavailable("ids older than the window need the views, which are not there")
        self._metrics.index_lookups += 1
        try:
            position = await self._index.position(self._partition)
            found = await self._index.find(self._partition, ids)
        except LedgerError as error:
            # A view that fails makes some commands wait; it must not stop the partition.
            raise LogUnavailable(f"the id index cannot be asked: {error}") from error
        if position < (window_start or 0):
            raise LogUnavailable("the id index has not caught up yet")
        return found


def _deliver(duplicate: Duplicate, fact: Fact) -> None:
    duplicate.submission.answer(duplicate.index, _reply(duplicate, fact))


def _reply(duplicate: Duplicate, fact: Fact) -> Outcome:
    if not isinstance(fact, ANSWERED):
        raise LogUnavailable(f"offset {fact.offset} is not what the id index says")
    if same(duplicate.command, fact):
        own = duplicate.submission.stated(duplicate.index, fact)
        return fact if own else Replayed(fact)
    return key_reused(duplicate.command)


def key_reused(command: Command) -> Rejected:
    """The refusal of a command whose id was used for another one."""
    detail = f"the id {command.id} was used for other content; send a new id"
    return Rejected("idempotency_key_reused", detail)


def same(command: Command, fact: Answered) -> bool:
    """Whether a command is the one that led to the fact, whatever its spelling."""
    asked = command.command if type(command) is Resolved else command
    if type(asked) is DefineItem:
        if type(fact) is Refused:
            # Logs of before hold that of the description as it was spelled.
            return fact.fingerprint in {fingerprint(normalise_item(asked)), fingerprint(asked)}
        wanted = (asked.sku, canonical_item(asked.item))
        return type(fact) is ItemDefined and (fact.sku, fact.item) == wanted
    if type(asked) is RaiseLevel:
        return False
    if isinstance(asked, SUPPLY_COMMANDS):
        return _same_supply(asked, fact)
    return _same_movement(asked, fact)  # type: ignore[arg-type]


def _same_supply(asked: SupplyCommand, fact: Answered) -> bool:
    normalise_supply(asked)
    if isinstance(fact, SUPPLY_FACTS):
        return asked == fact.command
    return type(fact) is Refused and fingerprint(asked) == fact.fingerprint


def _same_movement(asked: MovementCommand | Reversal, fact: Answered) -> bool:
    normalise(asked)
    if type(fact) is Moved:
        return asked == fact.command
    return type(fact) is Refused and fingerprint(asked) == fact.fingerprint
