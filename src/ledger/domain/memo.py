"""Remembering what a pure function made of a key, because the same few thousand keys come again."""

from collections.abc import Callable
from typing import TypeVar

ENTRIES_MAX = 16_384
# Longer than any name or number that is good. What is malformed may be of any length, and would
# keep as much memory.
TEXT_LENGTH_MAX = 400

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memo(dict[Key, Value]):
    """`memo[key]` is what the function makes of the key; when it is full, all is forgotten.

    A third of what `functools.lru_cache` costs, which counts calls and keeps an order. Where 1, 1.0
    and True must not be the same key, only one of these types may be asked for. What raises is not
    remembered, nor what is made of long texts.
    """

    __slots__ = ("_entries_max", "_make")

    def __init__(self, make: Callable[[Key], Value], entries_max: int = ENTRIES_MAX) -> None:
        """Empty. `make` must be pure."""
        super().__init__()
        self._make = make
        self._entries_max = entries_max

    def __missing__(self, key: Key) -> Value:
        """Make and remember the value of a key that was not asked for lately."""
        value = self._make(key)
        if _is_long(key):
            return value
        if len(self) >= self._entries_max:
            self.clear()
        self[key] = value
        return value


def remembered(make: Callable[[Key], Value]) -> Callable[[Key], Value]:
    """The same pure function, which remembers."""
    return Memo(make).__getitem__


def _is_long(key: object) -> bool:
    parts = key if isinstance(key, tuple) else (key,)
    return any(isinstance(part, str) and len(part) > TEXT_LENGTH_MAX for part in parts)
