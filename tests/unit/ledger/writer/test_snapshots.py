"""A snapshot is a cache: with it, without it, with a bad one, the state is that of the log."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from ledger.writer import snapshots
from tests import builders as make
from tests.simulation.clock import run
from tests.simulation.faulty_log import FollowingIndex
from tests.unit.ledger.writer.harness import World, tell_all
from tests.unit.ledger.writer.snapshot_cases import (
    assert_same,
    both,
    grown,
    newest,
    parts_of,
    put_manifest,
    small_slices,
    some,
)

__all__ = ["small_slices"]
pytestmark = pytest.mark.usefixtures("small")

Damage = Callable[[World], None]


@pytest.mark.parametrize("seed", range(25))
def test_recovered_is_replayed(seed: int) -> None:
    """Whenever the snapshot was taken, with records coming between its slices."""

    async def main() -> None:
        world = World()
        taken = await grown(world, seed)
        with_snapshot, replayed = await both(world)
        assert_same(with_snapshot, replayed)
        assert with_snapshot.why_not is None
        assert taken > 0
        assert with_snapshot.snapshot_offset > 0

    run(main())


def test_ids_that_leave_while_the_snapshot_is_taken_are_not_lost() -> None:
    """More ids come while it is taken than the window holds."""

    async def main() -> None:
        world = World()
        index = FollowingIndex(world.broker, random.Random(0), 0)
        async with world.ledger(index=index, snapshot_every_records=60, window_ids=50) as ledger:
            chance, before = random.Random(1), list[str]()
            # Fewer words of the filter a batch than a slice takes, or it would never end.
            for _ in range(200):
                await tell_all(ledger, some(chance, 6, before, links=False))
        _, manifest = newest(world)
        assert manifest.until_offset > manifest.from_offset + 70, "some are still there"
        held = [offset for part in parts_of(world) for offset in part.ids.values()]
        assert held == list(range(held[0], manifest.from_offset))
        with_snapshot, replayed = await both(world)
        assert with_snapshot.snapshot_offset > 0
        assert_same(with_snapshot, replayed)

    run(main())


def _replace(**changes: Any) -> Damage:
    def damage(world: World) -> None:
        put_manifest(world, **changes)

    return damage


def _lose(which: int) -> Damage:
    def damage(world: World) -> None:
        generation, _ = newest(world)
        keys = sorted(key for key in world.store.stored if key[1] == generation)
        del world.store.stored[keys[which]]

    return damage


def _flip(which: int) -> Damage:
    def damage(world: World) -> None:
        generation, _ = newest(world)
        keys = sorted(key for key in world.store.stored if key[1] == generation)
        data = bytearray(world.store.stored[keys[which]])
        data[len(data) // 2] ^= 1
        world.store.stored[keys[which]] = bytes(data)

    return damage


def _add(world: World) -> None:
    generation, manifest = newest(world)
    part = world.store.stored[0, generation, 0]
    world.store.stored[0, generation, manifest.parts] = part


def _replace_data(data: bytes) -> Damage:
    def damage(world: World) -> None:
        world.store.manifests[0] = (world.store.manifests[0][0], data)

    return damage


def _exchange(world: World) -> None:
    generation, _ = newest(world)
    stored = world.store.stored
    one, other = (0, generation, 0), (0, generation, 1)
    stored[one], stored[other] = stored[other], stored[one]


DAMAGE: dict[str, Damage] = {
    "first part lost": _lose(0),
    "a part lost": _lose(4),
    "last part lost": _lose(-1),
    "first part flipped": _flip(0),
    "a part flipped": _flip(5),
    "a part too many": _add,
    "parts exchanged": _exchange,
    "manifest garbled": _replace_data(b"\xc1 not a manifest"),
    "another format": _replace(format=snapshots.FORMAT + 1),
    "another ledger": _replace(ledger_id="another"),
    "another head": _replace(head="0" * 64),
    "manifest empty": _replace_data(b""),
    "an older format": _replace_data(snapshots.encode({"format": snapshots.FORMAT - 1})),
    "fields missing": _replace_data(snapshots.encode({"format": snapshots.FORMAT})),
    "another partition": _replace(partition=1),
    "begins behind its end": _replace(from_offset=10**9),
    "another head at its end": _replace(until_head="0" * 64),
    "another end": _replace(until_offset=5, from_offset=5),
    "another offset": _replace(from_offset=3),
    "another hash": _replace(hash="0" * 64),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_snapshot_is_a_full_replay(damage: str) -> None:
    """Never a guess, never a failure."""

    async def main() -> None:
        world = World()
        assert await grown(world, 7, window_ids=5) > 0
        DAMAGE[damage](world)
        damaged, replayed = await both(world)
        assert damaged.snapshot_offset == 0
        assert damaged.why_not, "nobody would know why the start took so long"
        assert replayed.why_not is None
        assert_same(damaged, replayed)

    run(main())


def test_nothing_is_taken_before_enough_has_come() -> None:
    """And after a recovery it is counted from the snapshot, not from the start."""

    async def main() -> None:
        world = World()
        assert await grown(world, 1, batches=5, snapshot_every_records=10_000) == 0
        assert await grown(world, 2, batches=30) > 0
        assert await grown(world, 3, batches=1, snapshot_every_records=1_000) == 0

    run(main())


def test_a_sku_with_many_levels_is_spread_over_parts() -> None:
    """All of them show one moment, though records about it come in between."""

    async def main() -> None:
        world = World()
        index = FollowingIndex(world.broker, random.Random(0), 0)
        async with world.ledger(index=index, snapshot_every_records=150, window_ids=25) as ledger:
            for number in range(240):
                # The tail says nothing of most places again.
                place = f"bin-{number if number < 40 else number % 3}"
                await tell_all(ledger, [make.receipt(1, sku="wide", location=place)])
                await tell_all(ledger, [make.receipt(1, sku=f"sku-{number % 5}")])
        wide = [
            (part.at, len(row.levels))
            for part in parts_of(world)
            for row in part.skus
            if row.sku == "wide"
        ]
        assert len(wide) >= 40 // snapshots.SLICE_LEVELS
        assert len({at for at, _ in wide}) == 1
        assert max(size for _, size in wide) <= snapshots.SLICE_LEVELS
        assert newest(world)[1].until_offset > wide[0][0], "nothing came in between"
        with_snapshot, replayed = await both(world)
        assert with_snapshot.snapshot_offset > 0
        assert_same(with_snapshot, replayed)

    run(main())


@pytest.mark.parametrize("per_sku", [1, 3])
def test_a_slice_holds_few_levels(per_sku: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many SKUs it might hold."""
    monkeypatch.setattr(snapshots, "SLICE_SKUS", 1_000)
    monkeypatch.setattr(snapshots, "SLICE_LEVELS", 4)

    async def main() -> None:
        world = World()
        async with world.ledger(snapshot_every_records=30) as ledger:
            for number in range(60):
                place = f"bin-{number % per_sku}"
                await tell_all(ledger, [make.receipt(1, sku=f"sku-{number % 10}", location=place)])
            await asyncio.sleep(10.0)
        sizes = [sum(len(row.levels) for row in part.skus) for part in parts_of(world)]
        assert 0 < max(sizes) <= 4
        with_snapshot, replayed = await both(world)
        assert with_snapshot.snapshot_offset > 0
        assert_same(with_snapshot, replayed)

    run(main())
