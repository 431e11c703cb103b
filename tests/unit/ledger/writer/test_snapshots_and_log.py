"""A snapshot and a log that do not fit each other, or do not at the moment."""

import asyncio
import logging
import random
from typing import Any

import msgspec
import pytest

from ledger.errors import LogRegressed, LogUnavailable
from ledger.log import Slice
from ledger.writer import recovery
from ledger.writer.recovery import Recovered, recover
from ledger.writer.snapshots import Part
from tests import builders as make
from tests.simulation.clock import run
from tests.simulation.faulty_log import FaultySnapshots
from tests.unit.ledger.writer.harness import ScriptedLog, World, tell, tell_all, writer_of
from tests.unit.ledger.writer.snapshot_cases import (
    assert_same,
    both,
    change_parts,
    grown,
    newest,
    put_manifest,
    small_slices,
)

__all__ = ["small_slices"]
pytestmark = pytest.mark.usefixtures("small")
WINDOW_IDS = 10_000


async def _recover(world: World, log: ScriptedLog | None = None, **options: Any) -> Recovered:
    settings = {"window_ids": WINDOW_IDS, **options}
    return await recover(0, log or world.log(), world.store, **settings)


async def _cut(world: World, seed: int) -> tuple[int, int]:
    """Grow a ledger with a snapshot whose slices are newer than its beginning; cut the log there.

    Returns the first offset that is gone and the offset up to which the slices go.
    """
    assert await grown(world, seed, batches=40) > 0
    _, manifest = newest(world)
    assert manifest.until_offset > manifest.from_offset + 1
    del world.broker.partitions[0][manifest.from_offset + 1 :]
    return manifest.from_offset + 1, manifest.until_offset


@pytest.mark.parametrize("seed", range(10))
def test_a_log_that_lost_its_end_and_went_on(seed: int) -> None:
    """Slices of records that are gone are never mixed with those that came in their place."""

    async def main() -> None:
        world = World()
        _, until = await _cut(world, seed)
        kept, world.store = world.store, FaultySnapshots(random.Random(0))
        async with world.ledger(snapshot_every_records=10**6) as ledger:
            while len(world.broker.partitions[0]) <= until + 5:
                await tell_all(ledger, [make.receipt(1, sku=f"sku-{n}") for n in range(4)])
        world.store = kept
        recovered, replayed = await both(world)
        assert recovered.snapshot_offset == 0
        assert "another history" in (recovered.why_not or "")
        assert_same(recovered, replayed)

    run(main())


@pytest.mark.parametrize("seed", range(5))
def test_a_log_that_is_shorter_than_its_snapshot_lost_its_past(seed: int) -> None:
    """The partition stops; deleting the snapshots is the way out."""

    async def main() -> None:
        world = World()
        end, until = await _cut(world, seed)
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(LogRegressed, match=f"ends at {end}, .* up to {until}"):
            await _recover(world)
        assert loop.time() - started == pytest.approx(recovery.SHORT_SECONDS, abs=2.0)
        async with world.ledger() as ledger:
            assert (writer_of(ledger).failure or "").startswith("LogRegressed")
        assert len(world.broker.partitions[0]) == end
        await world.store.delete_all()
        async with world.ledger() as ledger:
            await tell(ledger, make.receipt(1))
            assert writer_of(ledger).failure is None

    run(main())


def test_a_longer_snapshot_of_another_ledger_says_nothing() -> None:
    """It lies in the wrong place; the log is read."""

    async def main() -> None:
        world = World()
        await _cut(world, 1)
        put_manifest(world, ledger_id="another")
        recovered, replayed = await both(world)
        assert "another" in (recovered.why_not or "")
        assert_same(recovered, replayed)

    run(main())


class Behind(ScriptedLog):
    """Shows the partition up to `shown` only, its end perhaps further."""

    shown = 0
    hides_end = True
    reads = 0

    async def read(self, partition: int, offset: int, **more: Any) -> Slice:
        """What there is in front of `shown`."""
        self.reads += 1
        part = await super().read(partition, offset, **more)
        end = max(offset, min(part.end, self.shown))
        return Slice(part.records[: end - offset], min(part.next_offset, end), end)

    async def end(self, partition: int) -> int:
        """The shown one."""
        end = await super().end(partition)
        return min(end, self.shown) if self.hides_end else end


@pytest.mark.parametrize("hides_end", [True, False])
def test_a_log_that_is_behind_catches_up(hides_end: bool) -> None:
    """A lag of some seconds costs neither the partition nor the snapshot."""

    async def main() -> None:
        world = World()
        assert await grown(world, 3, batches=40) > 0
        _, manifest = newest(world)
        assert manifest.until_offset > manifest.from_offset
        for end in range(manifest.from_offset, manifest.until_offset + 1):
            log = Behind(world.broker)
            log.shown, log.hides_end = end, hides_end
            asyncio.get_running_loop().call_later(3.0, setattr, log, "shown", 10**9)
            recovered = await _recover(world, log)
            assert recovered.snapshot_offset > 0
            assert recovered.state.offset >= manifest.until_offset
            shorter = World()
            shorter.broker.partitions[0] = world.broker.partitions[0][: recovered.state.offset]
            assert_same(recovered, await _recover(shorter))

    run(main())


def test_a_log_that_shows_less_than_it_has_is_tried_again() -> None:
    """It is neither read from the start nor taken for a log that lost its past."""

    async def main() -> None:
        world = World()
        assert await grown(world, 3, batches=40) > 0
        log = Behind(world.broker)
        log.shown, log.hides_end = newest(world)[1].from_offset, False
        with pytest.raises(LogUnavailable, match="not shown to its end"):
            await _recover(world, log)

    run(main())


def test_void_records_at_the_end_of_the_slices() -> None:
    """The head is that of the last record that counts, wherever the slices end."""

    async def main() -> None:
        world = World()
        async with world.ledger(snapshot_every_records=10) as ledger:
            for number in range(120):
                await tell(ledger, make.receipt(1, sku=f"sku-{number % 9}"))
                if number % 2:
                    # A batch that somebody decided on an older state.
                    world.broker.land(0, 3, [(b"sku-1", b"{}", None)])
        until = newest(world)[1].until_offset
        log = world.broker.partitions[0]
        assert not all(record.counts for record in log[until - 3 : until + 3])
        recovered, replayed = await both(world)
        assert recovered.why_not is None
        assert recovered.snapshot_offset > 0
        assert_same(recovered, replayed)

    run(main())


def test_a_store_that_is_away_for_a_moment_is_asked_again() -> None:
    """A longer absence is said, and costs time only."""

    async def main(seconds: float) -> Recovered:
        world = World()
        assert await grown(world, 5) > 0
        original = world.store.newest
        loop = asyncio.get_running_loop()
        back_at = loop.time() + seconds

        async def newest_then(partition: int) -> tuple[int, bytes] | None:
            if loop.time() < back_at:
                raise LogUnavailable("the store does not answer")
            return await original(partition)

        world.store.newest = newest_then  # type: ignore[method-assign]
        recovered, replayed = await both(world)
        assert_same(recovered, replayed)
        return recovered

    soon, late = run(main(2.0)), run(main(600.0))
    assert soon.snapshot_offset > 0
    assert soon.why_not is None
    assert late.snapshot_offset == 0
    assert late.why_not == "LogUnavailable: the store does not answer"


def _uncounted(part: Part) -> Part:
    if part.filter is None:
        return part
    which, capacity, _, words = part.filter
    return msgspec.structs.replace(part, filter=(which, capacity, 0, words))


def test_a_filter_that_knows_less_than_the_window_holds_is_not_trusted() -> None:
    """An id that it does not know would count again."""

    async def main() -> None:
        world = World()
        assert await grown(world, 5) > 0
        change_parts(world, _uncounted)
        recovered, replayed = await both(world)
        assert recovered.snapshot_offset == 0
        assert "a filter knows less than the window holds" in (recovered.why_not or "")
        assert_same(recovered, replayed)

    run(main())


def test_an_ignored_snapshot_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise a start would be slow for no reason that anybody can see."""

    async def main() -> None:
        world = World()
        assert await grown(world, 5) > 0
        async with world.ledger() as ledger:
            assert ledger.metrics.snapshots_ignored == 0
        put_manifest(world, hash="0" * 64)
        async with world.ledger() as ledger:
            assert ledger.metrics.snapshots_ignored == 1

    with caplog.at_level(logging.WARNING, logger=recovery.__name__):
        run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "partition 0: the snapshot is ignored, all of the log is read: "
        "SnapshotCorrupt: the parts do not match the manifest"
    ]


@pytest.mark.parametrize("reads_before", [0, 1, 2, 5])
def test_recovery_ends_when_nobody_needs_it(
    reads_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shutdown need not wait for a long log."""
    monkeypatch.setattr(recovery, "_READ_RECORDS", 2)

    async def main() -> None:
        world = World()
        assert await grown(world, 5) > 0
        for store in (world.store, FaultySnapshots(random.Random(0))):
            world.store = store
            log = Behind(world.broker)
            log.shown = 10**9
            with pytest.raises(LogUnavailable, match="shutting down"):
                await _recover(world, log, cancelled=lambda log=log: log.reads >= reads_before)
            assert log.reads == reads_before

    run(main())


def test_waiting_for_a_log_that_is_short_ends_as_well() -> None:
    """Also then nobody waits for the rest of the time."""

    async def main() -> None:
        world = World()
        await _cut(world, 2)
        loop = asyncio.get_running_loop()
        stop_at = loop.time() + 3.0
        with pytest.raises(LogUnavailable, match="shutting down"):
            await _recover(world, cancelled=lambda: loop.time() > stop_at)
        assert loop.time() < stop_at + 2.0

    run(main())
