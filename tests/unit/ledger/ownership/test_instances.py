"""How an instance leaves: others take over first, if there are any and they do it in time."""

import asyncio
from types import SimpleNamespace

from ledger.ownership.group import Assigned, Bystander
from ledger.ownership.instances import Instances
from tests.unit.ledger.ownership.fakes import ScriptedPeers, all_decided
from tests.waiting import eventually


class ScriptedGroup:
    """Says what a test says, and remembers that it was left."""

    def __init__(self) -> None:
        """In touch."""
        self.failure: str | None = None
        self.left = False
        self.empty = asyncio.Event()
        self.broken = asyncio.Event()

    async def run(self, assigned: Assigned) -> None:
        """Until it breaks."""
        assigned(frozenset({0}))
        await self.broken.wait()

    async def leave(self) -> None:
        """Left."""
        self.left = True

    async def deserted(self) -> None:
        """Nobody is left."""
        await self.empty.wait()


class ScriptedDesks:
    """Partitions that others take over when a test says so."""

    def __init__(self, *, has_all: bool = False) -> None:
        """It holds something."""
        self.has_all = has_all
        self.shares: list[frozenset[int]] = []
        self.free = asyncio.Event()

    def share(self, share: frozenset[int]) -> None:
        """A new share."""
        self.shares.append(share)

    async def released(self) -> None:
        """Others have taken over."""
        await self.free.wait()


def instances_of(group: ScriptedGroup | Bystander) -> Instances:
    """An instance in this group."""

    async def answer(_url: str, bundle: object) -> object:
        return all_decided(bundle)  # type: ignore[arg-type]

    peers = ScriptedPeers(answer)  # type: ignore[arg-type]
    return Instances(group, peers, own_url="http://me", sender="me")


async def joined(
    group: ScriptedGroup | Bystander, desks: ScriptedDesks | SimpleNamespace
) -> Instances:
    """It has heard of its share."""
    made = instances_of(group)
    made.join("a-ledger", desks)  # type: ignore[arg-type]
    await eventually(lambda: desks.shares)
    return made


async def test_it_waits_until_others_have_taken_over() -> None:
    """Having left the group, and wanting nothing any more."""
    group, desks = ScriptedGroup(), ScriptedDesks()
    made = await joined(group, desks)
    leaving = asyncio.create_task(made.hand_over(60.0))
    await eventually(lambda: len(desks.shares) > 1)
    assert group.left
    assert desks.shares[-1] == frozenset()
    assert not leaving.done()
    desks.free.set()
    await asyncio.wait_for(leaving, 10)
    await made.resign()


async def test_it_does_not_wait_where_all_leave() -> None:
    """As many processes do that are stopped at the same time."""
    group, desks = ScriptedGroup(), ScriptedDesks()
    made = await joined(group, desks)
    leaving = asyncio.create_task(made.hand_over(60.0))
    await eventually(lambda: len(desks.shares) > 1)
    assert not leaving.done()
    group.empty.set()
    await asyncio.wait_for(leaving, 10)
    await made.resign()


async def test_it_does_not_wait_for_ever() -> None:
    """Perhaps the others do not get so far."""
    made = await joined(ScriptedGroup(), ScriptedDesks())
    await asyncio.wait_for(made.hand_over(0.01), 10)
    await made.resign()


async def test_alone_there_is_nobody_to_wait_for() -> None:
    """It has all partitions; nor before it has joined."""
    group, desks = ScriptedGroup(), ScriptedDesks(has_all=True)
    made = await joined(group, desks)
    await asyncio.wait_for(made.hand_over(60.0), 10)
    assert desks.shares == [frozenset({0})]
    await made.resign()
    await asyncio.wait_for(instances_of(group).hand_over(60.0), 10)


async def test_a_membership_that_ends_is_said() -> None:
    """It never should by itself."""
    group = ScriptedGroup()
    made = await joined(group, ScriptedDesks())
    assert made.failure is None
    group.failure = "no broker"
    assert made.failure == "no broker"
    group.broken.set()
    await eventually(lambda: made.failure == "the instance has left the group")
    await made.resign()


async def test_a_bystander_has_no_share() -> None:
    """And is in touch at once."""
    desks = ScriptedDesks()
    made = await joined(Bystander(), desks)
    assert desks.shares == [frozenset()]
    assert made.failure is None
    await made.resign()
