"""Recovery needs little memory, and lets others work meanwhile."""

import asyncio
from typing import Any

import pytest

from ledger.writer import recovery
from ledger.writer.pace import Pace
from ledger.writer.recovery import Recovered, recover
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import World
from tests.unit.ledger.writer.snapshot_cases import both, grown, small_slices

__all__ = ["small_slices"]
pytestmark = pytest.mark.usefixtures("small")


@pytest.mark.parametrize("snapshot", [True, False])
@pytest.mark.parametrize("window_ids", [1, 10, 25, 40])
def test_ids_leave_while_the_log_is_read(
    window_ids: int, snapshot: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory holds a window and what one read brings, whatever the length of the log."""
    monkeypatch.setattr(recovery, "_READ_RECORDS", 7)

    async def main() -> None:
        world = World()
        assert await grown(world, 6) > 0
        most = 0
        fold = recovery._fold

        def watching(fact: Any, recovered: Recovered) -> None:
            nonlocal most
            fold(fact, recovered)
            most = max(most, len(list(recovered.window.items())))

        monkeypatch.setattr(recovery, "_fold", watching)
        with_snapshot, replayed = await both(world, window_ids=window_ids)
        one = with_snapshot if snapshot else replayed
        assert with_snapshot.snapshot_offset > 0
        generation = window_ids // 4 + 7
        assert most <= window_ids + generation + 7
        ids = world.ids()
        assert one.window.limit == window_ids
        held = [identity for identity, _ in one.window.items()]
        assert window_ids <= len(held) <= window_ids + generation
        assert held == ids[-len(held) :]
        gone = ids[: -len(held)]
        assert one.window.old.perhaps(gone) == gone

    run(main())


def test_recovery_of_many_partitions_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else waits for longer than it takes to fold a few records."""

    async def main() -> None:
        world, loop, since_turn, most = World(), asyncio.get_running_loop(), 0, 0
        await grown(world, 6, snapshot_every_records=10_000)
        fold = recovery._fold

        def watching(fact: Any, recovered: Recovered) -> None:
            nonlocal since_turn, most
            fold(fact, recovered)
            if since_turn == 0:
                loop.call_soon(turn)
            since_turn += 1
            most = max(most, since_turn)

        def turn() -> None:
            nonlocal since_turn
            since_turn = 0

        monkeypatch.setattr(recovery, "_fold", watching)
        pace = Pace()
        both = await asyncio.gather(
            *(recover(0, world.log(), world.store, window_ids=25, pace=pace) for _ in range(4))
        )
        assert {one.state.offset for one in both} == {len(world.facts())}
        assert 0 < most <= 2 * 3

    run(main())
