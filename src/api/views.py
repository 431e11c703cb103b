"""What the endpoints ask of the read side."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ledger.domain.facts import Moved
from ledger.domain.items import Item


class StockFilter(NamedTuple):
    """Which stock keys; None is any. A location stands for everything below it too."""

    location: str | None = None
    lot: str | None = None
    status: str | None = None


class MovementFilter(NamedTuple):
    """Which movements; None is any. Times are microseconds since 1970, `until` is exclusive."""

    sku: str | None = None
    location: str | None = None
    lot: str | None = None
    type: str | None = None
    reference: str | None = None
    reference_type: str | None = None
    occurred_since_us: int | None = None
    occurred_until_us: int | None = None
    recorded_since_us: int | None = None
    recorded_until_us: int | None = None


class StockRow(NamedTuple):
    """One stock key with what lies there, scaled."""

    sku: str
    location: str
    lot: str | None
    status: str
    quantity: int
    scale: int


class SkuRow(NamedTuple):
    """One SKU: its stock keys that are not empty."""

    scale: int
    rows: Sequence[StockRow]


class BadCursor(ValueError):
    """The cursor is not one that this list gave."""


class Views(Protocol):
    """The queries; each reads one consistent state of the database."""

    async def positions(self) -> dict[int, int]:
        """By partition the offset of the next record the views will read."""
        ...

    async def sku_stock(self, sku: str) -> tuple[SkuRow, dict[int, int]] | None:
        """The stock of a SKU and the positions it was read at; None if it was never seen."""
        ...

    async def stock(
        self, wanted: StockFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[StockRow], str | None]:
        """Stock keys that are not empty, and the next cursor."""
        ...

    async def movements(
        self, wanted: MovementFilter, limit: int, cursor: str | None
    ) -> tuple[Sequence[tuple[int, Moved]], str | None]:
        """Movements with their partition, newest first, and the next cursor."""
        ...

    async def movement(self, identity: str, sku: str | None) -> Sequence[tuple[int, Moved]]:
        """The movements of an id: one a SKU's partition at most."""
        ...

    async def item(self, sku: str) -> tuple[Item, int] | None:
        """An item, or None if the SKU was never seen."""
        ...

    async def items(
        self, limit: int, cursor: str | None
    ) -> tuple[Sequence[tuple[str, Item]], str | None]:
        """Described items by SKU, and the next cursor."""
        ...
