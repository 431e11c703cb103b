"""The port that says which partitions this instance should write."""

import asyncio
from collections.abc import Callable
from typing import Protocol

Assigned = Callable[[frozenset[int]], None]


class Group(Protocol):
    """Instances that share the partitions out among themselves.

    What it says is advice: an instance that goes on writing a partition which is no longer its own
    makes void records, and no wrong ones.
    """

    # Why this instance is not in touch with the group, if it is not.
    failure: str | None

    async def run(self, assigned: Assigned) -> None:
        """Take part until cancelled; `assigned` hears the whole share after every change."""
        ...

    async def leave(self) -> None:
        """Give all partitions to the others at once; `run` goes on without a share."""
        ...

    async def deserted(self) -> None:
        """Wait until nobody is in it who could take what this instance left."""
        ...


class Only:
    """No group: this instance always has the same share."""

    def __init__(self, share: frozenset[int]) -> None:
        """The partitions it has."""
        self.failure: str | None = None
        self._share = share

    async def run(self, assigned: Assigned) -> None:
        """Say the share once."""
        assigned(self._share)
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Nobody else would take the partitions."""

    async def deserted(self) -> None:
        """It always is."""


class Alone(Only):
    """No group: this instance has all partitions, or every n-th."""

    def __init__(self, partitions: int, *, number: int = 0, of: int = 1) -> None:
        """The share of instance `number` (from 0) of `of`."""
        super().__init__(frozenset(range(number, partitions, of)))


class Bystander:
    """An instance that writes nothing itself: it has no share, and sends everything to others."""

    def __init__(self) -> None:
        """It is always in touch, since nobody waits for it."""
        self.failure: str | None = None

    async def run(self, assigned: Assigned) -> None:
        """Say the empty share once."""
        assigned(frozenset())
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """There is nothing to give."""

    async def deserted(self) -> None:
        """Nobody need take anything."""
