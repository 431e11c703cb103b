"""Ids for ever: the newest in memory, older ones through a Bloom filter and the views' id index.

Ids enter the filter before they leave the state's own. So one look into the filter tells of nearly
every new id that it was never used. One that it may know is looked for in the window, which holds
the newest ids, and if some have left that, in the index.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Protocol

from ledger.domain.stock import PartitionState
from ledger.writer.filters import OldIds

# Ids in one generation of the window, at most. A batch more still fits into a table of 2^15 places,
# whose making takes about a millisecond, as does freeing a generation. One dictionary with a
# million ids would stop everything for a tenth of a second whenever it grows.
GENERATION_IDS = 20_000
# So many generations are a window, or more. The smaller the youngest is, the likelier it stays in
# the processor's cache, where each new id is looked for and put: one of 1,300 ids takes a twentieth
# of a movement's time less than one of 20,000. All of them are looked through for an id that the
# filter may know.
_GENERATIONS_MIN = 64
# Ids that count enter the filter once there are so many: fewer cost nearly as much.
_ENTERING_MIN = 250


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
    enough it becomes an older generation, which never changes, and the state gets an empty one. By
    then all its ids are in the filter, so that the oldest generation can leave as a whole. None of
    these steps grows with the window.
    """

    __slots__ = ("_count", "_older", "_outside", "_state", "left", "limit", "old")

    def __init__(self, state: PartitionState, limit: int, old: OldIds) -> None:
        """The newest `limit` ids stay in it, and at most a generation and a batch more."""
        self.limit = limit
        # Knows every id that counts, but for the newest of the state's own.
        self.old = old
        # Whether any id has left the window, so that the filter may know more than the window.
        self.left = False
        self._state = state
        # The oldest first.
        self._older: deque[dict[str, int]] = deque()
        # How many of the state's ids, the newest, have yet to enter the filter.
        self._outside = 0
        self._count = 0

    def __len__(self) -> int:
        """How many ids of counting records are in the window."""
        return self._count

    @property
    def young(self) -> bool:
        """Whether the state's `ids` hold every id that was ever used."""
        return not self._older and not self.left

    def start_offset(self) -> int | None:
        """The offset of the oldest id in the window: the index must have passed it."""
        oldest = self._older[0] if self._older else self._state.ids
        return next(iter(oldest.values()), None)

    def older(self, suspects: Sequence[str]) -> dict[str, int]:
        """The offsets of those ids that are in the window, but not in the state's `ids`.

        It looks through all generations: only ids that the filter may know are worth it.
        """
        sought = {*suspects}.difference(self._state.ids)
        found: dict[str, int] = {}
        for generation in reversed(self._older):
            if not sought:
                break
            if not generation.keys().isdisjoint(sought):
                found |= {name: generation[name] for name in sought if name in generation}
                sought.difference_update(found)
        return found

    def items(self) -> Iterator[tuple[str, int]]:
        """Ids and offsets as they are now, the oldest first; takes no harm from what comes later.

        The state must hold nothing but counting records.
        """
        generations = (*self._older, self._state.ids.copy())
        return chain.from_iterable(generation.items() for generation in generations)

    def extend(self, ids: int) -> None:
        """So many ids, the newest in the state, count from now on; the oldest may leave.

        The state must hold nothing but counting records.
        """
        self._count += ids
        self._outside += ids
        if self._outside >= _ENTERING_MIN:
            self.enter()
        self._turn_over()
        while self.shrink():
            pass

    def enter(self) -> None:
        """Let the filter know every id that counts. The state must hold nothing else."""
        if self._outside:
            names = [*islice(reversed(self._state.ids), self._outside)]
            names.reverse()
            self.old.add(names)
            self._outside = 0

    def restore(self, ids: dict[str, int]) -> None:
        """Take back ids from a snapshot, the oldest first, whose filter knows all of them.

        None leaves before `shrink`; `restored` must be called behind the last.
        """
        self._state.ids.update(ids)
        self._count += len(ids)
        self._turn_over()

    def restored(self) -> None:
        """All that the snapshot holds of window and filter is here."""
        self.left = len(self.old) > self._count

    def shrink(self) -> bool:
        """Let the oldest generation leave if it is not needed; whether it did."""
        if not self._older or self._count - len(self._older[0]) < self.limit:
            return False
        self._count -= len(self._older.popleft())
        self.left = True
        return True

    def _turn_over(self) -> None:
        if len(self._state.ids) >= self._generation_ids:
            self.enter()
            self._older.append(self._state.ids)
            self._state.ids = {}

    @property
    def _generation_ids(self) -> int:
        return max(1, min(GENERATION_IDS, self.limit // _GENERATIONS_MIN))
