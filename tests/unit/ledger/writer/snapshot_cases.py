"""Traffic that fills snapshots, and comparison of what is recovered from them."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ledger.domain.facts import Command
from ledger.domain.items import DefineItem
from ledger.service import Ledger
from ledger.writer import snapshots
from ledger.writer.idempotency import Window
from ledger.writer.recovery import Recovered, recover
from tests import builders as make
from tests.simulation.faulty_log import FaultySnapshots, FollowingIndex
from tests.unit.ledger.writer.harness import ScriptedLog, World, picture, tell_all, writer_of

SKUS = [f"sku-{number}" for number in range(12)]


@pytest.fixture(name="small")
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice holds two SKUs, two levels and five ids, and three records are read in a turn."""
    monkeypatch.setattr(snapshots, "SLICE_SKUS", 2)
    monkeypatch.setattr(snapshots, "SLICE_LEVELS", 2)
    monkeypatch.setattr(snapshots, "SLICE_IDS", 5)
    monkeypatch.setattr(snapshots, "_FILTER_WORDS", 7)
    monkeypatch.setattr("ledger.writer.filters._FIRST_FILTER_IDS", 32)
    monkeypatch.setattr("ledger.writer.recovery.TURN_RECORDS_MAX", 3)
    monkeypatch.setattr("ledger.writer.follower.TURN_RECORDS_MAX", 3)


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


async def both(
    world: World, log: ScriptedLog | None = None, window_ids: int = 10_000
) -> tuple[Recovered, Recovered]:
    """Recovered with the snapshots, and without any."""
    empty = FaultySnapshots(random.Random(0))
    return (
        await recover(0, log or world.log(), world.store, window_ids=window_ids),
        await recover(0, world.log(), empty, window_ids=window_ids),
    )


def assert_same(one: Recovered, other: Recovered) -> None:
    """All that decides what is answered from now on."""
    assert picture(one.state) == picture(other.state)
    assert one.chain.head == other.chain.head
    assert list(one.names.walk()) == list(one.state.skus)
    held, held_there = list(one.window.items()), list(other.window.items())
    # The snapshot may come from a smaller window; where generations end is not the same either.
    both_hold = min(len(held), len(held_there))
    assert held[-both_hold:] == held_there[-both_hold:]
    assert held == sorted(held, key=lambda item: item[1]), "the oldest must leave first"
    names = [*dict(held + held_there)]
    for window in (one.window, other.window):
        assert_known(window, names)
        assert window.left == (len(window.old) > len(window))
    assert len(one.window.old) == len(other.window.old), "each id is counted once"


def assert_known(window: Window, names: list[str]) -> None:
    """None of these, which were all used, is taken for new: the newest are in the state."""
    window.enter()
    assert window.old.perhaps(names) == names
    for start in range(0, len(names), 5):
        assert window.old.perhaps(names[start : start + 5]) == names[start : start + 5]


async def grown(world: World, seed: int, batches: int = 30, **options: Any) -> int:
    """Let a ledger work and take snapshots; returns how many it took."""
    index = FollowingIndex(world.broker, random.Random(0), 0)
    settings = {"snapshot_every_records": 20, "window_ids": 25, **options}
    async with world.ledger(index=index, **settings) as ledger:
        await traffic(ledger, seed, batches)
        return writer_of(ledger)._taker.taken


def newest(world: World) -> tuple[int, snapshots.Manifest]:
    """Generation and manifest of the newest snapshot."""
    generation, data = world.store.manifests[0]
    return generation, snapshots.decode_manifest(data)


def parts_of(world: World) -> list[snapshots.Part]:
    """The parts of the newest snapshot."""
    generation, manifest = newest(world)
    stored = world.store.stored
    return [snapshots.decode_part(stored[0, generation, part]) for part in range(manifest.parts)]


def put_manifest(world: World, **changes: Any) -> None:
    """Put another manifest in the place of the newest one."""
    generation, manifest = newest(world)
    changed = msgspec.structs.replace(manifest, **changes)
    world.store.manifests[0] = (generation, snapshots.encode(changed))


def change_parts(world: World, change: Callable[[snapshots.Part], snapshots.Part]) -> None:
    """Change the parts of the newest snapshot, so that they fit its hash."""
    generation, _ = newest(world)
    packed = [snapshots.encode(change(part)) for part in parts_of(world)]
    world.store.stored |= {(0, generation, place): part for place, part in enumerate(packed)}
    put_manifest(world, hash=hashlib.sha256(b"".join(packed)).hexdigest())
