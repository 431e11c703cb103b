"""Movements as sent and as answered. The field names are tested against the ledger's commands."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from api.schemas.common import (
    Credential,
    Decimal,
    Identity,
    Input,
    Instant,
    Location,
    Lot,
    Origin,
    Position,
    Quantity,
    Reason,
    Reference,
    RequestId,
    SignedQuantity,
    Sku,
    Status,
)
from ledger.domain import codes

Cost = Annotated[
    Annotated[str, Field(pattern=r"^[0-9]{1,19}(\.[0-9]{1,18})?$")] | int,
    Field(description="Per unit of measure, in the ledger's currency.", examples=["2.55"]),
]
Note = Annotated[str, Field(min_length=1, max_length=codes.TEXT_LENGTH_MAX)]


class _Common(Input):
    id: Identity | None = None
    sku: Sku
    reference: Reference | None = None
    occurred_at: Instant | None = None
    note: Note | None = None


class _Movement(_Common):
    quantity: Quantity
    lot: Lot | None = None
    expected_on_hand: SignedQuantity | None = Field(
        None,
        description="Refused as `version_conflict` unless the stock key that is taken from (else "
        "the one put into) holds exactly this. A customer return that is scrapped touches none, "
        "and may not have it.",
    )


class Receipt(_Movement):
    """Goods come from a supplier."""

    type: Literal["receipt"]
    location: Location
    status: Status | None = None
    unit_cost: Cost | None = None
    supply_order: Identity | None = Field(
        None, description="The open line of a supply order that the goods were ordered with."
    )


class Transfer(_Movement):
    """Goods change their place."""

    type: Literal["transfer"]
    from_location: Location
    to_location: Location
    status: Status | None = None


class Pick(_Movement):
    """Goods are picked, to a staging place or straight to the customer."""

    type: Literal["pick"]
    location: Location
    to_location: Location | None = None


class Issue(_Movement):
    """Goods leave to a customer."""

    type: Literal["issue"]
    location: Location


class CustomerReturn(_Movement):
    """Goods come back from a customer."""

    type: Literal["customer_return"]
    location: Location
    disposition: Literal["restock", "quarantine", "refurbish", "scrap"] | None = None
    original_id: Identity | None = Field(
        None,
        description="The movement the goods left with. No more comes back than left with it.",
    )


class SupplierReturn(_Movement):
    """Goods go back to their supplier."""

    type: Literal["supplier_return"]
    location: Location
    status: Status | None = None


class Adjustment(_Movement):
    """The books are set right."""

    type: Literal["adjustment"]
    quantity: SignedQuantity
    location: Location
    reason: Reason
    status: Status | None = None


class Scrap(_Movement):
    """Goods are destroyed."""

    type: Literal["scrap"]
    location: Location
    reason: Reason
    status: Status | None = None


class StatusChange(_Movement):
    """Goods change their status where they are."""

    type: Literal["status_change"]
    location: Location
    from_status: Status
    to_status: Status


class Reversal(_Common):
    """The opposite of one earlier movement of the SKU; once only."""

    type: Literal["reversal"]
    reverses: Identity


class MovementRequest(
    RootModel[
        Annotated[
            Receipt
            | Transfer
            | Pick
            | Issue
            | CustomerReturn
            | SupplierReturn
            | Adjustment
            | Scrap
            | StatusChange
            | Reversal,
            Field(discriminator="type"),
        ]
    ]
):
    """A movement as sent. Without `id` it gets one, which the answer names."""


class ReversalRequest(Input):
    """What may be said about a reversal."""

    id: Identity | None = None
    reference: Reference | None = None
    occurred_at: Instant | None = None
    note: Note | None = None


class Entry(BaseModel):
    """One side of a movement: a virtual account, or a stock key with its balances afterwards."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})

    account: str | None = Field(None, examples=["@supplier"])
    location: Location | None = None
    lot: Lot | None = None
    status: Status | None = None
    quantity: Decimal
    on_hand: Decimal | None = None
    available: Decimal | None = None


class Movement(BaseModel):
    """A movement that counts."""

    id: Identity
    type: str
    sku: Sku
    quantity: str
    entries: list[Entry]
    value: Decimal = Field(description="The cost that entered, left or moved.")
    cost_basis: str
    occurred_at: Instant
    recorded_at: Instant
    late: bool
    actor: str | None
    credential: Credential
    origin: Origin
    request_id: RequestId
    reference: Reference | None = None
    reason: str | None = None
    note: str | None = None
    unit_cost: str | int | None = None
    disposition: str | None = None
    original_id: str | None = None
    supply_order: str | None = None
    reverses: str | None = None
    reversed_by: Position | None = None
    position: Position | None = Field(None, description="Missing in a dry run.")


class StockLine(BaseModel):
    """What lies under one stock key."""

    sku: Sku
    location: Location
    lot: Lot | None
    status: Status
    on_hand: Decimal
    reserved: Decimal
    available: Decimal


class MovementAnswer(BaseModel):
    """A movement and the stock it touched, as it was right after it."""

    movement: Movement
    stock: list[StockLine]


class BulkResult(BaseModel):
    """What became of one item of a bulk."""

    index: int
    status: Literal["accepted", "rejected", "replayed", "invalid", "unknown"]
    id: str | None
    position: Position | None = None
    code: str | None = None
    detail: str | None = None
    line: int | None = Field(None, description="Of a malformed line of NDJSON, from 1.")
    replayed: bool | None = Field(None, description="A refusal that was answered before.")


class BulkAnswer(BaseModel):
    """One result per item, in order."""

    results: list[BulkResult]


class MovementPage(BaseModel):
    """A part of the list of movements."""

    items: list[Movement]
    next_cursor: str | None
    as_of: Instant | None = Field(None, description="As asked.")
    as_known_at: Instant | None = Field(None, description="As asked.")
    as_of_position: dict[str, int] | None = Field(
        None,
        description="Only with a moment: by partition the offset of the last record that may "
        "count; -1 where none does.",
    )
