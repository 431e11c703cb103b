"""One batch: commands decided on the state as it stands, and the records that say so.

`Decider.fill` is the hot path: bytes were decoded before it and are appended after it; in it there
is no I/O, no logging, no await.
"""

from collections.abc import Collection, Sequence

from ledger.domain.checks import all_sound
from ledger.domain.context import Context, Rules
from ledger.domain.decider import PLAIN, Decision, decide, decide_movement, evolve, undo
from ledger.domain.evolution import Undo, evolve_moved
from ledger.domain.facts import Command, Fact, Moved, Refused, Resolved
from ledger.domain.items import ItemDefined
from ledger.domain.movements import CustomerReturn, Receipt, Reversal
from ledger.domain.rejections import Rejected
from ledger.domain.stock import PartitionState
from ledger.domain.supply import (
    SUPPLY_FACTS,
)
from ledger.events.envelope import TRAIL_LEVEL
from ledger.events.levels import event_type_of, level_needed
from ledger.events.packing import mark, pack
from ledger.events.recording import record
from ledger.log import BATCH_VALUE_BYTES_MAX, NewRecordTuple, Packed
from ledger.writer.outcomes import Outcome
from ledger.writer.queue import Submission
from ledger.writer.refusals import level_too_low, refusal

# Records in one batch. Larger ones gain little and make everybody in the batch wait.
BATCH_RECORDS_MAX = 1_000
# With so many no more slices are taken where the log makes the records: it does so while others are
# decided, and with small batches neither side waits until the other is through with all there is.
PACKED_RECORDS_ENOUGH = 250
# Fewer commands than this are looked at one by one.
TOGETHER_MIN = 8
# The classes of commands that may name an earlier movement.
_NAMING = frozenset({Reversal, CustomerReturn})
# By about so much the document of a fact is longer than the fact as it is packed.
_UNPACKED_BYTES = 256


class Duplicate:
    """A command whose id was used before, at `offset`; what it gets is known after a look there."""

    __slots__ = ("command", "index", "offset", "submission")

    def __init__(self, submission: Submission, index: int, command: Command, offset: int) -> None:
        """The command stands at `index` of its submission."""
        self.submission = submission
        self.index = index
        self.command = command
        self.offset = offset


class Batch:
    """What was decided together, and how to take it back."""

    __slots__ = (
        "answers",
        "bytes",
        "duplicates",
        "enough",
        "facts",
        "head",
        "head_before",
        "ids_used",
        "offset",
        "packed",
        "records",
        "refused",
        "slices",
        "undos",
    )

    def __init__(self, offset: int, head: str, enough: int = BATCH_RECORDS_MAX) -> None:
        """An empty batch that will state `offset` and continues the chain at `head`."""
        self.enough = enough
        self.offset = offset
        self.head_before = self.head = head
        self.slices: list[tuple[Submission, int, int]] = []
        # Per slice: where it starts, and an outcome for each of its commands (None: a duplicate).
        self.answers: list[tuple[Submission, int, list[Outcome | None]]] = []
        self.duplicates: list[Duplicate] = []
        self.facts: list[Fact] = []
        # What the log stores, until it is handed over: records, or facts that it makes them of.
        self.records: list[NewRecordTuple] = []
        self.packed: list[Packed] = []
        self.undos: list[Undo] = []
        self.bytes = 0
        self.refused = 0
        self.ids_used = 0

    def give_up_records(self) -> list[NewRecordTuple]:
        """The records, for the log; a batch that has to be appended again is decided again."""
        records, self.records = self.records, []
        return records

    @property
    def full(self) -> bool:
        """Whether nothing more should be decided into it."""
        return len(self.facts) >= self.enough or self.bytes >= BATCH_VALUE_BYTES_MAX


def needs_original(command: Command) -> bool:
    """Whether an earlier movement must be read before the command can be decided."""
    return type(command) is Reversal or (
        type(command) is CustomerReturn and command.original_id is not None
    )


def naming(commands: Sequence[Command]) -> list[Command]:
    """Those of many commands for which an earlier movement must be read."""
    if _NAMING.isdisjoint(map(type, commands)):
        return []
    return [*filter(needs_original, commands)]


def original_name(command: Command) -> str:
    """The id of the earlier movement that a command names."""
    return getattr(command, "reverses", None) or getattr(command, "original_id", None) or ""


def take_back(state: PartitionState, batch: Batch) -> None:
    """Undo everything that the batch did to the state, the newest first."""
    for fact, token in zip(reversed(batch.facts), reversed(batch.undos), strict=True):
        undo(state, fact, token)


class Decider:
    """Decides commands of one partition into batches."""

    def __init__(
        self,
        partition: int,
        state: PartitionState,
        rules: Rules,
        type_levels: dict[str, int],
        *,
        packs: bool = False,
    ) -> None:
        """`type_levels`: the level a log must have before a type of event is written. `packs`: the
        log makes records of facts itself."""
        self._packs = packs
        self.partition = partition
        self.state = state
        self.rules = rules
        self.source = ""
        self._type_levels = type_levels
        self._level_needed = max(type_levels.values())
        # Commands of these classes are good at every level, unless a receipt names an order.
        self._always = frozenset(
            kind for kind in PLAIN if type_levels.get(event_type_of(kind), 1) == 1
        )

    def fill(  # noqa: C901, PLR0913, PLR0917 - the hot loop, in one piece
        self,
        batch: Batch,
        submission: Submission,
        start: int,
        stop: int,
        now_ms: int,
        old: dict[str, int] | None = None,
        originals: dict[str, Fact] | None = None,
    ) -> int:
        """Decide commands from `start` on into the batch, up to `stop` or until it is full.

        Returns the index behind the last command decided. `old` holds those ids of the slice that
        are older than the window, `originals` the earlier movements that its commands name and
        that lie in front of this batch.
        """
        state = self.state
        ids = state.ids
        commands = submission.commands
        recorded_ms = max(now_ms, state.recorded_ms)
        sound = submission.sound or (
            stop - start >= TOGETHER_MIN and all_sound(commands[start:stop])
        )
        trail = submission.request.trail if state.level >= TRAIL_LEVEL else None
        # Where facts are packed, it goes along once for all of them.
        given = None if self._packs else trail
        context = Context(self.rules, recorded_ms, submission.actor, sound, given)
        gated = state.level < self._level_needed
        answers: list[Outcome | None] = []
        facts: list[Fact] = []
        undos = batch.undos
        # A command makes one record at most.
        stop = min(stop, start + BATCH_RECORDS_MAX - len(batch.facts))
        for index in range(start, stop):
            command = commands[index]
            known = ids.get(command.id or "")
            if known is None and old is not None:
                known = old.get(command.id or "")
            if known is not None:
                batch.duplicates.append(Duplicate(submission, index, command, known))
                answers.append(None)
                continue
            if gated and self._too_new(command):
                answers.append(level_too_low(state.level))
                continue
            decision: Decision | Refused
            if type(command) in PLAIN:
                decision = decide_movement(state, command, context)  # type: ignore[arg-type]
            else:
                if needs_original(command):
                    command = self._resolve(command, batch.facts, facts, originals or {})
                decision = decide(state, command, context)
            if type(decision) is Rejected:
                if not decision.needs_state:
                    answers.append(decision)
                    continue
                decision = refusal(state.offset, command, decision, context)
                batch.refused += 1
            if type(decision) is Moved:
                undos.append(evolve_moved(state, decision))
            else:
                undos.append(evolve(state, decision))
            facts.append(decision)
            answers.append(decision)
        if stop > start:
            batch.slices.append((submission, start, stop))
            batch.answers.append((submission, start, answers))
        # In a loop of its own: two tight loops run faster than one long one.
        self._write(batch, facts, submission.request.traceparent, trail)
        return stop

    def _too_new(self, command: Command) -> bool:
        """Whether the log must be raised before the command; hardly anything for a movement."""
        kind = type(command)
        if kind in self._always and (kind is not Receipt or command.supply_order is None):  # type: ignore[union-attr]
            return False
        return level_needed(command, self._type_levels) > self.state.level

    def _resolve(
        self,
        command: Command,
        earlier: Sequence[Fact],
        fresh: Sequence[Fact],
        originals: dict[str, Fact],
    ) -> Resolved:
        """The command with the movement that it names: one of this slice, of this batch in front
        of it, or an older one."""
        name = original_name(command)
        offset = self.state.ids.get(name, -1)
        original: Fact | None = None
        if fresh and offset >= fresh[0].offset:
            original = fresh[offset - fresh[0].offset]
        elif earlier and offset >= earlier[0].offset:
            original = earlier[offset - earlier[0].offset]
        else:
            original = originals.get(name)
        return Resolved(command, original if type(original) is Moved else None)  # type: ignore[arg-type]

    def _write(
        self,
        batch: Batch,
        facts: list[Fact],
        traceparent: bytes | None,
        trail: bytes | None,
    ) -> None:
        """What the log is to store of facts just decided."""
        if self._packs:
            packed = pack(facts, traceparent, trail)
            mark(facts, trail)
            batch.packed += packed
            batch.bytes += sum(len(one.facts) for one in packed) + len(facts) * _UNPACKED_BYTES
        else:
            batch.head, size = record(
                self.partition, self.source, batch.head, facts, traceparent, batch.records
            )
            batch.bytes += size
        batch.facts += facts
        batch.ids_used += ids_used(facts)


def ids_used(facts: Collection[Fact]) -> int:
    """How many ids counting facts use up."""
    # Nearly all are movements, and those are told faster by their class.
    return sum([type(fact) is Moved or isinstance(fact, _WITH_ID) for fact in facts])


_WITH_ID = (Moved, Refused, ItemDefined, *SUPPLY_FACTS)
