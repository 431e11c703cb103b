"""At which level two stocks are compared: what of a stock key both sides can tell apart."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

EXACT = 0


class StockKey(NamedTuple):
    """Where the ledger holds stock. No lot is the empty text."""

    sku: str
    location: str
    lot: str
    status: str


class Key(NamedTuple):
    """What is compared with one another; None for a part that is not compared."""

    sku: str
    location: str | None
    lot: str | None
    status: str | None


class Level(msgspec.Struct, frozen=True):
    """Which parts of a stock key are compared, as far as the statement has them.

    `location_parts` leading parts of the location are compared (1 is the site), all of it where it
    is 0, and nothing of it where it is None. With `below` a place of the statement stands for
    itself and all places below it that the statement does not name.
    """

    location_parts: int | None = None
    below: bool = False
    lot: bool = False
    status: bool = False

    @property
    def is_finest(self) -> bool:
        """Whether a key of this level is one stock key of the ledger."""
        whole = self.location_parts == EXACT and not self.below
        return whole and self.lot and self.status

    @property
    def parts(self) -> list[str]:
        """What is compared, in the order of a stock key; for people."""
        names = ["sku"]
        if self.location_parts is not None:
            if self.below:
                names.append("location and below")
            elif self.location_parts == EXACT:
                names.append("location")
            else:
                names.append(f"first {self.location_parts} parts of the location")
        return names + [name for name in ("lot", "status") if getattr(self, name)]


class Leveller:
    """Takes stock keys to the keys of a level. `stated` are the places that the statement names."""

    def __init__(self, level: Level, stated: Collection[str] = ()) -> None:
        """`stated` matters only where places stand for those below them."""
        self._level = level
        self._stated = frozenset(stated)
        self._places: dict[str, str] = {}

    def key(self, one: StockKey) -> Key:
        """The key that this stock is compared under. Every stock key has exactly one."""
        level = self._level
        return Key(
            one.sku,
            None if level.location_parts is None else self._place(one.location),
            one.lot if level.lot else None,
            one.status if level.status else None,
        )

    def _place(self, location: str) -> str:
        # The same few thousand places come again and again.
        found = self._places.get(location)
        if found is None:
            found = self._places[location] = self._find_place(location)
        return found

    def _find_place(self, location: str) -> str:
        parts = self._level.location_parts
        if self._level.below:
            place = location
            while place not in self._stated:
                place, slash, _ = place.rpartition("/")
                if not slash:
                    return location
            return place
        return "/".join(location.split("/")[:parts]) if parts else location


def is_within(location: str, places: Collection[str]) -> bool:
    """Whether the location is one of the places or below one; of no places all is within."""
    return not places or any(
        location == place or location.startswith(f"{place}/") for place in places
    )
