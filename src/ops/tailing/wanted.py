"""Which records are shown."""

from collections.abc import Sequence
from typing import NamedTuple

from ledger.domain import codes
from ledger.domain.facts import Fact, Moved, Refused
from ledger.domain.rejections import Rejected
from ledger.domain.stock import split_key
from ledger.events.codec import command_type
from ledger.events.envelope import MOVEMENT_TYPES
from ledger.events.partitioner import Partitioner
from ops.console import CommandError


class Wanted(NamedTuple):
    """Movements to be shown; None means any. With `refusals` also what was refused of them."""

    sku: str | None = None
    location: str | None = None
    lot: str | None = None
    types: Sequence[str] = ()
    reference: str | None = None
    partitions: Sequence[int] = ()
    refusals: bool = False
    voids: bool = False

    def check(self, partitions: int) -> None:
        """Raise CommandError for a filter that nothing could pass."""
        rejections = (
            None if self.sku is None else codes.check_sku(self.sku),
            None if self.location is None else codes.check_location(self.location),
            None if self.lot is None else codes.check_lot(self.lot),
        )
        for wrong in rejections:
            if isinstance(wrong, Rejected):
                raise CommandError(wrong.detail)
        for name in self.types:
            if name not in MOVEMENT_TYPES:
                raise CommandError(f"there is no type {name}; known: {', '.join(MOVEMENT_TYPES)}")
        for partition in self.partitions:
            if not 0 <= partition < partitions:
                raise CommandError(f"there is no partition {partition}; 0 to {partitions - 1}")
        if not self.of(partitions):
            raise CommandError(f"the SKU {self.sku} lies in none of these partitions")

    def of(self, partitions: int) -> list[int]:
        """The partitions to read: that of the SKU, if there is one."""
        asked = sorted(set(self.partitions)) or [*range(partitions)]
        if self.sku is None:
            return asked
        own = Partitioner(partitions).partition_of(self.sku)
        return [own] if own in asked else []

    def shows(self, fact: Fact) -> bool:
        """Whether a fact passes."""
        if type(fact) is Refused:
            return self.refusals and self._refused(fact)
        if type(fact) is not Moved:
            return False
        reference = fact.command.reference
        return (
            self.sku in (None, fact.sku)
            and (not self.types or command_type(fact.command) in self.types)
            and (self.reference is None or (reference and reference.id) == self.reference)
            and (self._at(fact.source) or self._at(fact.target))
        )

    def _refused(self, refused: Refused) -> bool:
        # A refusal has no lot and no reference, so that none is known to be asked for.
        return (
            self.sku in (None, refused.sku)
            and (not self.types or refused.type in self.types)
            and (self.location is None or _within(refused.location or "", self.location))
            and self.lot is None
            and self.reference is None
        )

    def _at(self, account: str) -> bool:
        if self.location is None and self.lot is None:
            return True
        if account[0] == "@":
            return False
        location, lot, _ = split_key(account)
        return (self.location is None or _within(location, self.location)) and self.lot in (
            None,
            lot,
        )


def _within(place: str, location: str) -> bool:
    return place == location or place.startswith(f"{location}/")
