"""Levels: what every stock key of one partition holds, and every SKU at every site.

Only keys that are not empty are kept, at about 250 bytes each, so that the memory of a publisher
is that of the stock it publishes.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ledger.domain.facts import Moved
from ledger.domain.stock import is_available
from projections.publishers.level_keys import (
    Parts,
    is_site,
    level_keys,
    parts_of,
    site_level_key,
    site_of,
)

_PARTS_OF_STOCK = 4


class Level(NamedTuple):
    """What lies under a key since the movement at `offset`, scaled by the SKU's `scale`."""

    on_hand: int
    available: int
    scale: int
    offset: int
    recorded_ms: int


class Levels:
    """Grows by one movement after the other; `changed` are the keys to be published.

    A key that lies in the topic with a later movement than the one taken in keeps what it has: the
    movement in between is in it already.
    """

    __slots__ = ("_levels", "changed")

    def __init__(self) -> None:
        """Nothing is anywhere."""
        self._levels: dict[bytes, Level] = {}
        self.changed: dict[bytes, None] = {}

    def __len__(self) -> int:
        """How many keys are not empty, sites included."""
        return len(self._levels)

    def get(self, key: bytes) -> Level | None:
        """What lies under the key; None where nothing does."""
        return self._levels.get(key)

    def keys(self) -> Iterable[bytes]:
        """All keys that are known."""
        return self._levels.keys()

    def load(self, found: dict[bytes, Level], position: int) -> None:
        """Begin with these levels of stock keys, of which those before `position` are complete.

        Sites are summed; one among `found` says only when it changed last, and is changed if it is
        not the sum.
        """
        told: dict[bytes, Level] = {}
        for key, level in found.items():
            parts = parts_of(key)
            if len(parts) != _PARTS_OF_STOCK:
                told[key] = level
            elif level.on_hand:
                self._levels[key] = level
                site = _site_key(parts)
                before = self._levels.get(site)
                self._levels[site] = level if before is None else _sum(before, level)
            elif level.offset >= position:
                self._levels[key] = level  # emptied by a movement that is still to come
                self.changed[key] = None
        for key in [one for one in self._levels if is_site(one)]:
            self._settle(key, told.pop(key, None))
        # What is left of the sites has no stock any more.
        self.changed |= dict.fromkeys(key for key, level in told.items() if level.on_hand)

    def _settle(self, site: bytes, told: Level | None) -> None:
        level = self._levels[site]
        if told is None:
            self.changed[site] = None
        elif told[:2] == level[:2]:
            self._levels[site] = told
        else:
            self.changed[site] = None
            self._levels[site] = level._replace(offset=max(level.offset, told.offset))

    def add(self, moved: Moved) -> None:
        """Take in a movement. They come in the order of their offsets."""
        if moved.source[0] != "@":
            self._set(moved, moved.source, moved.source_after)
        if moved.target[0] != "@":
            self._set(moved, moved.target, moved.target_after)

    def _set(self, moved: Moved, account: str, after: int) -> None:
        key, site = level_keys(moved.sku, account)
        levels = self._levels
        before = levels.get(key)
        offset, recorded_ms, scale = moved.offset, moved.recorded_ms, moved.scale
        held = 0
        if before is not None:
            if before.offset >= offset:
                return
            held = before.on_hand
        free = is_available(account)
        levels[key] = Level(after, after if free else 0, scale, offset, recorded_ms)
        change = after - held
        whole = levels.get(site)
        on_hand = available = 0
        if whole is not None:
            on_hand, available = whole.on_hand, whole.available
        if free:
            available += change
        levels[site] = Level(on_hand + change, available, scale, offset, recorded_ms)
        self.changed[key] = None
        self.changed[site] = None

    def published(self) -> None:
        """All changes are out; what is empty need not be known any more."""
        for key in self.changed:
            level = self._levels.get(key)
            if level is not None and not level.on_hand:
                del self._levels[key]
        self.changed = {}


def _site_key(parts: Parts) -> bytes:
    sku, location = parts[0], parts[1]
    if sku is None or location is None:
        raise ValueError(f"{parts} has no SKU or no location")
    return site_level_key(sku, site_of(location))


def _sum(one: Level, other: Level) -> Level:
    newer = max(one, other, key=lambda level: level.offset)
    return Level(
        one.on_hand + other.on_hand,
        one.available + other.available,
        newer.scale,
        newer.offset,
        newer.recorded_ms,
    )
