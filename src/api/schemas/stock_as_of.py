"""Stock at a moment, and the history of a SKU, as answered."""

from pydantic import BaseModel, Field

from api.schemas.common import Decimal, Identity, Instant, Position, Reference, Sku
from api.schemas.movements import StockLine
from api.schemas.stock import StockPosition

_AS_OF_POSITION = Field(
    description="By partition the offset of the last record that may count; -1 where none does. "
    "Given back as `as_of_position` it makes the answer the same for ever.",
    examples=[{"3": 17}],
)
_NEGATIVE = Field(
    description="Below zero: movements that occurred by then took what came in only later, or what "
    "was recorded with another time."
)


class StockPositionAsOf(StockPosition):
    """What lay under one stock key of the SKU."""

    negative: bool = _NEGATIVE


class StockLineAsOf(StockLine):
    """What lay under one stock key."""

    negative: bool = _NEGATIVE


class AsOf(BaseModel):
    """The moment of an answer."""

    as_of: Instant | None = Field(None, description="As asked.")
    as_known_at: Instant | None = Field(None, description="As asked.")
    as_of_position: dict[str, int] = _AS_OF_POSITION


class SkuStockAsOf(AsOf):
    """The stock of one SKU at a moment. What was on order then is not told."""

    sku: Sku
    on_hand: Decimal
    unavailable: Decimal
    reserved: Decimal
    available: Decimal
    value: Decimal = Field(description="What the movements that count brought in, less what left.")
    negative: bool = Field(description="Whether any of the positions is below zero.")
    positions: list[StockPositionAsOf]


class StockPageAsOf(AsOf):
    """A part of the stock list at a moment; it may be short, or empty, and not the last."""

    items: list[StockLineAsOf]
    next_cursor: str | None


class StockValue(BaseModel):
    """What the stock of a SKU was worth."""

    sku: Sku
    on_hand: Decimal
    value: Decimal
    negative: bool


class StockValuePage(AsOf):
    """A part of the list of values; it may be short, or empty, and not the last."""

    items: list[StockValue]
    next_cursor: str | None


class StockChange(BaseModel):
    """What a movement did to a stock key, and the running balance."""

    location: str
    lot: str | None
    status: str
    change: Decimal
    balance: Decimal = Field(description="Of the stock key after this movement.")
    negative: bool


class StockEntry(BaseModel):
    """A movement in the history of a SKU."""

    id: Identity
    type: str
    occurred_at: Instant
    recorded_at: Instant
    late: bool
    position: Position
    actor: str | None
    reason: str | None
    reference: Reference | None
    reverses: str | None
    reversed_by: Position | None
    from_: str = Field(alias="from", description="A location or a virtual account.")
    to: str
    changes: list[StockChange]
    on_hand: Decimal = Field(description="Of the SKU after this movement.")
    value_change: Decimal
    value: Decimal = Field(description="Of the SKU after this movement.")


class StockHistoryPage(AsOf):
    """A part of the history; it may be short, or empty, and not the last."""

    items: list[StockEntry]
    next_cursor: str | None
