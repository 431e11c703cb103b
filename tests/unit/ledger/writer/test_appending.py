"""Conflicts, unknown outcomes and what the caller hears of them."""

import asyncio
from typing import Any

import pytest

from ledger.domain.facts import Moved, Refused, WriterClaimed
from ledger.errors import ClockSkewed
from ledger.service import Ledger
from ledger.writer import partition
from ledger.writer.outcomes import Replayed, Unavailable, Unknown
from tests import builders as make
from tests.simulation.clock import now_ms
from tests.unit.ledger.writer.harness import (
    Append,
    ScriptedLog,
    World,
    after,
    late,
    lost_answer,
    lost_request,
    tell,
    tell_all,
    unavailable,
    with_ledger,
    writer_of,
)


async def race(world: World, quantity: str) -> None:
    """Another process takes from the same stock, in between."""
    async with world.ledger(instance="other") as other:
        assert isinstance(await tell(other, make.issue(quantity, id=f"other-{quantity}")), Moved)


def test_a_void_batch_is_decided_again_on_what_came_first() -> None:
    """Six are there, another process takes four: three are too many now."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [after(lambda: race(world, "4"))]
        outcome = await tell(ledger, make.issue("3"))
        assert isinstance(outcome, Refused)
        assert outcome.numbers["available"] == "2"
        assert ledger.metrics.void_batches == 1

    with_ledger(main)


def test_a_void_batch_is_undone_in_all_its_parts() -> None:
    """A new SKU, an item, a reversal, a refusal: all of it comes out right the second time."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        first = await tell(ledger, make.receipt("2", id="back", unit_cost="3"))
        assert isinstance(first, Moved)
        log.script = [after(lambda: race(world, "1"))]
        outcomes = await tell_all(
            ledger,
            [
                make.define("new", scale=2, unit_cost="5"),
                make.receipt("0.25", sku="new"),
                make.issue("9"),
                make.issue("7"),
                make.reversal("back"),
            ],
        )
        names = [type(outcome).__name__ for outcome in outcomes]
        assert names == ["ItemDefined", "Moved", "Refused", "Moved", "Refused"]

    with_ledger(main)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_an_unknown_outcome_that_did_not_land(times: int) -> None:
    """It is decided again until it counts; the caller hears nothing of the trouble."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [lost_request] * times
        assert isinstance(await tell(ledger, make.issue("3", id="x")), Moved)
        assert ledger.metrics.unknown_outcomes == times

    assert with_ledger(main).ids().count("x") == 1


@pytest.mark.parametrize("landing", [lost_answer, late(0.0), late(0.001), late(0.02), late(5.0)])
def test_an_unknown_outcome_that_landed(landing: Append) -> None:
    """At once or late: it counts once, and whoever sent it hears the first answer, no replay."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [landing]
        outcome = await tell(ledger, make.issue("3", id="x"))
        assert isinstance(outcome, Moved)
        assert outcome.source_after == 3
        again = await tell(ledger, make.issue("3", id="x"))
        assert again == Replayed(outcome)

    assert with_ledger(main).ids().count("x") == 1


def test_a_repeat_inside_a_landed_batch_is_still_a_repeat() -> None:
    """Only the first of the two was first."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [lost_answer]
        commands = [make.issue("1", id="x"), make.issue("1", id="x"), make.issue("2", id="x")]
        first, second, third = await tell_all(ledger, commands)
        assert isinstance(first, Moved)
        assert second == Replayed(first)
        assert getattr(third, "code", None) == "idempotency_key_reused"

    with_ledger(main)


def test_nothing_was_written_is_said_only_where_it_is_sure() -> None:
    """The first try may still land; that the second surely did not is no comfort."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [late(20.0), unavailable]
        outcome = await tell(ledger, make.issue("3", id="x"))
        assert isinstance(outcome, Unknown)

    assert with_ledger(main).ids().count("x") == 1


@pytest.mark.parametrize("error", [unavailable, None])
def test_a_log_that_surely_did_not_take_it(error: Append | None) -> None:
    """The caller is told that nothing was written; and nothing was, nor was it done in memory."""

    async def skewed(*_: Any) -> int:
        raise ClockSkewed

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [error or skewed]
        assert isinstance(await tell(ledger, make.issue("6", id="x")), Unavailable)
        assert "x" not in world.ids()
        assert isinstance(await tell(ledger, make.issue("6", id="x")), Moved)

    with_ledger(main)


def test_a_void_batch_whose_reason_cannot_be_read() -> None:
    """Undone once, not twice: the caller hears Unavailable, the writer lives and is right."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        async def race_and_cut() -> None:
            await race(world, "4")
            log.reads_refused = 1

        log.script = [after(race_and_cut)]
        outcomes = await tell_all(ledger, [make.issue("1", id="x"), make.receipt("1", sku="new")])
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
        assert isinstance(await tell(ledger, make.issue("2", id="x")), Moved)

    assert with_ledger(main).ids().count("x") == 1


def test_a_partition_where_others_keep_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the caller is told; nothing of it is left behind."""
    monkeypatch.setattr(partition, "RESOLVE_SECONDS", 0.5)

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        async def busy() -> None:
            await asyncio.sleep(0.1)
            state = writer_of(ledger).state
            world.write(WriterClaimed(len(world.broker.partitions[0]), "one", "", now_ms()))
            assert state.offset <= len(world.broker.partitions[0])

        log.script = [after(busy)] * 20
        assert isinstance(await tell(ledger, make.issue("1", id="x")), Unavailable)
        log.script.clear()
        assert isinstance(await tell(ledger, make.issue("6", id="y")), Moved)

    assert "x" not in with_ledger(main).ids()


def test_a_log_that_cannot_be_read_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, once the time for finding out is over; later the same id finds its answer."""
    monkeypatch.setattr(partition, "RESOLVE_SECONDS", 1.0)

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        async def land_and_cut(_: ScriptedLog, *batch: Any) -> int:
            log.reads_refused = 1_000
            return await lost_answer(log, *batch)

        log.script = [land_and_cut]
        assert isinstance(await tell(ledger, make.issue("3", id="x")), Unknown)
        log.reads_refused = 0
        again = await tell(ledger, make.issue("3", id="x"))
        assert isinstance(again, Replayed)

    assert with_ledger(main).ids().count("x") == 1


async def _never(*_: Any) -> int:
    await asyncio.sleep(1_000_000)
    raise AssertionError("unreachable")


def test_a_caller_that_waits_no_longer() -> None:
    """Unknown for what was handed to the log, Unavailable for what was still in the queue."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        release = asyncio.Event()
        log.script = [after(release.wait)]
        first = asyncio.create_task(tell(ledger, make.issue("1", id="x"), seconds=1.0))
        await asyncio.sleep(0.1)
        assert isinstance(await tell(ledger, make.issue("1", id="y"), seconds=0.5), Unavailable)
        assert isinstance(await first, Unknown)
        release.set()
        await asyncio.sleep(1)
        assert isinstance(await tell(ledger, make.issue("1", id="x")), Replayed)
        assert isinstance(await tell(ledger, make.issue("1", id="y")), Moved)

    with_ledger(main)


def test_a_caller_that_hangs_up() -> None:
    """What was not handed out yet is dropped; what was, counts."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        release = asyncio.Event()
        log.script = [after(release.wait)]
        calls = [asyncio.create_task(tell(ledger, make.issue("1", id=name))) for name in ("x", "y")]
        await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        calls.append(asyncio.create_task(tell(ledger, make.issue("1", id="z"))))
        await asyncio.sleep(0.1)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        release.set()

    ids = with_ledger(main).ids()
    assert "x" in ids
    assert "z" not in ids


def test_a_dry_run_and_a_look_up_while_a_batch_is_on_its_way() -> None:
    """What is not history yet is not found; nobody is told of a log that went back."""

    async def main(world: World, ledger: Ledger, log: ScriptedLog) -> None:
        release = asyncio.Event()
        log.script = [after(release.wait)]
        call = asyncio.create_task(tell(ledger, make.issue("1", id="x")))
        await asyncio.sleep(0.1)
        assert await ledger.find_movement("x", None) is None
        _, answer = await ledger.dry_run(make.issue("2", id="x"), actor=None)
        assert isinstance(answer, Moved)
        release.set()
        assert isinstance(await call, Moved)
        found = await ledger.find_movement("x", make.SKU)
        assert found is not None
        assert found[1].id == "x"

    with_ledger(main)
