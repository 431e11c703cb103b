"""What an owner says would become of a command."""

import asyncio

from ledger.domain.facts import Moved
from ledger.domain.movements import Reversal
from ledger.domain.rejections import Rejected
from ledger.ownership.questions import preview
from tests import builders as make
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import World, after, tell, tell_all, writer_of
from tests.waiting import eventually


def test_what_is_on_its_way_is_not_reversed_as_something_else() -> None:
    """At the offset that a movement was decided for there may lie another's by now."""

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log) as one, world.ledger(instance="two") as two:
            await tell(one, make.receipt("6"))
            release = asyncio.Event()
            log.script = [after(release.wait)]
            sent = asyncio.create_task(
                tell_all(one, [make.receipt("1", id=name) for name in ("a", "b")])
            )
            writer = writer_of(one)
            await eventually(lambda: "b" in writer.state.ids)
            # Behind its claim, at the offset that `b` was decided for.
            assert isinstance(await tell(two, make.receipt("9", id="other")), Moved)
            command = Reversal(id="back", sku=make.receipt().sku, reverses="b")
            answer = await preview(writer, command, None, writer._options)
            assert isinstance(answer, Rejected)
            assert answer.code == "unknown_movement"
            release.set()
            assert all(isinstance(outcome, Moved) for outcome in await sent)

    run(main())


def test_an_id_that_was_used_is_told_as_it_would_be() -> None:
    """In the words of the answer that is not for a dry run."""

    async def main() -> None:
        async with World().ledger() as ledger:
            await tell(ledger, make.receipt("6", id="a"))
            command = make.receipt("7", id="a")
            _, previewed = await ledger.dry_run(command, actor=None)
            assert isinstance(previewed, Rejected)
            assert previewed == await tell(ledger, command)

    run(main())
