"""Stock and items as answered, and items as sent."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas.common import Decimal, Input, Instant, Position, Sku
from api.schemas.movements import StockLine
from ledger.domain import codes

ItemText = Annotated[str, Field(min_length=1, max_length=codes.TEXT_LENGTH_MAX)]


_AMOUNT = r"^[0-9]{1,19}(\.[0-9]{1,18})?$"


class Supplier(Input):
    """Who delivers the item; quantities are in its unit and scale."""

    code: str = Field(min_length=1, max_length=codes.SKU_LENGTH_MAX)
    lead_time_days: int | None = Field(None, ge=0, le=3_650)
    pack_size: str | None = Field(
        None, pattern=_AMOUNT, description="It is ordered in multiples of this."
    )
    minimum_order: str | None = Field(None, pattern=_AMOUNT)


class ItemRequest(Input):
    """The description of a SKU; it replaces the one before."""

    name: ItemText | None = None
    unit: ItemText = "each"
    scale: int = Field(0, ge=0, le=6, description="Decimals of its quantities.")
    inventory_type: Literal["raw", "wip", "finished", "mro", "trading"] = "trading"
    lot_tracked: bool = False
    serial_tracked: bool = Field(
        False, description="Serial numbers are not supported yet: `true` is refused."
    )
    shelf_life_days: int | None = Field(None, ge=1, le=36_500)
    unit_cost: str | None = Field(None, pattern=r"^[0-9]{1,19}(\.[0-9]{1,6}0*)?$")
    gtin: str | None = Field(None, pattern=r"^([0-9]{8}|[0-9]{12,14})$")
    suppliers: list[Supplier] = Field(default=[], max_length=100)
    price: str | None = Field(
        None, pattern=r"^[0-9]{1,19}(\.[0-9]{1,6}0*)?$", description="What one unit sells for."
    )


class Item(BaseModel):
    """A SKU as described."""

    sku: Sku
    name: str | None
    unit: str
    scale: int
    inventory_type: str
    lot_tracked: bool
    serial_tracked: bool
    shelf_life_days: int | None
    unit_cost: str | None
    gtin: str | None
    suppliers: list[Supplier]
    price: str | None
    recorded_at: Instant | None = None
    position: Position | None = None


class ItemAnswer(BaseModel):
    """An item that was described, and where that is recorded."""

    id: str
    item: Item
    position: Position | None = None


class StockPosition(BaseModel):
    """What lies under one stock key of the SKU."""

    location: str
    lot: str | None
    status: str
    on_hand: Decimal
    reserved: Decimal
    available: Decimal


class SkuStock(BaseModel):
    """The stock of one SKU."""

    sku: Sku
    on_hand: Decimal = Field(description="All real accounts.")
    unavailable: Decimal = Field(description="On hand, with a status other than available.")
    reserved: Decimal
    available: Decimal = Field(description="on_hand - unavailable - reserved")
    in_transit: Decimal
    on_order: Decimal = Field(description="Outstanding of open supply orders.")
    inventory_position: Decimal = Field(
        description="on_hand + in_transit + on_order - what is backordered (nothing is, yet)"
    )
    atp: Decimal | None = Field(
        None,
        description="Only with `atp_date`: available + supply due by the end of that day, overdue "
        "supply included - demand committed by then (none is, yet).",
    )
    atp_date: str | None = Field(None, json_schema_extra={"format": "date"})
    value: Decimal = Field(description="What the goods on hand cost.")
    positions: list[StockPosition]
    as_of_position: dict[str, int] = Field(
        description="By partition the offset of the last record this answer includes.",
        examples=[{"3": 17}],
    )


class StockPage(BaseModel):
    """A part of the stock list."""

    items: list[StockLine]
    next_cursor: str | None


class ItemPage(BaseModel):
    """A part of the list of items."""

    items: list[Item]
    next_cursor: str | None
