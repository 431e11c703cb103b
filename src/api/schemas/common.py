"""What the other models are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ledger.domain import codes

# The forms of names and numbers. Lengths are the ledger's; what is printable no pattern can say.
# Of answers: sums, and days at the demand of one, have as many digits as they need.
Decimal = Annotated[
    str, Field(pattern=r"^-?[0-9]+(\.[0-9]{1,18})?$", examples=["6"], description="Exact.")
]
Quantity = Annotated[
    Annotated[str, Field(pattern=r"^[0-9]{1,19}(\.[0-9]{1,18})?$")] | int,
    Field(
        description="More than zero: a decimal string, or an integer. A JSON number with a point "
        "or an exponent is refused, because it is not exact.",
        examples=["6"],
    ),
]
SignedQuantity = Annotated[
    Annotated[
        str,
        Field(pattern=r"^-?[0-9]{1,19}(\.[0-9]{1,18})?$", examples=["6"], description="Exact."),
    ]
    | int,
    Field(description="Not zero: a decimal string, or an integer.", examples=["-2"]),
]
Identity = Annotated[
    str,
    Field(
        min_length=1,
        max_length=codes.ID_LENGTH_MAX,
        description="Chosen by the sender; it is the idempotency key. Executed once, for ever.",
        examples=["01J8Z6M2Q4T0V9K3N5R7W1X2Y4"],
    ),
]
Sku = Annotated[str, Field(min_length=1, max_length=codes.SKU_LENGTH_MAX, examples=["85123A"])]
Location = Annotated[
    str,
    Field(
        min_length=1,
        max_length=codes.LOCATION_LENGTH_MAX,
        description="A path: site, zone, bin.",
        examples=["MAIN/A/01"],
    ),
]
Lot = Annotated[str, Field(min_length=1, max_length=codes.LOT_LENGTH_MAX, examples=["L-2026-11"])]
Status = Annotated[str, Field(json_schema_extra={"enum": sorted(codes.STATUSES)})]
Reason = Annotated[str, Field(json_schema_extra={"enum": sorted(codes.REASONS)})]
Instant = Annotated[
    str,
    Field(
        json_schema_extra={"format": "date-time"},
        description="RFC 3339 with the offset from UTC.",
        examples=["2026-11-22T10:00:00Z"],
    ),
]

Credential = Annotated[
    str | None,
    Field(
        description="Which secret of the actor was used: the first digits of its hash. Null on a "
        "server without keys, and where it was not recorded.",
        examples=["5f2b9c01"],
    ),
]
Origin = Annotated[
    str | None,
    Field(
        description="The operation that was asked for, or the command of ours that asked, and "
        "the process that took it.",
        examples=["recordMovement@wms-1-3fa2b1"],
    ),
]
RequestId = Annotated[
    str | None,
    Field(
        description="The `X-Request-Id` of the request that was carried out; else its trace id, "
        "else one that was made.",
        examples=["4bf92f3577b34da6a3ce929d0e0e4736"],
    ),
]


class Input(BaseModel):
    """Something a caller sends; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Reference(Input):
    """The caller's document behind a movement."""

    type: str = Field(min_length=1, max_length=codes.TEXT_LENGTH_MAX, examples=["purchase_order"])
    id: str = Field(min_length=1, max_length=codes.TEXT_LENGTH_MAX, examples=["PO-7"])


class Position(BaseModel):
    """Where a record lies in the log."""

    partition: int = Field(ge=0)
    offset: int = Field(ge=0)


class Problem(BaseModel):
    """RFC 9457. Some codes carry more members, such as `requested` and `available`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:problem-type:stockledger:insufficient_stock"])
    title: str
    status: int
    code: str = Field(description="Stable; never renamed, never reused.")
    detail: str
    id: str | None = Field(None, description="The id of the movement; the one to send again.")
    position: Position | None = Field(None, description="Where the refusal is recorded.")
    request_id: str | None = None
    reasons: list[str] | None = None
