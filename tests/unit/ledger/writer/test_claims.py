"""Claims keep writers out of each other's way; nothing that is right depends on them."""

import asyncio
import contextlib
import random
from typing import Any

import pytest

from ledger.domain.facts import Moved, WriterClaimed
from ledger.log import Slice
from ledger.service import Ledger
from ledger.writer import partition
from ledger.writer.outcomes import Outcome, Unavailable
from ledger.writer.queue import Submission
from ledger.writer.tenure import Tenure
from tests import builders as make
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import (
    Append,
    World,
    lost_answer,
    lost_request,
    tell,
    tell_all,
    unavailable,
    writer_of,
)


def claims(world: World) -> list[str]:
    """Whose claims count, in order."""
    return [fact.instance for fact in world.facts() if isinstance(fact, WriterClaimed)]


def test_the_first_record_of_a_writer_is_its_claim() -> None:
    """Once, however much follows; none before there is anything to write."""

    async def main() -> None:
        world = World()
        async with world.ledger(url="http://one") as ledger:
            assert claims(world) == []
            for _ in range(3):
                await tell(ledger, make.receipt())
            fact = world.facts()[1]
            assert isinstance(fact, WriterClaimed)
            assert (fact.instance, fact.url) == ("one", "http://one")
            owner = writer_of(ledger).follower.owner
            assert owner is not None
            assert owner.url == "http://one"
        assert claims(world) == ["one"]

    run(main())


def test_who_reads_anothers_claim_claims_again_before_it_writes() -> None:
    """And after a pause, so that the other can work."""

    async def main() -> None:
        world, loop = World(), asyncio.get_running_loop()
        async with world.ledger() as one, world.ledger(instance="two") as two:
            await tell(one, make.receipt("6"))
            await tell(two, make.receipt("6"))
            before = loop.time()
            assert isinstance(await tell(one, make.issue("12")), Moved)
            assert loop.time() - before >= partition.CLAIM_PAUSE_SECONDS[0]
            assert one.metrics.claims == 2
        assert claims(world) == ["one", "two", "one"]

    run(main())


async def _feed(ledger: Ledger, name: str, chance: random.Random) -> int:
    taken = 0
    for number in range(40):
        outcome = await tell(ledger, make.issue("1", id=f"{name}-{number}"))
        taken += isinstance(outcome, Moved)
        await asyncio.sleep(chance.uniform(0, 0.01))
    return taken


@pytest.mark.parametrize("count", [2, 8])
def test_writers_that_race_are_exact_and_get_on(count: int) -> None:
    """Together they take what is there and not one more, and few of their batches are void."""

    async def main() -> None:
        world, chance = World(), random.Random(count)
        async with world.ledger() as first:
            await tell(first, make.receipt(30 * count))
        async with contextlib.AsyncExitStack() as stack:
            ledgers = [
                await stack.enter_async_context(
                    world.ledger(instance=f"w{n}", chance=random.Random(n))
                )
                for n in range(count)
            ]
            taken = await asyncio.gather(
                *(_feed(ledger, f"w{n}", chance) for n, ledger in enumerate(ledgers))
            )
        assert sum(taken) == 30 * count
        appended = sum(ledger.metrics.appended for ledger in ledgers)
        assert appended == 40 * count
        assert sum(ledger.metrics.void_batches for ledger in ledgers) < 40 * count

    run(main())


def test_a_claim_of_unknown_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits is told that nothing was written; the next one finds the claim in the log."""

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log) as ledger:
            log.script = [lost_answer]
            assert isinstance(await tell(ledger, make.receipt()), Unavailable)
            assert isinstance(await tell(ledger, make.receipt()), Moved)
        # Read back: it is claimed already, but a second claim does no harm either.
        assert set(claims(world)) == {"one"}

    run(main())


def test_a_claim_that_cannot_be_written() -> None:
    """Everybody who waits is answered, bulks too; nobody waits for the log to come back."""

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log) as ledger:
            log.script = [unavailable]
            outcomes = await tell_all(ledger, [make.receipt() for _ in range(600)])
            assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
            assert isinstance(await tell(ledger, make.receipt()), Moved)
        assert len([fact for fact in world.facts() if isinstance(fact, Moved)]) == 1

    run(main())


@pytest.mark.parametrize("second", [lost_request, lost_answer, unavailable])
def test_an_owner_whose_claims_stay_unclear_begins_all_the_same(second: Append) -> None:
    """It may read its own first claim, and fail with the second one. Others look for it by then, so
    that it must not wait for a command before it claims once more."""

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log) as ledger:
            began: list[float] = []
            writer, loop = writer_of(ledger), asyncio.get_running_loop()
            log.script = [lost_answer, second]
            writer.tenure = Tenure(announced=True, began=lambda: began.append(loop.time()))
            writer.want(wanted=True)
            await asyncio.sleep(5)
            assert len(began) == 1
            assert len(claims(world)) >= 2

    run(main())


def test_a_command_that_comes_while_anothers_claim_is_read_is_handed_over() -> None:
    """Whoever is not wanted any more does not claim the partition back for it."""

    async def main() -> None:
        world = World()
        log = world.log()
        handed: list[Submission] = []
        late: list[asyncio.Task[Outcome]] = []
        async with world.ledger(log) as one, world.ledger(instance="two") as two:
            await tell(one, make.receipt("6"))
            writer, read = writer_of(one), log.read

            async def reading(partition: int, offset: int, **more: Any) -> Slice:
                found = await read(partition, offset, **more)
                if found.records and not late:
                    late.append(asyncio.create_task(tell(one, make.issue("1", id="late"))))
                    await asyncio.sleep(0)
                return found

            writer.tenure = Tenure(announced=True, ended=handed.extend)
            writer.want(wanted=False)
            log.read = reading  # type: ignore[method-assign]
            await tell(two, make.receipt("1"))
            await asyncio.sleep(5)
            assert [one.commands[0].id for one in handed] == ["late"]
            assert claims(world) == ["one", "two"]
            late[0].cancel()

    run(main())
