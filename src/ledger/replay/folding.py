"""From the log to what it adds up to: one partition, up to a place or an instant."""

from collections.abc import Callable
from contextlib import aclosing

from ledger.domain.decider import evolve
from ledger.domain.facts import Fact
from ledger.domain.stock import PartitionState
from ledger.errors import LedgerError
from ledger.log import EventLog, Record
from ledger.replay.reading import ends, read_records
from ledger.replay.walk import Walk

Take = Callable[[Fact], object]
Progress = Callable[[int], object]


class FactImpossible(LedgerError):
    """A record counts, but what it says cannot be true after the records in front of it."""


class StateFold:
    """Folds facts to the state that a writer holds, by the domain's own `evolve`.

    The ids of commands are forgotten unless `keep_ids`: nothing that is asked of history needs
    them, and there are as many as movements.
    """

    __slots__ = ("keep_ids", "state")

    def __init__(self, *, keep_ids: bool = False) -> None:
        """An empty partition."""
        self.state = PartitionState()
        self.keep_ids = keep_ids

    def __call__(self, fact: Fact) -> None:
        """Apply the next fact."""
        evolve(self.state, fact)
        if not self.keep_ids:
            self.state.ids.clear()

    def reach(self, position: int) -> None:
        """What lies before `position` and is no fact is passed, too."""
        self.state.offset = position


async def fold(
    log: EventLog, walk: Walk, take: Take, *, until: int, progress: Progress | None = None
) -> None:
    """Give each fact before `until` to `take`, in order; `walk` stands behind the last one then.

    `progress` is told the position after each slice. It ends before `until` where the walk has a
    limit of its own. A gap in front of the end is proved by the next record that counts, if the
    log has one; else it stays in `walk.open_gaps`.
    Raises what `read_records` and `Walk.facts` raise, and FactImpossible.
    """
    slices = read_records(log, walk.partition, start=walk.position, until=until)
    async with aclosing(slices):
        async for records in slices:
            _take(walk, records, take)
            if progress is not None:
                progress(walk.position)
            if walk.stopped:
                return
    walk.reach(until)
    if walk.open_gaps:
        await _prove(log, walk)


async def replay_state(
    log: EventLog,
    partition: int,
    *,
    until: int,
    recorded_ms_max: int | None = None,
    keep_ids: bool = False,
) -> tuple[PartitionState, Walk]:
    """The state of a partition from the log alone, and the walk that led to it.

    It holds the facts of records before `until` (see `ends`) that were recorded at
    `recorded_ms_max` at the latest. Raises what `fold` raises.
    """
    walk = Walk(partition, recorded_ms_max=recorded_ms_max)
    states = StateFold(keep_ids=keep_ids)
    await fold(log, walk, states, until=until)
    states.reach(walk.position)
    return states.state, walk


def _take(walk: Walk, records: list[Record], take: Take) -> None:
    offset = walk.position
    try:
        for record, fact, _ in walk.facts(records):
            offset = record.offset
            take(fact)
    except (AssertionError, KeyError) as error:
        # What `evolve` relies on: an order that is received was placed, and so on.
        raise FactImpossible(
            f"partition {walk.partition}, offset {offset}: the record cannot be true after those "
            f"in front of it ({type(error).__name__}: {error})"
        ) from error


async def _prove(log: EventLog, walk: Walk) -> None:
    end = (await ends(log, [walk.partition]))[walk.partition]
    slices = read_records(log, walk.partition, start=walk.position, until=end)
    async with aclosing(slices):
        async for records in slices:
            for record in records:
                if record.counts:
                    walk.prove(record)
                    return
