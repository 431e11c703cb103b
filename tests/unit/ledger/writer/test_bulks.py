"""What is worked out of a whole bulk at once is what would be worked out of each command."""

import pytest

from ledger.domain.facts import Command, Moved
from ledger.domain.movements import MovementCommand, Reference
from ledger.domain.rejections import Rejected
from ledger.events.envelope import TRAIL_LEVEL
from ledger.writer.outcomes import Replayed
from ledger.writer.pace import SORTED_AS_DECIDED, TURN_COMMANDS_MAX
from tests import builders as make
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import World, tell_all, writer_of

# More than are sorted in one turn.
MANY = SORTED_AS_DECIDED * TURN_COMMANDS_MAX + 200


def _odd(kind: str) -> MovementCommand:
    if kind == "id":
        return make.receipt("1", id="no\x00id")
    if kind == "original_id":
        return make.customer_return("1", id="odd", original_id="")
    return make.receipt("1", id="odd", reference=Reference("order", ""))


@pytest.mark.parametrize("kind", ["id", "reference", "original_id"])
@pytest.mark.parametrize("place", [0, 100, MANY - 1])
def test_one_that_is_malformed_is_found_wherever_it_stands(kind: str, place: int) -> None:
    """And it alone is refused."""

    async def main() -> None:
        world = World()
        commands: list[Command] = [make.receipt("1", id=f"id-{n}") for n in range(MANY)]
        commands[place] = _odd(kind)
        async with world.ledger() as ledger:
            answers = await tell_all(ledger, commands)
        wrong = answers.pop(place)
        assert isinstance(wrong, Rejected)
        assert wrong.code == f"invalid_{kind.removeprefix('original_')}"
        assert {type(one) for one in answers} == {Moved}
        assert len(world.ids()) == MANY - 1

    run(main())


def test_the_window_counts_every_id_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In several slices of one batch, beside refusals, repetitions and what uses no id."""
    monkeypatch.setattr("ledger.writer.opening.FORMAT_LEVEL", TRAIL_LEVEL - 1)

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            commands = [make.receipt("1", id=f"id-{n}") for n in range(700)]
            commands += [make.receipt("1", id=f"id-{n}") for n in range(50)]
            answers = await tell_all(ledger, [*commands, make.pick("1000000", id="refused")])
            assert sum(isinstance(one, Replayed) for one in answers) == 50
            await ledger.raise_level(TRAIL_LEVEL, actor=None)
            assert writer_of(ledger).state.level == TRAIL_LEVEL
            await tell_all(ledger, [make.receipt("1", id="last")])
            writer = writer_of(ledger)
            assert len(writer.follower.window) == len({*world.ids()}) == 702

    run(main())


def test_a_batch_keeps_no_records() -> None:
    """Once the log has them."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            await tell_all(ledger, [make.receipt("1") for _ in range(10)])
            batch = writer_of(ledger)._draft.batch
            assert len(batch.facts) == 10
            assert not batch.records

    run(main())
