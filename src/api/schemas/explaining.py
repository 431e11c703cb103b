"""Why a balance is what it is, as answered."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas.common import (
    Credential,
    Decimal,
    Identity,
    Instant,
    Location,
    Lot,
    Origin,
    Position,
    RequestId,
    Sku,
    Status,
)
from api.schemas.movements import Movement

Change = Annotated[Decimal, Field(description="What it added to the balance.")]
Balance = Annotated[Decimal, Field(description="What it left.")]


class LinkedMovement(BaseModel):
    """The movement that another one reverses, or is reversed by."""

    id: Identity
    type: str
    quantity: Decimal
    recorded_at: Instant
    position: Position


class MovementStep(Movement):
    """A movement that counts."""

    kind: Literal["movement"]
    change: Change
    balance: Balance
    reversal_of: LinkedMovement | None
    reversed_by: LinkedMovement | None  # type: ignore[assignment]


class RefusedStep(BaseModel):
    """A command that was refused: it changed nothing. A refusal names a place at most."""

    kind: Literal["refused"]
    change: Change
    balance: Balance
    id: Identity
    type: str
    sku: Sku
    code: str
    detail: str
    numbers: dict[str, str]
    quantity: str | None
    location: str | None
    recorded_at: Instant
    actor: str | None
    credential: Credential
    origin: Origin
    request_id: RequestId
    position: Position


class VoidStep(BaseModel):
    """A record that lies in the log and does not count. What it says is not history: it may be
    anybody's who may write to the topic. What cannot be read is null."""

    kind: Literal["void"]
    change: Change
    balance: Balance
    id: str | None
    type: str | None
    sku: str
    quantity: str | None
    origin_place: str | None = Field(None, alias="from")
    to: str | None
    lot: str | None
    status: str | None
    stated_offset: int | None = Field(description="Where it was decided to lie; null: nowhere.")
    counts_at: Position | None = Field(description="Where the same id counts, if it does.")
    recorded_at: Instant = Field(description="The time that the log gave it.")
    actor: str | None
    position: Position


class TypeSum(BaseModel):
    """What the movements of one type added to the balance."""

    type: str
    movements: int
    late: int = Field(description="How many were recorded long after they happened.")
    came: Decimal = Field(alias="in")
    out: Decimal
    net: Decimal


class Summary(BaseModel):
    """Opening and net add up to `on_hand`."""

    opening: Decimal = Field(description="The balance before the movements that are summed.")
    movements: int
    complete: bool = Field(description="Whether these are all; the newest 100,000 are summed.")
    agrees: bool | None = Field(
        description="Whether they begin at nothing, as they must; null unless they are all."
    )
    by_type: list[TypeSum]


class Scope(BaseModel):
    """Which accounts are summed."""

    location: Location | None
    lot: Lot | None
    status: Status | None
    account: str | None


class StockExplanation(BaseModel):
    """Why the balance of some accounts of a SKU is what it is."""

    sku: Sku
    scope: Scope
    on_hand: Decimal = Field(
        description="The balance, now or at the moment asked for; of a virtual account, its own."
    )
    as_of: Instant | None = Field(None, description="As it was asked for.")
    as_known_at: Instant | None = Field(None, description="As it was asked for.")
    as_of_position: dict[str, int]
    summary: Summary | None = Field(description="On the first page only.")
    opening: Decimal = Field(description="The balance before the oldest item of the page.")
    closing: Decimal = Field(description="The balance after its newest item.")
    items: list[MovementStep | RefusedStep | VoidStep]
    next_cursor: str | None
