"""Ids for ever: the newest in memory, older ones through a Bloom filter and the views' id index.

The window holds the newest ids. What leaves it enters the filter first. An id that neither knows
was never used; one that only the filter may know is looked up in the index.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Protocol

from ledger.domain.stock import PartitionState
from ledger.writer.digest import Digest
from ledger.writer.filters import TOGETHER_MIN, OldIds

# Ids in one generation of the window. A batch more still fits into a table of 2^15 places, whose
# making takes about a millisecond, as does freeing a generation. One dictionary with a million ids
# would stop everything for a tenth of a second whenever it grows; many small ones cost a look each.
GENERATION_IDS = 20_000
# A window holds at most one generation more than it must, and one that is leaving; each no more
# than this part of it.
_GENERATIONS_MIN = 4
# So many ids of the leaving generation enter the filter for each new id.
_LEAVING_PER_ID = 4
_LEAVING_MIN = 250


class IdIndex(Protocol):
    """Where older ids are found: the views."""

    async def find(self, partition: int, ids: Sequence[str]) -> dict[str, int]:
        """The offsets of those ids that the view has seen in the partition."""
        ...

    async def position(self, partition: int) -> int:
        """The offset that the view reads next in the partition."""
        ...


class Window:
    """The newest ids of one partition and their offsets, in generations.

    The youngest generation is the state's own `ids`, where each new id is put. When it is large
    enough it becomes an older generation, which never changes, and the state gets an empty one.
    The oldest one leaves once all its ids have entered the filter, some with each batch. None of
    these steps grows with the window.
    """

    __slots__ = ("_count", "_digest", "_leaving", "_older", "_state", "entered", "limit", "old")

    def __init__(self, state: PartitionState, limit: int, old: OldIds) -> None:
        """The newest `limit` ids stay in it, and at most half more or a batch more."""
        self.limit = limit
        self.old = old
        self._state = state
        # The oldest first.
        self._older: deque[dict[str, int]] = deque()
        self._digest = Digest(self._generation_ids)
        # Ids of the oldest generation that have yet to enter the filter, while it is leaving.
        self._leaving: Iterator[str] | None = None
        # How many of them have entered it, and so are counted there as well as here.
        self.entered = 0
        self._count = 0

    def __len__(self) -> int:
        """How many ids of counting records are in the window."""
        return self._count

    @property
    def young(self) -> bool:
        """Whether the state's `ids` hold every id that was ever used."""
        return not self._older and not self.old

    def start_offset(self) -> int | None:
        """The offset of the oldest id in the window: the index must have passed it."""
        oldest = self._older[0] if self._older else self._state.ids
        return next(iter(oldest.values()), None)

    def older(self, identities: Sequence[str]) -> dict[str, int]:
        """The offsets of those ids that are in the window, but not in the state's `ids`."""
        if len(identities) >= TOGETHER_MIN:
            identities = self._digest.perhaps(identities)
        found: dict[str, int] = {}
        for generation in self._older if identities else ():
            if not generation.keys().isdisjoint(identities):
                found |= {name: generation[name] for name in identities if name in generation}
        return found

    def items(self) -> Iterator[tuple[str, int]]:
        """Ids and offsets as they are now, the oldest first; takes no harm from what comes later.

        The state must hold nothing but counting records.
        """
        generations = (*self._older, self._state.ids.copy())
        return chain.from_iterable(generation.items() for generation in generations)

    def extend(self, ids: int) -> None:
        """So many ids in the state count from now on; the oldest may leave."""
        self._count += ids
        self._turn_over()
        self.shrink(max(_LEAVING_MIN, _LEAVING_PER_ID * ids))

    def restore(self, ids: dict[str, int]) -> None:
        """Take back ids from a snapshot, the oldest first; none leaves before `shrink`."""
        self._state.ids.update(ids)
        self._count += len(ids)
        self._turn_over()

    def shrink(self, ids_max: int) -> bool:
        """Let so many of the oldest ids leave, if there are too many; whether there still are."""
        while self._older and self._count - len(self._older[0]) >= self.limit:
            if ids_max <= 0:
                return True
            ids_max -= self._leave(ids_max)
        return False

    def _leave(self, ids_max: int) -> int:
        """Put ids of the oldest generation into the filter; it goes when all of them are there."""
        if self._leaving is None:
            self._leaving = iter(self._older[0])
        ids = [*islice(self._leaving, ids_max)]
        self.old.add(ids)
        self.entered += len(ids)
        if len(ids) < ids_max:
            self._count -= len(self._older.popleft())
            self._digest.drop()
            self._leaving, self.entered = None, 0
        return len(ids)

    def _turn_over(self) -> None:
        if len(self._state.ids) >= self._generation_ids:
            self._digest.add(self._state.ids)
            self._older.append(self._state.ids)
            self._state.ids = {}

    @property
    def _generation_ids(self) -> int:
        return max(1, min(GENERATION_IDS, self.limit // _GENERATIONS_MIN))
