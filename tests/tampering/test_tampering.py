"""Whatever is done to a log behind the ledger's back, verify finds it and names the place.

`python -m tests.tampering` does the same a thousand times.
"""

import random

import pytest

from tests.tampering.mutations import MUTATIONS
from tests.tampering.run import OneOf, Result, Seal, judge, run, verified
from tests.tampering.seals import sealed
from tests.tampering.world import MOVEMENTS, World

MUTATIONS_DRAWN = 120
SEED = 20_261_122


@pytest.fixture(scope="module")
def world() -> World:
    """Made once; nothing here changes it."""
    return World().go_on(MOVEMENTS)


@pytest.fixture(scope="module")
def seal(world: World) -> Seal:
    """Over all of it."""
    return sealed(world.log)


async def test_a_sound_log_is_found_to_be_sound(world: World, seal: Seal) -> None:
    """Records of every kind, void ones among them, which are listed."""
    void = movements = 0
    for partition in range(world.log.partitions):
        report = await verified(world.log, partition, seal(partition))
        assert report.findings.kept == []
        listed = [one.offset for one in world.log.records[partition] if not one.counts]
        assert [offset for offset, _ in report.void_listed] == listed
        void, movements = void + report.void, movements + report.movements
        assert report.refusals > 0
    assert void > 100
    assert movements >= MOVEMENTS


async def test_random_tampering_is_found_and_placed(world: World, seal: Seal) -> None:
    """Each time in one partition; the others are as they were."""
    result = await run(world, seal, MUTATIONS_DRAWN, SEED)
    assert result.missed == []
    assert sum(result.found.values()) == MUTATIONS_DRAWN
    assert set(result.found) == {"changed", "removed", "swapped", "inserted"}
    assert sum(result.exact.values()) > 0.7 * MUTATIONS_DRAWN


@pytest.mark.parametrize("mutation", dict.fromkeys(MUTATIONS), ids=lambda one: one.__name__)
async def test_each_way_to_tamper_is_found(world: World, seal: Seal, mutation: object) -> None:
    """Once each, whatever the draw was."""
    chance, result = random.Random(SEED), Result()
    assert callable(mutation)
    tampered = mutation(chance, list(world.log.records[3]))
    log = OneOf(world.log, 3, tampered.records).log
    judge(result, 0, tampered, await verified(log, 3, seal(3)))
    assert result.missed == []


async def test_without_a_seal_the_newest_records_may_be_missing(world: World, seal: Seal) -> None:
    """That is what a seal is for."""
    log = OneOf(world.log, 3, world.log.records[3][:-5]).log
    assert (await verified(log, 3)).findings.total == 0
    report = await verified(log, 3, seal(3))
    assert list(report.findings.counts) == ["shorter_than_seal"]
