"""Replaying one partition for a question."""

from typing import Any, Final

import msgspec

from ledger.domain.facts import Fact, Opened
from ledger.domain.stock import SkuState
from ledger.domain.supply import PlaceSupplyOrder, SupplyOrderClosed, SupplyOrderPlaced
from ledger.errors import WrongLedger
from ledger.log import EventLog
from ledger.replay.folding import Progress, StateFold, Take, fold
from ledger.replay.occurred import OccurredFold, occurred
from ledger.replay.turnover import Range, Turnover
from ledger.replay.walk import Gap, Walk
from ops.replay.answer import Answers, SkuAnswer, Totals
from ops.replay.question import Question

# Later than any instant of the calendar.
_FOR_EVER_US: Final = 2**62


class PartitionAnswer(msgspec.Struct):
    """One partition, replayed: `head` is the hash of the record at `head_offset`, the last that
    counts, and `position` the last offset that was replayed, -1 if there is none.

    `first_us` is when the first thing that was recorded occurred, where that was looked at.
    `skus` come in order.
    """

    partition: int
    position: int
    head_offset: int
    head: str
    counting: int
    void: int
    gaps: list[Gap]
    open_gaps: list[Gap]
    opened: Opened
    movements_in_range: int | None
    first_us: int | None
    # Whether the SKU that was asked for, if one was, is known.
    known: bool
    totals: Totals
    skus: list[SkuAnswer]

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process it goes as bytes, and not member by member."""
        return _decode, (_encode(self),)


async def replay_partition(
    log: EventLog,
    partition: int,
    question: Question,
    *,
    until: int,
    progress: Progress | None = None,
) -> PartitionAnswer:
    """The answer of one partition, from its records before `until`.

    Raises what `fold` raises, and WrongLedger if the ledger was laid out otherwise.
    """
    walk = Walk(partition, recorded_ms_max=question.as_known_at_ms)
    takers = _Takers(partition, question)
    await fold(log, walk, takers.take, until=until, progress=progress)
    takers.fold.reach(walk.position)
    opened = _opened(walk, log.partitions)
    answers = Answers(question.location, takers.placed)
    turnover = takers.turnover
    moved = None if turnover is None else turnover.skus
    skus = list(answers.make(takers.skus(), moved))
    return PartitionAnswer(
        partition=partition,
        position=walk.position - 1,
        head_offset=walk.head_offset,
        head=walk.chain.head,
        counting=walk.counting,
        void=walk.void,
        gaps=walk.gaps,
        open_gaps=walk.open_gaps,
        opened=opened,
        movements_in_range=None if turnover is None else turnover.movements,
        first_us=takers.fold.first_us if isinstance(takers.fold, OccurredFold) else None,
        known=question.sku in takers.skus(),
        totals=answers.totals,
        skus=skus,
    )


class _Takers:
    """Who is given each fact: the fold, the sums of the range, and what was ordered where."""

    def __init__(self, partition: int, question: Question) -> None:
        self._sku = question.sku
        self._as_of_us = _FOR_EVER_US if question.as_of_us is None else question.as_of_us
        self.fold: StateFold | OccurredFold = (
            StateFold() if question.as_of_us is None else OccurredFold(question.as_of_us)
        )
        self.turnover = Turnover(_range(partition, question)) if question.has_range else None
        self.placed: dict[int, PlaceSupplyOrder] = {}

    @property
    def take(self) -> Take:
        """What each fact is given to."""
        return self._take_all if self._sku is None else self._take_one

    def skus(self) -> dict[str, SkuState]:
        """What the facts came to."""
        return self.fold.state.skus

    def _take_one(self, fact: Fact) -> None:
        if getattr(fact, "sku", self._sku) == self._sku:
            self._take_all(fact)

    def _take_all(self, fact: Fact) -> None:
        self.fold(fact)
        if self.turnover is not None:
            self.turnover(fact)
        kind = type(fact)
        if kind is SupplyOrderPlaced or kind is SupplyOrderClosed:
            self._order(fact)  # type: ignore[arg-type]

    def _order(self, fact: SupplyOrderPlaced | SupplyOrderClosed) -> None:
        """A line's place and supplier are not part of the state."""
        if isinstance(fact, SupplyOrderPlaced):
            self.placed[fact.offset] = fact.command
        elif occurred(fact) <= self._as_of_us:
            self.placed.pop(fact.order_offset, None)


def _range(partition: int, question: Question) -> Range:
    after = question.since_position
    return Range(
        after_offset=None if after is None else after[partition],
        after_recorded_ms=question.since_known_at_ms,
        after_occurred_us=question.since_us,
        occurred_us_max=question.as_of_us,
    )


def _opened(walk: Walk, partitions: int) -> Opened:
    """How the ledger was opened. Where all goes well the first record says so."""
    opened = walk.opened
    if opened is None:
        raise WrongLedger(f"partition {walk.partition} holds no record that counts")
    if opened.partitions != partitions:
        raise WrongLedger(
            f"partition {walk.partition}: the ledger was opened with {opened.partitions} "
            f"partitions, and the log has {partitions}: SKUs would be looked for where they are not"
        )
    return opened


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(PartitionAnswer)


def _decode(data: bytes) -> PartitionAnswer:
    return _decoder.decode(data)
