"""Planning as answered: runs, their results and the changes they made."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from api.schemas.common import Instant, Sku
from projections.planning.run_columns import Kind
from projections.planning.run_fields import fields_of

_NUMBER_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"
Number = Annotated[str, Field(pattern=_NUMBER_PATTERN, examples=["1.5"])]


class Run(BaseModel):
    """A planning run."""

    id: str = Field(description="A UUID of version 7, so runs sort by when they began.")
    state: Literal["running", "done", "failed"]
    reason: str | None = Field(description="Why it failed.")
    origin: Literal["request", "schedule", "command"]
    as_of: str = Field(
        json_schema_extra={"format": "date"}, description="The last day that counts."
    )
    as_of_position: dict[str, int] | None = Field(
        description="By partition the offset of the last record that was known.",
        examples=[{"3": 17}],
    )
    parameters: dict[str, Any] = Field(description="All parameters, with their defaults.")
    parameters_hash: str = Field(description="SHA-256 of the parameters.")
    publishes: bool = Field(description="Whether its changes are events.")
    previous_run: str | None = Field(description="The run that its changes are against.")
    results_kept: bool = Field(description="Whether its results are there.")
    digest: str | None = Field(description="SHA-256 of all results: equal if every digit is.")
    counts: dict[str, int] | None = Field(
        description="How many `series`, `skus`, `forecasts`, `changes` if compared with a run "
        "before, series `without_price` if ABC is by margin, series whose margin is beyond 64 bits "
        "(`margin_beyond`) if there are any, and SKUs `left_out` if any has more "
        "demand than levels could be computed from."
    )
    ledger: str
    code_version: str
    started_at: Instant
    finished_at: Instant | None


class RunPage(BaseModel):
    """A part of the list of runs."""

    items: list[Run]
    next_cursor: str | None


class Interval(BaseModel):
    """A prediction interval."""

    level: str
    lower: Number
    upper: Number


class Point(BaseModel):
    """What is forecast for one bucket, in units."""

    first_day: str = Field(json_schema_extra={"format": "date"})
    forecast: Number
    intervals: list[Interval]


class ModelScore(BaseModel):
    """How a model did in the backtest."""

    model: str
    why_not: str | None = Field(description="Why it was not tried.")
    mase: Number | None
    rmsse: Number | None
    bias: Number | None
    pinball: Number | None


class Forecast(BaseModel):
    """The forecast of a series."""

    sku: Sku
    site: str | None
    model: str
    reason: str = Field(description="Why this model.")
    reason_text: str
    bucket: Literal["day", "week", "month"]
    constants: dict[str, str]
    points: list[Point]
    past_errors: int = Field(description="Errors of the past that the intervals rest on.")
    backtests: int
    scores: list[ModelScore]


class SupplierProposal(BaseModel):
    """All that is proposed to be ordered from one supplier."""

    supplier: str | None
    lines: int
    value: Number
    lines_without_cost: int = Field(description="Lines that count nothing in the value.")


class BelowSeries(BaseModel):
    """A series whose available quantity is below its reorder point."""

    sku: Sku
    site: str | None
    abc: str
    xyz: str
    supplier: str | None
    available: Number
    inventory_position: Number = Field(description="What is available and what is on order.")
    reorder_point: Number


class BelowPage(BaseModel):
    """A part of what is below its reorder point."""

    run: str | None = Field(description="The run whose reorder points these are.")
    as_of: str | None = Field(json_schema_extra={"format": "date"}, description="Of that run.")
    as_of_position: dict[str, int] = Field(
        description="By partition the offset of the last record that the stock includes."
    )
    items: list[BelowSeries]
    next_cursor: str | None


class ExplainedNumber(BaseModel):
    """One number, and how it came about."""

    name: str
    symbol: str | None
    meaning: str
    value: str | None
    unit: str | None
    formula: str | None = Field(description="None for what is given and not computed.")
    source: str | None = Field(description="Author, year and title.")


class Step(BaseModel):
    """The numbers of one step, in the order in which they are computed."""

    step: str
    numbers: list[ExplainedNumber]


class DemandBucket(BaseModel):
    """What was asked for in one bucket."""

    first_day: str = Field(json_schema_extra={"format": "date"})
    last_day: str = Field(json_schema_extra={"format": "date"})
    demand: Number
    movements: str = Field(description="Where the movements behind it are listed.")


class ExplainedInputs(BaseModel):
    """What the numbers are computed from."""

    buckets: list[DemandBucket]
    stock_outs: list[dict[str, str]] = Field(description="First and last days of each.")
    item: dict[str, Any] | None = Field(description="The item as described at that position.")
    on_hand: Number
    available: Number = Field(description="What of it is available; the position counts it.")
    on_order: Number
    supply_orders_received: list[dict[str, str]] = Field(
        description="What came of orders from its supplier; lead times are observed on it."
    )
    movements: str
    parameters: dict[str, Any]


class Explanation(BaseModel):
    """Why a series of a run has its numbers."""

    run: str
    sku: Sku
    site: str | None
    as_of: str = Field(json_schema_extra={"format": "date"})
    as_of_position: dict[str, int]
    stored: dict[str, Any] = Field(description="The numbers of the run.")
    agrees: bool = Field(description="Whether all of them come out again.")
    differences: list[dict[str, Any]]
    inputs: ExplainedInputs
    steps: list[Step]


class ChangePage(BaseModel):
    """A part of the list of changes: CloudEvents documents."""

    items: list[dict[str, Any]]
    next_cursor: str | None = Field(
        description="Never null once there was a change: ask again with it for what came since."
    )


def _type(kind: Kind) -> Any:
    return int if kind == "count" else str


def _field(kind: Kind, meaning: str) -> Any:
    if kind in ("text", "count"):
        return Field(description=meaning)
    return Field(description=meaning, pattern=_NUMBER_PATTERN, examples=["1.5"])


def row_model(subject: str, name: str) -> type[BaseModel]:
    """The model of one row of a subject's list, made from the columns that the list shows."""
    columns: dict[str, Any] = {
        field.name: (_type(field.kind) | None, _field(field.kind, field.meaning))
        for field in fields_of(subject)
    }
    if subject == "replenishment":
        columns["reason_text"] = (str, Field(description="Why, in words and numbers."))
    return create_model(name, sku=(Sku, ...), site=(str | None, ...), **columns)


def page_model(row: type[BaseModel], name: str) -> type[BaseModel]:
    """A page of such rows, and which run they are of."""
    return create_model(
        name,
        run=(str, Field(description="The run that all of it is of.")),
        as_of=(str, Field(json_schema_extra={"format": "date"})),
        items=(list[row], ...),  # type: ignore[valid-type]
        next_cursor=(str | None, ...),
    )
