"""A group that shares partitions out, late, with overlaps and holes."""

import asyncio
import random
from functools import partial

from ledger.ownership.group import Assigned
from tests.simulation.clock import OUTSIDE, Process

HEARTBEAT_SECONDS = 0.5
# A member that gives no sign of life for so long is left behind.
SESSION_SECONDS = 2.5
# How late a member hears of its share, mostly and at worst.
HEARS_SECONDS = (0.05, 3.0)
# How long a partition is nobody's, or of two at once.
UNSURE_SECONDS_MAX = 3.0


class Coordinator:
    """Knows the members and whose each partition is."""

    def __init__(self, partitions: int, chance: random.Random) -> None:
        """Nobody is there. `calm`: from then on everybody hears of changes soon."""
        self.calm = False
        self.owners: list[SimulatedGroup | None] = [None] * partitions
        # Members that hear for a while that a partition is theirs as well.
        self._also: list[SimulatedGroup | None] = [None] * partitions
        self._members: list[SimulatedGroup] = []
        self._chance = chance

    def share(self, member: "SimulatedGroup") -> frozenset[int]:
        """What the member would hear now."""
        both = enumerate(zip(self.owners, self._also, strict=True))
        return frozenset(partition for partition, names in both if member in names)

    def has(self, member: "SimulatedGroup") -> bool:
        """Whether it takes part."""
        return member in self._members

    def join(self, member: "SimulatedGroup") -> None:
        """A member comes, or comes back."""
        self._members.append(member)
        self._balance()

    def remove(self, member: "SimulatedGroup") -> None:
        """A member goes, or is given up."""
        if member in self._members:
            self._members.remove(member)
            self._balance()

    async def watch(self) -> None:
        """Give up members without a sign of life; move shares about, often more than one."""
        loop = asyncio.get_running_loop()
        often = self._chance.choice((0.0, 0.05, 0.2))
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for member in [*self._members]:
                if loop.time() > member.seen_at + SESSION_SECONDS:
                    self.remove(member)
            if not self.calm and self._chance.random() < often:
                for _ in range(self._chance.randint(1, len(self.owners))):
                    self.move()

    @property
    def deserted(self) -> bool:
        """Whether nobody is a member."""
        return not self._members

    def move(self) -> None:
        """Move a partition to somebody, perhaps with a hole or an overlap."""
        if not self._members:
            return
        partition = self._chance.randrange(len(self.owners))
        old, new = self.owners[partition], self._chance.choice(self._members)
        how = "clean" if self.calm else self._chance.choice(("clean", "hole", "overlap"))
        later = self._chance.uniform(0.0, UNSURE_SECONDS_MAX)
        loop = asyncio.get_running_loop()
        self.owners[partition] = None if how == "hole" else new
        if how == "hole":
            loop.call_later(later, self._fill, partition, context=OUTSIDE)
        elif how == "overlap":
            self._also[partition] = old
            loop.call_later(later, self._no_longer, partition, context=OUTSIDE)
        self._tell_all()

    def _fill(self, partition: int) -> None:
        if self.owners[partition] is None:
            self._balance()

    def _no_longer(self, partition: int) -> None:
        self._also[partition] = None
        self._tell_all()

    def _balance(self) -> None:
        """Partitions without an owner go to who has least; then shares differ by one at most."""
        for partition, owner in enumerate(self.owners):
            if owner not in self._members:
                self.owners[partition] = None
        for partition, owner in enumerate(self.owners):
            if owner is None and self._members:
                self.owners[partition] = min(self._members, key=self._size)
        while self._members:
            least, most = min(self._members, key=self._size), max(self._members, key=self._size)
            if self._size(most) - self._size(least) <= 1:
                break
            self.owners[self.owners.index(most)] = least
        self._tell_all()

    def _size(self, member: "SimulatedGroup") -> int:
        return self.owners.count(member)

    def _tell_all(self) -> None:
        """Each hears its share some time later: what it is by then."""
        loop = asyncio.get_running_loop()
        for member in self._members:
            late = not self.calm and self._chance.random() < 0.1
            seconds = self._chance.uniform(0.0, HEARS_SECONDS[late])
            loop.call_later(seconds, partial(member.hear), context=member.process.context)


class SimulatedGroup:
    """One instance's membership."""

    def __init__(self, coordinator: Coordinator, process: Process) -> None:
        """Not joined yet."""
        self.failure: str | None = None
        self.process = process
        self.seen_at = 0.0
        self._coordinator = coordinator
        self._assigned: Assigned = lambda _share: None
        self._leaving = False

    async def run(self, assigned: Assigned) -> None:
        """Take part; come back if the others have given this one up."""
        self._assigned = assigned
        loop = asyncio.get_running_loop()
        while not self._leaving:
            self.seen_at = loop.time()
            if not self._coordinator.has(self):
                self._coordinator.join(self)
            await asyncio.sleep(HEARTBEAT_SECONDS)
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Give everything to the others."""
        self._leaving = True
        self._coordinator.remove(self)
        self._assigned(frozenset())

    async def deserted(self) -> None:
        """Look now and then."""
        while not self._coordinator.deserted:  # noqa: ASYNC110 - time is simulated
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def hear(self) -> None:
        """The share as it is now; a member that was given up keeps what it had."""
        if not self._leaving and self._coordinator.has(self):
            self._assigned(self._coordinator.share(self))
