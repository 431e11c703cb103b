"""The SKUs of one partition in a form that can be walked slice by slice."""

from collections.abc import Iterator, Sized
from itertools import chain, islice
from typing import Protocol

_PIECE_NAMES = 1_000


class Names(Sized, Protocol):
    """A dictionary whose newest keys come last."""

    def __reversed__(self) -> Iterator[str]:
        """The keys, the newest first."""
        ...


class SkuNames:
    """All SKUs, the oldest first.

    A dictionary that may grow between two slices cannot be walked, and copying its keys takes the
    longer the more there are. The names lie in tuples, since the garbage collector looks at a tuple
    of strings only once, and at a list of them again and again.
    """

    __slots__ = ("_count", "_full", "_last")

    def __init__(self) -> None:
        """None yet."""
        self._full: list[tuple[str, ...]] = []
        self._last: list[str] = []
        self._count = 0

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def follow(self, skus: Names) -> None:
        """Take over what is new. All SKUs must come from counting records, so that none goes."""
        fresh = list(islice(reversed(skus), len(skus) - self._count))
        if not fresh:
            return
        fresh.reverse()
        self._last += fresh
        self._count = len(skus)
        while len(self._last) >= _PIECE_NAMES:
            self._full.append(tuple(self._last[:_PIECE_NAMES]))
            del self._last[:_PIECE_NAMES]

    def walk(self) -> Iterator[str]:
        """Those there are now, the oldest first; takes no harm from what comes later."""
        return chain.from_iterable((*self._full, tuple(self._last)))
