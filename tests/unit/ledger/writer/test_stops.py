"""A log that proves broken stops its partition, loudly; it is never read on or written to."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ledger.domain.facts import LevelRaised, Moved, WriterClaimed
from ledger.errors import LedgerError
from ledger.events import envelope
from ledger.events.codec import encode
from ledger.log import NewRecord, Record
from ledger.service import Ledger
from ledger.writer.outcomes import Unavailable, Unknown
from tests import builders as make
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import SOURCE, ScriptedLog, World, after, tell, writer_of


def foreign(world: World, value: bytes) -> None:
    """Somebody who does not know the rules writes a record that counts."""
    log = world.broker.partitions[0]
    world.broker.land(0, len(log), [NewRecord(b"A", value)])


def _break_chain(world: World) -> None:
    claim = WriterClaimed(len(world.broker.partitions[0]), "x", "", 0)
    foreign(world, encode(claim, SOURCE, "f" * 64)[1])


def _garble(world: World) -> None:
    foreign(world, b"\xff not JSON")


def _unknown_type(world: World) -> None:
    last = world.counting()[-1]
    foreign(world, last.value.replace(b"stock.receipt.v1", b"stock.receipt.v9"))


def _cut_off(world: World) -> None:
    del world.broker.partitions[0][2:]


def _raise_level(world: World) -> None:
    offset = len(world.broker.partitions[0])
    world.write(LevelRaised(offset, envelope.LEVEL_SUPPORTED + 1, 0))


BROKEN: dict[str, tuple[Callable[[World], None], str]] = {
    "another chain": (_break_chain, "ChainBroken"),
    "no document": (_garble, "UndecodableRecord"),
    "an unknown type": (_unknown_type, "UndecodableRecord"),
    "the end cut off": (_cut_off, "LogRegressed"),
    "a level beyond this version": (_raise_level, "LevelUnsupported"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_while_it_writes(how: str) -> None:
    """The caller in the batch hears Unknown, later ones Unavailable with the reason; not ready."""
    damage, name = BROKEN[how]

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log) as ledger:
            for _ in range(4):
                await tell(ledger, make.receipt("6"))
            assert ledger.ready() == []

            async def happens() -> None:
                damage(world)

            log.script = [after(happens)]
            waiting = asyncio.create_task(tell(ledger, make.issue("1", id="x")))
            outcome = await waiting
            assert isinstance(outcome, Unknown | Unavailable)
            again = await tell(ledger, make.issue("1", id="x"))
            assert isinstance(again, Unavailable)
            assert name in again.detail
            failure = writer_of(ledger).failure
            assert failure is not None
            assert failure.startswith(name)
            assert ledger.ready() == [f"partition 0 is stopped: {failure}"]
            appended = len(log.batches)
            await tell(ledger, make.issue("1"))
            assert len(log.batches) == appended

    run(main())


@pytest.mark.parametrize("how", [how for how in BROKEN if how != "the end cut off"])
def test_when_it_starts(how: str) -> None:
    """Recovery stops at the same records."""
    damage, name = BROKEN[how]

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            await tell(ledger, make.receipt("6"))
        damage(world)
        async with world.ledger(instance="two") as ledger:
            assert isinstance(await tell(ledger, make.issue("1")), Unavailable)
            assert str(writer_of(ledger).failure).startswith(name)

    run(main())


def test_void_records_of_any_kind_are_read_over() -> None:
    """No header, another offset, garbage: what does not count cannot break anything."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            await tell(ledger, make.receipt("6"))
            log = world.broker.partitions[0]
            for stated in (None, 0, len(log), 10**9):
                offset = len(log)
                if stated != offset:
                    log.append(Record(offset, stated, b"A", b"\xff", 0))
            assert isinstance(await tell(ledger, make.issue("6")), Moved)
            assert ledger.metrics.void_records_seen >= 3
        async with world.ledger(instance="two") as ledger:
            assert isinstance(await tell(ledger, make.receipt("6")), Moved)

    run(main())


def test_a_defect_in_the_writer_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong: the callers are answered, and the instance is not ready."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            await tell(ledger, make.receipt("6"))

            def broken(*_: Any) -> None:
                raise ZeroDivisionError("a defect")

            monkeypatch.setattr(writer_of(ledger)._draft._decider, "fill", broken)
            assert isinstance(await tell(ledger, make.issue("1")), Unknown)
            assert isinstance(await tell(ledger, make.issue("1")), Unavailable)
            assert "a defect" in ledger.ready()[0]
            await ledger.close()

    run(main())


def test_a_log_that_is_away_at_the_start_is_waited_for() -> None:
    """As long as it takes; then everything works."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            await tell(ledger, make.receipt("6"))

        class Away(ScriptedLog):
            opened = False

            async def read(self, partition: int, offset: int, **more: Any) -> Any:
                if self.opened:
                    self.reads_refused = max(self.reads_refused, 0)
                else:
                    self.opened = True
                    part = await super().read(partition, offset, **more)
                    self.reads_refused = 30
                    return part
                return await super().read(partition, offset, **more)

        async with world.ledger(Away(world.broker), instance="two") as ledger:
            assert isinstance(await tell(ledger, make.issue("6")), Moved)

    run(main())


def test_another_ledgers_partition() -> None:
    """Two partitions that were opened by different ledgers do not start."""

    async def main() -> None:
        world, other = World(2), World(2)
        async with world.ledger():
            pass
        async with other.ledger(new_ledger_id=lambda: "other"):
            pass
        world.broker.partitions[1] = other.broker.partitions[1]
        with pytest.raises(LedgerError, match="belongs to ledger"):
            await _start(world)
        with pytest.raises(LedgerError, match="counts in"):
            await _start(other, currency="USD")
        other.broker.partitions.append([])
        with pytest.raises(LedgerError, match="was opened as"):
            await _start(other)

    async def _start(world: World, **options: Any) -> None:
        async with world.ledger(**options):
            pass

    run(main())


def _new_type(monkeypatch: pytest.MonkeyPatch, level: int) -> None:
    levels = {**envelope.TYPE_LEVELS, "stock.scrap.v1": level}
    monkeypatch.setattr("ledger.service.TYPE_LEVELS", levels)
    monkeypatch.setattr(envelope, "LEVEL_SUPPORTED", level)


def test_a_new_type_is_written_only_after_the_level_was_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a rolling upgrade stops no older instance; the rest is written as before."""
    beyond = envelope.LEVEL_SUPPORTED + 1
    _new_type(monkeypatch, beyond)

    async def levels(ledger: Ledger) -> list[str]:
        return [type(one).__name__ for one in await ledger.raise_level(beyond, actor="ops")]

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            await tell(ledger, make.receipt("6"))
            early = await tell(ledger, make.scrap("1", id="x"))
            assert getattr(early, "code", "") == "level_too_low"
            assert "x" not in world.ids()
            assert isinstance(await tell(ledger, make.issue("1")), Moved)
            assert await levels(ledger) == ["LevelRaised"]
            assert isinstance(await tell(ledger, make.scrap("1", id="x")), Moved)
            assert await levels(ledger) == ["Rejected"]
        async with world.ledger(instance="two") as ledger:
            assert writer_of(ledger).state.level == beyond
            assert isinstance(await tell(ledger, make.scrap("1")), Moved)

    run(main())


def test_a_level_that_nobody_could_read_is_not_written() -> None:
    """It would stop every instance for ever."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            outcomes = await ledger.raise_level(envelope.LEVEL_SUPPORTED + 1, actor=None)
            assert [getattr(one, "code", "") for one in outcomes] == ["invalid_request"]
            assert isinstance(await tell(ledger, make.receipt()), Moved)
        assert not any(isinstance(fact, LevelRaised) for fact in world.facts())

    run(main())
