"""A snapshot is a cache: with it, without it, with a bad one, the state is that of the log."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ledger.domain.facts import Command
from ledger.domain.items import DefineItem
from ledger.log import Slice
from ledger.service import Ledger
from ledger.writer import snapshots
from ledger.writer.recovery import Recovered, recover
from tests import builders as make
from tests.simulation.clock import run
from tests.simulation.faulty_log import Faults, FaultySnapshots, FollowingIndex
from tests.unit.ledger.writer.harness import ScriptedLog, World, picture, tell_all, writer_of

SKUS = [f"sku-{number}" for number in range(12)]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice holds two SKUs and five ids, so that a snapshot has many."""
    monkeypatch.setattr(snapshots, "SLICE_SKUS", 2)
    monkeypatch.setattr(snapshots, "SLICE_IDS", 5)
    monkeypatch.setattr(snapshots, "_FILTER_WORDS", 7)
    monkeypatch.setattr("ledger.writer.idempotency._FIRST_FILTER_IDS", 32)


def some(
    chance: random.Random, count: int, before: list[str], *, links: bool = True
) -> list[Command]:
    """Traffic: receipts, issues, linked returns, reversals, descriptions."""
    commands: list[Command] = []
    for _ in range(count):
        sku, roll = chance.choice(SKUS), chance.random()
        if roll < 0.5:
            commands.append(make.receipt(chance.randint(1, 9), sku=sku, unit_cost="2.55"))
        elif roll < 0.8:
            commands.append(make.issue(chance.randint(1, 5), sku=sku))
        elif roll < (0.95 if links else 0.9) and before:
            name, sku = chance.choice(before[-40:] if links else before).split()
            if links and roll < 0.89:
                commands.append(make.customer_return(1, sku=sku, original_id=name))
            else:
                commands.append(make.reversal(name, sku=sku))
        else:
            commands.append(make.define(sku, name=f"name {roll}"))
        if roll < (0.89 if links else 0.5) and not isinstance(commands[-1], DefineItem):
            before.append(f"{commands[-1].id} {sku}")
    return commands


async def traffic(ledger: Ledger, seed: int, batches: int) -> None:
    """Some of it, with pauses in which slices are taken."""
    chance, before = random.Random(seed), list[str]()
    for _ in range(batches):
        await tell_all(ledger, some(chance, chance.randint(1, 6), before))
        await asyncio.sleep(chance.choice([0.0, 0.001, 0.02]))


async def both(world: World, log: ScriptedLog | None = None) -> tuple[Recovered, Recovered]:
    """Recovered with the snapshots, and without any."""
    empty = FaultySnapshots(random.Random(0))
    return (
        await recover(0, log or world.log(), world.store),
        await recover(0, world.log(), empty),
    )


def assert_same(one: Recovered, other: Recovered) -> None:
    """All that decides what is answered from now on."""
    assert picture(one.state) == picture(other.state)
    assert one.chain.head == other.chain.head
    missing = other.state.ids.keys() - one.state.ids.keys()
    assert one.old_ids.perhaps(sorted(missing)) == sorted(missing)
    assert one.state.ids.items() <= other.state.ids.items()
    order = list(one.state.ids.values())
    assert order == sorted(order), "the oldest id must leave the window first"


async def grown(world: World, seed: int, batches: int = 30, **options: Any) -> int:
    """Let a ledger work and take snapshots; returns how many it took."""
    index = FollowingIndex(world.broker, random.Random(0), 0)
    settings = {"snapshot_every_records": 20, "window_ids": 25, **options}
    async with world.ledger(index=index, **settings) as ledger:
        await traffic(ledger, seed, batches)
        return writer_of(ledger)._taker.taken


@pytest.mark.parametrize("seed", range(25))
def test_recovered_is_replayed(seed: int) -> None:
    """Whenever the snapshot was taken, with records coming between its slices."""

    async def main() -> None:
        world = World()
        taken = await grown(world, seed)
        with_snapshot, replayed = await both(world)
        assert_same(with_snapshot, replayed)
        assert taken > 0
        assert with_snapshot.snapshot_offset > 0

    run(main())


def test_ids_that_leave_while_the_snapshot_is_taken_are_not_lost() -> None:
    """More ids come between two slices than a slice holds."""

    async def main() -> None:
        world = World()
        index = FollowingIndex(world.broker, random.Random(0), 0)
        async with world.ledger(index=index, snapshot_every_records=60, window_ids=50) as ledger:
            chance, before = random.Random(1), list[str]()
            # Fewer words of the filter a batch than a slice takes, or it would never end.
            for _ in range(200):
                await tell_all(ledger, some(chance, 6, before, links=False))
        generation, _ = _newest(world)
        parts = [
            snapshots.decode_part(data)
            for key, data in world.store.stored.items()
            if key[1] == generation
        ]
        held = [len(part.ids) for part in parts[: 50 // snapshots.SLICE_IDS]]
        assert min(held) < snapshots.SLICE_IDS, "none has left"
        with_snapshot, replayed = await both(world)
        assert with_snapshot.snapshot_offset > 0
        assert_same(with_snapshot, replayed)

    run(main())


Damage = Callable[[World], None]


def _newest(world: World) -> tuple[int, snapshots.Manifest]:
    generation, data = world.store.manifests[0]
    return generation, snapshots.decode_manifest(data)


def _replace(**changes: Any) -> Damage:
    def damage(world: World) -> None:
        generation, manifest = _newest(world)
        changed = msgspec.structs.replace(manifest, **changes)
        world.store.manifests[0] = (generation, snapshots.encode(changed))

    return damage


def _lose(which: int) -> Damage:
    def damage(world: World) -> None:
        generation, _ = _newest(world)
        keys = sorted(key for key in world.store.stored if key[1] == generation)
        del world.store.stored[keys[which]]

    return damage


def _flip(which: int) -> Damage:
    def damage(world: World) -> None:
        generation, _ = _newest(world)
        keys = sorted(key for key in world.store.stored if key[1] == generation)
        data = bytearray(world.store.stored[keys[which]])
        data[len(data) // 2] ^= 1
        world.store.stored[keys[which]] = bytes(data)

    return damage


def _add(world: World) -> None:
    generation, manifest = _newest(world)
    part = world.store.stored[0, generation, 0]
    world.store.stored[0, generation, manifest.parts] = part


def _garble_manifest(world: World) -> None:
    world.store.manifests[0] = (world.store.manifests[0][0], b"\xc1 not a manifest")


def _exchange(world: World) -> None:
    generation, _ = _newest(world)
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
    "manifest garbled": _garble_manifest,
    "another format": _replace(format=snapshots.FORMAT + 1),
    "another ledger": _replace(ledger_id="another"),
    "another head": _replace(head="0" * 64),
    "beyond the end": _replace(from_offset=10**9),
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
        assert_same(damaged, replayed)

    run(main())


def test_slices_newer_than_what_the_log_answers() -> None:
    """A replica that is behind, or a log that lost its end, lacks what is in the slices."""

    class Behind(ScriptedLog):
        shown = 0

        async def read(self, partition: int, offset: int, **more: Any) -> Slice:
            part = await super().read(partition, offset, **more)
            end = max(offset, min(part.end, self.shown))
            return Slice(part.records[: end - offset], min(part.next_offset, end), end)

    async def main() -> None:
        world = World()
        assert await grown(world, 3, batches=40) > 0
        generation, manifest = _newest(world)
        parts = [
            snapshots.decode_part(data)
            for key, data in world.store.stored.items()
            if key[1] == generation
        ]
        newest = max(part.at for part in parts)
        assert newest > manifest.from_offset
        for end in range(manifest.from_offset, newest + 1):
            log = Behind(world.broker)
            log.shown = end
            recovered = await recover(0, log, world.store)
            assert recovered.state.offset == end
            assert (recovered.snapshot_offset > 0) is (end == newest)
            await _agrees_at(world, recovered, end)

    async def _agrees_at(world: World, recovered: Recovered, end: int) -> None:
        shorter = World()
        shorter.broker.partitions[0] = world.broker.partitions[0][:end]
        assert_same(recovered, await recover(0, shorter.log(), shorter.store))

    run(main())


def test_a_store_that_fails_costs_the_snapshot_only() -> None:
    """The partition works on, and a later snapshot succeeds."""

    async def main() -> None:
        world = World()
        world.store.faults = Faults(store_down=1.0)
        async with world.ledger(snapshot_every_records=10) as ledger:
            await traffic(ledger, 1, 20)
            writer = writer_of(ledger)
            assert writer.failure is None
            assert writer._taker.failure is not None
            assert writer._taker.taken == 0
        assert world.store.manifests == {}

    run(main())


def test_nothing_is_taken_before_enough_has_come() -> None:
    """And after a recovery it is counted from the snapshot, not from the start."""

    async def main() -> None:
        world = World()
        assert await grown(world, 1, batches=5, snapshot_every_records=10_000) == 0
        assert await grown(world, 2, batches=30) > 0
        assert await grown(world, 3, batches=1, snapshot_every_records=1_000) == 0

    run(main())
