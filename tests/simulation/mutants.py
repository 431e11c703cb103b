"""Ways to break the ledger, each of which the auditor has to see."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ledger.domain.decider import evolve
from ledger.domain.facts import Fact
from ledger.domain.stock import PartitionState
from ledger.errors import LogUnavailable
from ledger.ownership.desks import Desks
from ledger.ownership.lanes import Lane
from ledger.ownership.remote import RemotePartition
from ledger.ownership.wire import PartReply
from ledger.writer.batch import Batch, Decider
from ledger.writer.draft import Draft
from ledger.writer.hand import Hand, not_now
from ledger.writer.outcomes import Outcome
from ledger.writer.partition import PartitionWriter
from ledger.writer.queue import Submission
from ledger.writer.recovery import Recovered
from tests.simulation.faulty_log import FaultyLog


def _append_believes_everything(original: Callable[..., Any]) -> Callable[..., Any]:
    async def append(self: FaultyLog, partition: int, offset: int, records: Any) -> int:
        await original(self, partition, offset, records)
        return offset

    return append


def _fill_forgets_ids(original: Callable[..., Any]) -> Callable[..., Any]:
    def fill(self: Decider, batch: Batch, *rest: Any) -> int:
        remembered, self.state.ids = self.state.ids, {}
        try:
            return int(original(self, batch, *rest))
        finally:
            remembered.update(self.state.ids)
            self.state.ids = remembered

    return fill


def _fold_twice(fact: Fact, recovered: Recovered) -> None:
    with suppress(KeyError):  # a supply order that is closed cannot even be closed again
        evolve(recovered.state, fact)


def _never_unsure(self: Submission, index: int) -> bool:
    return False


def _tried_again_with_its_batch(original: Callable[..., Any]) -> Callable[..., Any]:
    async def decide(self: Draft, position: int) -> bool:
        submission, start, stop = self.hand.slices[position]
        commands = [*submission.commands[start:stop]]
        try:
            await self._lookup.before(commands, self.batch.offset, lambda _count: [])
        except LogUnavailable as error:
            answers: list[Outcome | None] = [
                not_now(submission, index, str(error)) for index in range(start, stop)
            ]
            self.batch.answers.append((submission, start, answers))
            return True
        return bool(await original(self, position))

    return decide


def _answers_one_slice(self: Hand, position: int, _queue: object, why: str) -> None:
    submission, start, stop = self.slices.pop(position)
    for index in range(start, stop):
        submission.answer(index, not_now(submission, index, why))


def _no_undo(state: object, batch: Batch) -> None:
    """Leave a void batch in the state."""


def _no_count(self: PartitionState, offset: int, quantity: int) -> None:
    """Let goods come back as often as anybody likes."""


def _nothing_came(sku: object, noted: object, quantity: int) -> None:
    """Let supply orders be open for ever for all that was ordered."""


# Target of the patch, and what takes its place.
Mutants = dict[str, tuple[str, object]]

WRITER_MUTANTS: Mutants = {
    "a void batch is taken for a counting one": (
        "tests.simulation.faulty_log.FaultyLog.append",
        _append_believes_everything(FaultyLog.append),
    ),
    "a void batch is not undone": ("ledger.writer.draft.take_back", _no_undo),
    "what came back is not counted": (
        "ledger.domain.stock.PartitionState.come_back",
        _no_count,
    ),
    "what came of an order is not counted": (
        "ledger.domain.evolution.count_received",
        _nothing_came,
    ),
    "ids are forgotten": ("ledger.writer.batch.Decider.fill", _fill_forgets_ids(Decider.fill)),
    "the tail is folded into what the snapshot holds": (
        "ledger.writer.recovery._fold",
        _fold_twice,
    ),
    "an append of unknown outcome is forgotten": (
        "ledger.writer.queue.Submission.unsure",
        _never_unsure,
    ),
}

# Met in a storm, where answers are lost and look-ups fail.
STORM_MUTANTS: Mutants = {
    "what could not be looked up is tried again with its batch": (
        "ledger.writer.draft.Draft._decide",
        _tried_again_with_its_batch(Draft._decide),
    ),
    "a bulk goes on behind what could not be looked up": (
        "ledger.writer.hand.Hand.answer_now",
        _answers_one_slice,
    ),
}


def _sends_on(original: Callable[..., bool]) -> Callable[..., bool]:
    def offer(self: RemotePartition, submission: Submission) -> bool:
        submission.forwarded = False
        return original(self, submission)

    return offer


def _never_released(original: Callable[..., None]) -> Callable[..., None]:
    def want(self: PartitionWriter, *, wanted: bool) -> None:
        original(self, wanted=wanted or self.tenure.wanted)

    return want


def _ended_drops(original: Callable[..., None]) -> Callable[..., None]:
    def ended(self: Desks, partition: int, waiting: Sequence[Submission]) -> None:
        original(self, partition, ())

    return ended


def _parts_in_another_order(original: Callable[..., Any]) -> Callable[..., Any]:
    def decoded(self: Lane, answer: bytes, count: int) -> list[PartReply]:
        return list(reversed(original(self, answer, count)))

    return decoded


def _compares_nothing(advances: object, stored: object) -> None:
    """Write whatever another projector may have written."""


def _elsewhere_is_an_answer(
    self: RemotePartition,
    submission: Submission,
    indexes: list[int],
    outcomes: list[Outcome],
    before: int,
) -> bool:
    submission.next = before
    for index, outcome in zip(indexes, outcomes, strict=True):
        submission.answer(index, outcome)
    return True


def _silence_is_no(original: Callable[..., Any]) -> Callable[..., Any]:
    def hand_over(self: RemotePartition, *rest: Any) -> bool:
        *others, _before = rest
        return bool(original(self, *others, 0))

    return hand_over


def _never_here(original: Callable[..., None]) -> Callable[..., None]:
    def began(self: Desks, partition: int) -> None:
        original(self, partition)
        self.remotes[partition].own_writer = None

    return began


SHARING_MUTANTS: Mutants = {
    "what was forwarded is sent on": (
        "ledger.ownership.remote.RemotePartition.offer",
        _sends_on(RemotePartition.offer),
    ),
    "a released writer keeps claiming": (
        "ledger.writer.partition.PartitionWriter.want",
        _never_released(PartitionWriter.want),
    ),
    "what waits is dropped on hand-over": (
        "ledger.ownership.desks.Desks._ended",
        _ended_drops(Desks._ended),
    ),
    "what waits for another owner stays there": (
        "ledger.ownership.desks.Desks._began",
        _never_here(Desks._began),
    ),
    "answers go to the wrong part of a bundle": (
        "ledger.ownership.lanes.Lane._decoded",
        _parts_in_another_order(Lane._decoded),
    ),
    "elsewhere is taken for an answer": (
        "ledger.ownership.remote.RemotePartition._hand_over",
        _elsewhere_is_an_answer,
    ),
    "an attempt without an answer is taken for none": (
        "ledger.ownership.remote.RemotePartition._hand_over",
        _silence_is_no(RemotePartition._hand_over),
    ),
    "a projector writes without comparing": (
        "projections.checkpoints.compare",
        _compares_nothing,
    ),
}
