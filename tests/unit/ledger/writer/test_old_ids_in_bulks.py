"""A bulk with an id that cannot be looked up: nothing behind it counts before it."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.domain.facts import Moved, WriterClaimed
from ledger.writer.outcomes import Outcome, Unavailable
from ledger.writer.queue import SLICE_COMMANDS
from tests import builders as make
from tests.simulation.clock import now_ms, run
from tests.unit.ledger.writer.harness import (
    Append,
    ScriptedLog,
    World,
    late,
    lost_answer,
    lost_request,
    tell_all,
    writer_of,
)
from tests.unit.ledger.writer.test_old_ids import Index, filled, small_filters

__all__ = ["small_filters"]


async def _bulk_cut_short(
    landing: Append, between: Callable[[World], None] = lambda _world: None
) -> tuple[World, list[str], list[Outcome]]:
    """A bulk of three slices. The ids of the second cannot be looked up, until its batch is under
    way; the append of that comes to `landing`, after `between`."""
    world = World()
    index, log = Index(world), world.log()
    count = 3 * SLICE_COMMANDS
    async with world.ledger(log, index=index, window_ids=10) as ledger:
        await filled(ledger)
        index.fails = True

        async def append(one: ScriptedLog, *batch: Any) -> int:
            index.fails = False
            between(world)
            return await landing(one, *batch)

        log.script = [append]
        names = [f"new-{n}" for n in range(count)]
        # It was used long ago, so that the filter suspects it.
        names[SLICE_COMMANDS] = "old-0"
        answers = await tell_all(ledger, [make.receipt("1", id=name) for name in names])
        assert writer_of(ledger).queue.waiting == 0
    return world, names, answers


def _check_cut(world: World, names: list[str], answers: list[Outcome]) -> None:
    size = SLICE_COMMANDS
    kinds = [Moved] * size + [Unavailable] * 2 * size
    assert [type(one) for one in answers] == kinds
    assert world.ids()[-size:] == names[:size]


@pytest.mark.parametrize("landing", [lost_answer, lost_request, late(0.01)])
def test_what_could_not_be_looked_up_never_comes_behind_what_followed_it(landing: Append) -> None:
    """It is answered at once and for good, with all behind it, whatever becomes of its batch."""

    async def main() -> None:
        _check_cut(*await _bulk_cut_short(landing))

    run(main())


def test_what_could_not_be_looked_up_stays_answered_after_a_conflict() -> None:
    """What was in front of it is put back: another writer had claimed the log."""

    def claim(world: World) -> None:
        world.write(WriterClaimed(len(world.broker.partitions[0]), "other", "", now_ms()))

    async def land(log: ScriptedLog, *batch: Any) -> int:
        return log.broker.land(*batch)

    async def main() -> None:
        world, names, answers = await _bulk_cut_short(land, claim)
        _check_cut(world, names, answers)
        assert any(not record.counts for record in world.broker.partitions[0])

    run(main())
