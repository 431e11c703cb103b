"""By which request a command came: recorded from its level on, and no part of the command."""

from typing import Any

import msgspec
import pytest

from ledger.domain.facts import LevelRaised, Moved, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.supply import SupplyOrderPlaced
from ledger.events.codec import encode
from ledger.events.decoding import Codec
from ledger.events.trails import Trail, encode_trail, trail_document
from ledger.log import Record
from ledger.ownership.wire import Part, wrap_commands
from ledger.writer.outcomes import Replayed
from tests import builders as make
from tests.given import given as given_past
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import World, writer_of

FIRST = encode_trail(Trail("recordMovement@one-3fa2b1", "r-1", "5f2b9c01"))
SECOND = encode_trail(Trail("recordMovements@two-77e0aa", "r-2"))


def _said(world: World) -> list[dict[str, str] | None]:
    """What every counting record says that somebody asked for."""
    documents: list[dict[str, Any]] = [msgspec.json.decode(r.value) for r in world.counting()]
    asked = [one for one in documents if "actor" in one]
    return [one["data"].get("trail") for one in asked]


def test_every_kind_of_record_says_by_which_request_it_came() -> None:
    """Movements, refusals, items, supply orders; and it is read as it was written."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            facts = []
            for command in (
                make.receipt("6", id="r"),
                make.issue("9", id="i"),
                make.define(id="d"),
                make.place(id="o"),
                make.reversal("r", id="v"),
            ):
                _, fact = await ledger.submit(command, actor="a", timeout_seconds=5.0, trail=FIRST)
                facts.append(fact)
            assert list(map(type, facts)) == [Moved, Refused, ItemDefined, SupplyOrderPlaced, Moved]
            assert [getattr(fact, "trail", None) for fact in facts] == [FIRST] * 5
            found = await writer_of(ledger).find("i")
            assert isinstance(found, Refused)
            assert found.trail == FIRST
        said = {
            "origin": "recordMovement@one-3fa2b1",
            "request_id": "r-1",
            "credential": "5f2b9c01",
        }
        assert _said(world) == [said] * 5

    run(main())


def test_a_repeat_by_another_request_is_a_replay() -> None:
    """Its answer names the first one, for movements, refusals and items."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            for make_one in (
                lambda: make.receipt("6", id="r"),
                lambda: make.issue("9", id="i"),
                lambda: make.define(id="d"),
            ):
                _, fact = await ledger.submit(
                    make_one(), actor="a", timeout_seconds=5.0, trail=FIRST
                )
                _, again = await ledger.submit(
                    make_one(), actor="b", timeout_seconds=5.0, trail=SECOND
                )
                assert again == Replayed(fact)  # type: ignore[arg-type]
        assert len(_said(world)) == 3

    run(main())


@pytest.mark.parametrize("level", [1, 2])
def test_below_its_level_events_are_as_they_were(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the byte; from the record that raises the log on they say it."""
    monkeypatch.setattr("ledger.writer.opening.FORMAT_LEVEL", level)

    async def written(trail: bytes | None) -> list[bytes]:
        world = World()
        async with world.ledger() as ledger:
            for command in (make.receipt("6", id="r"), make.issue("9", id="i")):
                await ledger.submit(command, actor="a", timeout_seconds=5.0, trail=trail)
            before = [record.value for record in world.counting()]
            (raised,) = await ledger.raise_level(3, actor="ops", trail=trail)
            assert isinstance(raised, LevelRaised)
            assert raised.trail is None
            _, fact = await ledger.submit(
                make.receipt("1", id="s"), actor="a", timeout_seconds=5.0, trail=trail
            )
            assert isinstance(fact, Moved)
            assert fact.trail == trail
        return before

    assert run(written(FIRST)) == run(written(None))


def test_a_bulk_of_two_requests_in_one_batch() -> None:
    """Each record has the trail of its own request."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            for trail in (FIRST, SECOND, None):
                commands = [make.receipt("1") for _ in range(3)]
                answers = await ledger.submit_bulk(
                    commands, actor="a", timeout_seconds=5.0, trail=trail
                )
                assert [fact.trail for _, fact in answers] == [trail] * 3  # type: ignore[union-attr]
        said = [one and one["request_id"] for one in _said(world)]
        assert said == ["r-1"] * 3 + ["r-2"] * 3 + [None] * 3

    run(main())


class _OlderPart(msgspec.Struct, array_like=True):
    """What versions without a trail send and read."""

    partition: int
    actor: str | None
    traceparent: bytes | None
    seconds_left: float
    commands: list[tuple[int, msgspec.Raw]]


def test_instances_with_and_without_trails_understand_each_other() -> None:
    """An older one skips it; from an older one there is none."""
    commands = wrap_commands([make.receipt("1", id="r")])
    newer, older = Part(0, "a", None, 1.0, commands, FIRST), _OlderPart(0, "a", None, 1.0, commands)
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(newer), type=_OlderPart)
    assert (read.actor, len(read.commands)) == ("a", 1)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(older), type=Part).trail is None
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(newer), type=Part).trail == FIRST


def test_a_trail_that_nobody_can_read() -> None:
    """It is shown as none; a newer one as far as it is known."""
    nothing = {"credential": None, "origin": None, "request_id": None}
    for odd in (None, b"5", b"{}", b"", '{"origin": 1}'):
        assert trail_document(odd) == nothing
    newer = '{"origin":"o","request_id":"r","more":[1]}'
    assert trail_document(newer) == {"credential": None, "origin": "o", "request_id": "r"}


def test_neighbours_by_other_requests_are_told_apart() -> None:
    """A reader that remembers the trail before gives each movement its own."""
    codec = Codec()
    trails = [FIRST, FIRST, None, FIRST, SECOND, None, SECOND]
    read = []
    for offset, trail in enumerate(trails):
        moved = given_past().when(make.receipt("6", id=f"r{offset}")).then()
        moved.offset, moved.trail = offset, trail
        key, value = encode(moved, "/stockledger/test", "0" * 64)
        read.append(codec.decode(Record(offset, offset, key, value, 0))[1].trail)  # type: ignore[union-attr]
    assert read == trails
