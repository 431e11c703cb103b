"""Supply orders as sent and as answered. The field names are tested against the commands."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas.common import (
    Credential,
    Decimal,
    Identity,
    Input,
    Instant,
    Location,
    Origin,
    Position,
    Quantity,
    RequestId,
    Sku,
)
from api.schemas.movements import Cost, Note
from ledger.domain import codes
from ledger.domain.supply import CLOSE_REASONS

State = Literal["open", "closed"]
CloseReason = Annotated[str, Field(json_schema_extra={"enum": sorted(CLOSE_REASONS)})]
SupplierCode = Annotated[
    str, Field(min_length=1, max_length=codes.SKU_LENGTH_MAX, examples=["ACME"])
]
OrderNumber = Annotated[
    str,
    Field(
        min_length=1,
        max_length=codes.TEXT_LENGTH_MAX,
        description="The document that groups lines.",
        examples=["PO-7"],
    ),
]


class SupplyOrderRequest(Input):
    """One line of an order: one SKU. Without `id` it gets one, which the answer names."""

    id: Identity | None = None
    sku: Sku
    quantity: Quantity
    supplier: SupplierCode
    location: Location = Field(description="Where it is due: a site, or any place.")
    expected_at: Instant = Field(description="When it is due: not before it is placed.")
    placed_at: Instant | None = Field(None, description="Without it, when it is recorded.")
    order: OrderNumber | None = None
    unit_cost: Cost | None = None
    note: Note | None = None


class ChangeRequest(Input):
    """What is to be otherwise; at least one of quantity and expected_at."""

    id: Identity | None = None
    quantity: Quantity | None = Field(None, description="Of the line in all.")
    expected_at: Instant | None = None
    note: Note | None = None


class CloseRequest(Input):
    """Why nothing more is to come."""

    id: Identity | None = None
    reason: CloseReason
    note: Note | None = None


class SupplyOrder(BaseModel):
    """A line of a supply order as it is now."""

    id: Identity
    sku: Sku
    state: State
    supplier: str
    location: Location
    order: str | None
    quantity: Decimal
    received: Decimal = Field(description="By receipts that name it and were not reversed.")
    outstanding: Decimal = Field(description="Still to come; 0 once it is closed.")
    over: Decimal = Field(description="Received beyond what was ordered.")
    under: Decimal = Field(description="Not delivered when it was closed; 0 while it is open.")
    unit_cost: Decimal | None
    note: str | None
    placed_at: Instant
    expected_at: Instant
    first_received_at: Instant | None
    last_received_at: Instant | None
    closed_at: Instant | None
    close_reason: str | None
    recorded_at: Instant
    actor: str | None
    position: Position


class SupplyLine(BaseModel):
    """A line right after a command about it. A change or a close does not repeat who delivers."""

    id: Identity
    sku: Sku
    state: State
    quantity: Decimal
    received: Decimal
    outstanding: Decimal
    over: Decimal
    under: Decimal
    expected_at: Instant | None = None
    close_reason: str | None = None
    note: str | None = None
    supplier: str | None = None
    location: Location | None = None
    order: str | None = None
    unit_cost: Decimal | None = None
    placed_at: Instant | None = None


class SupplyAnswer(BaseModel):
    """What became of a command about a supply order; `id` is the command's."""

    id: Identity
    supply_order: SupplyLine
    on_order: Decimal = Field(description="All that is still to come of the SKU.")
    recorded_at: Instant
    actor: str | None
    credential: Credential
    origin: Origin
    request_id: RequestId
    position: Position | None = Field(None, description="Missing in a dry run.")


class SupplyOrderPage(BaseModel):
    """A part of the list of supply orders."""

    items: list[SupplyOrder]
    next_cursor: str | None
