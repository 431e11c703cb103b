"""What was made of names that come again and again.

A hit costs half of what `functools.lru_cache` takes, because no order is kept: a memo that is full
starts from nothing. Readers look up several names a record, so that this shows.
"""

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Made = TypeVar("Made")


class Memo(dict[Key, Made]):
    """Key → what `make` makes of it, for `entries_max` keys at most. What raises is not kept."""

    __slots__ = ("_entries_max", "_make")

    def __init__(self, make: Callable[[Key], Made], entries_max: int) -> None:
        """Nothing is made yet."""
        super().__init__()
        self._make = make
        self._entries_max = entries_max

    def __missing__(self, key: Key) -> Made:
        """Make it the first time a key comes."""
        made = self._make(key)
        if len(self) >= self._entries_max:
            self.clear()
        self[key] = made
        return made
