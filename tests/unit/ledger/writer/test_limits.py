"""Bounds and turns: a full queue, a long bulk beside a single command, batches that close."""

import asyncio

import pytest

from ledger.domain.facts import Command, Moved, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.movements import Reference, Reversal
from ledger.log import BATCH_BYTES_MAX, BATCH_VALUE_BYTES_MAX
from ledger.writer import batch, draft, queue
from ledger.writer.outcomes import Outcome, Replayed, Unavailable
from tests import builders as make
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import ScriptedLog, World, after, tell, tell_all, writer_of


def test_a_full_queue_refuses_at_once() -> None:
    """With nothing written, and room again as soon as the batch is through."""

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log, queue_commands_max=10) as ledger:
            await tell(ledger, make.receipt("100"))
            release = asyncio.Event()
            log.script = [after(release.wait)]
            calls = [asyncio.create_task(tell(ledger, make.issue(id="x")))]
            await asyncio.sleep(0.1)
            calls += [asyncio.create_task(tell(ledger, make.issue())) for _ in range(10)]
            await asyncio.sleep(0.1)
            outcome = await tell(ledger, make.issue(id="y"))
            assert isinstance(outcome, Unavailable)
            assert outcome.id == "y"
            bulk = await tell_all(ledger, [make.issue(id="y"), make.issue(id="y")])
            assert [type(one) for one in bulk] == [Unavailable, Unavailable]
            release.set()
            assert all(isinstance(one, Moved) for one in await asyncio.gather(*calls))
            assert isinstance(await tell(ledger, make.issue(id="y")), Moved)

    run(main())


def test_a_bulk_of_ten_thousand_does_not_hold_up_one_command() -> None:
    """It is answered after two batches at most, long before the bulk is through."""

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log) as ledger:
            await tell(ledger, make.receipt("1"))
            begun = asyncio.Event()

            async def first_batch() -> None:
                begun.set()

            log.script = [after(first_batch)]
            commands = [make.receipt() for _ in range(10_000)]
            bulk: asyncio.Task[list[Outcome]] = asyncio.create_task(tell_all(ledger, commands))
            await begun.wait()
            before = len(log.batches)
            assert isinstance(await tell(ledger, make.receipt()), Moved)
            assert len(log.batches) - before <= 2
            assert not bulk.done()
            assert all(isinstance(one, Moved) for one in await bulk)
            assert max(log.batches) <= batch.BATCH_RECORDS_MAX

    run(main())


def test_two_bulks_share_the_batches() -> None:
    """The second does not wait for the end of the first."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            await tell(ledger, make.receipt("1"))
            loop, ends = asyncio.get_running_loop(), list[tuple[float, str]]()

            async def one(name: str, count: int) -> None:
                await tell_all(ledger, [make.receipt() for _ in range(count)])
                ends.append((loop.time(), name))

            await asyncio.gather(one("long", 8_000), one("short", 1_000))
            assert [name for _, name in sorted(ends)] == ["short", "long"]
            assert ends[0][0] < 0.5 * ends[1][0]

    run(main())


def test_a_batch_closes_below_what_a_broker_takes() -> None:
    """Also where every record is as large as it can be."""

    class Weighing(ScriptedLog):
        heaviest = 0

        async def append(self, partition: int, offset: int, records: object) -> int:
            sizes = [len(key) + len(value) for key, value, _ in records]  # type: ignore[attr-defined]
            Weighing.heaviest = max(Weighing.heaviest, sum(sizes) + 100 * len(sizes))
            return await super().append(partition, offset, records)  # type: ignore[arg-type]

    async def main() -> None:
        world = World()
        wide = "\U0001f600"
        largest = [
            make.transfer(
                "1",
                id=f"{number:04}{wide * 124}",
                sku=wide * 100,
                from_location=wide * 200,
                to_location=wide * 199 + "b",
                lot=wide * 100,
                note=wide * 500,
                reference=Reference(wide * 500, wide * 500),
            )
            for number in range(2_000)
        ]
        # Just below the limit first, so that a slice of the largest comes on top.
        medium = [make.receipt(note=wide * 500, lot="\u65e5" * 100) for _ in range(250)]
        stock = make.receipt("2000", sku=wide * 100, location=wide * 200, lot=wide * 100)
        async with world.ledger(Weighing(world.broker)) as ledger:
            outcomes = await tell_all(ledger, [stock, *medium, *largest])
        assert all(isinstance(one, Moved) for one in outcomes)
        assert Weighing.heaviest > BATCH_VALUE_BYTES_MAX // 2
        assert Weighing.heaviest < BATCH_BYTES_MAX

    run(main())


def test_a_bulk_of_reversals_starves_nobody() -> None:
    """The movements that a slice names are read together, so that its turn is not long."""

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log) as ledger:
            await tell(ledger, make.receipt("5000"))
            issues = [make.issue("1", id=f"i{number}") for number in range(1_500)]
            await tell_all(ledger, issues)
            reversals = [
                Reversal(sku=issues[0].sku, reverses=f"i{number}", id=f"r{number}")
                for number in range(1_500)
            ]
            before = len(log.batches)
            bulk = asyncio.create_task(tell_all(ledger, reversals))
            await asyncio.sleep(0)
            assert isinstance(await tell(ledger, make.issue("1", id="single")), Moved)
            assert len(log.batches) - before <= 3
            assert all(isinstance(one, Moved) for one in await bulk)
            # Also where movement and reversal stand side by side in one bulk.
            pairs: list[Command] = []
            for number in range(200):
                pairs.append(make.issue("1", id=f"p{number}"))
                pairs.append(Reversal(sku=issues[0].sku, reverses=f"p{number}", id=f"q{number}"))
            before = len(log.batches)
            outcomes = await tell_all(ledger, pairs)
            assert all(isinstance(one, Moved) for one in outcomes)
            assert len(log.batches) - before <= 2

    run(main())


@pytest.mark.parametrize("slice_size", [1, 2, 250])
def test_one_sku_many_times_is_decided_in_order(
    slice_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each on what the one before has left, across slices and batches."""
    monkeypatch.setattr(queue, "SLICE_COMMANDS", slice_size)
    monkeypatch.setattr(batch, "BATCH_RECORDS_MAX", 3)

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            outcomes = await tell_all(
                ledger, [make.receipt("9"), *(make.issue("1") for _ in range(11))]
            )
            after_ = [one.source_after for one in outcomes[1:] if isinstance(one, Moved)]
            assert after_ == [8, 7, 6, 5, 4, 3, 2, 1, 0]
            assert [type(one).__name__ for one in outcomes[-2:]] == ["Refused", "Refused"]

    run(main())


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_bulk_that_reverses_its_own_movement(before: int) -> None:
    """The movement is written first, then found; what stands behind goes on afterwards."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            await tell(ledger, make.receipt("9"))
            outcomes = await tell_all(
                ledger,
                [
                    *(make.receipt("1") for _ in range(before)),
                    make.issue("4", id="x"),
                    make.reversal("x", id="back"),
                    make.reversal("x", id="twice"),
                    make.reversal("back"),
                    make.issue("2", id="out"),
                    make.customer_return("1", original_id="out"),
                    make.reversal("nobody"),
                    make.issue("4", id="x"),
                ],
            )
            rest = outcomes[before:]
            names = [type(one).__name__ for one in rest]
            assert names == [
                "Moved", "Moved", "Refused", "Refused", "Moved", "Moved", "Refused", "Replayed",
            ]  # fmt: skip
            codes = [getattr(one, "code", "") for one in rest]
            assert codes[2:4] == ["already_reversed", "not_reversible"]
            assert codes[6] == "unknown_movement"
            assert writer_of(ledger).state.skus[make.SKU].quantity == 9 + before - 1

    run(main())


def test_what_comes_after_the_end_is_refused() -> None:
    """And what waited before it is decided."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            calls = [asyncio.create_task(tell(ledger, make.receipt())) for _ in range(5)]
            await asyncio.sleep(0)
            await ledger.close()
            assert all(isinstance(one, Moved) for one in await asyncio.gather(*calls))
            assert isinstance(await tell(ledger, make.receipt()), Unavailable)

    run(main())


def _ids(world: World) -> list[str]:
    return [fact.id for fact in world.facts() if isinstance(fact, Moved | Refused | ItemDefined)]


def test_the_same_command_again_yields_nothing_new() -> None:
    """One at a time, in a bulk, after a restart, refusals and items too."""

    async def main() -> None:
        world = World()

        def commands() -> list[Command]:
            return [
                make.receipt("06.0", id="in", expected_on_hand=0, unit_cost="2.50"),
                make.issue("7", id="refused"),
                make.define(id="item", name="n", scale=0),
                make.define(id="bad item", scale=3),
                make.reversal("in", id="back", occurred_at="2026-09-21T14:00:00+00:00"),
                make.customer_return("1", id="unknown", original_id="nobody"),
                make.receipt("0.5", id="fine"),
            ]

        async with world.ledger() as ledger:
            first = await tell_all(ledger, commands())
            written = len(_ids(world))
            for again in (
                await tell_all(ledger, commands()),
                [await tell(ledger, one) for one in commands()],
            ):
                assert again == [Replayed(one) for one in first]  # type: ignore[arg-type]
        async with world.ledger(instance="two") as ledger:
            again = await tell_all(ledger, commands())
            assert again == [Replayed(one) for one in first]  # type: ignore[arg-type]
            other = await tell(ledger, make.receipt("7", id="in"))
            assert getattr(other, "code", "") == "idempotency_key_reused"
        assert len(_ids(world)) == written

    run(main())


def test_repetitions_without_end_hold_up_nobody() -> None:
    """They make no records, so that none of them would ever close a batch."""

    async def main() -> None:
        world = World()
        log = world.log()
        in_hand: list[int] = []
        async with world.ledger(log, queue_commands_max=20_000) as ledger:
            known = make.receipt("1", id="known")
            await tell(ledger, known)

            async def count() -> None:
                slices = writer_of(ledger)._draft.hand.slices
                in_hand.append(sum(stop - start for _, start, stop in slices))

            log.script = [after(count)]
            new = asyncio.create_task(tell(ledger, make.receipt("1", id="new")))
            again = [asyncio.create_task(tell_all(ledger, [known] * 250)) for _ in range(60)]
            assert isinstance(await new, Moved)
            for one in again:
                assert {type(outcome) for outcome in await one} == {Replayed}
        assert in_hand[0] < draft.COMMANDS_MAX + queue.SLICE_COMMANDS

    run(main())
