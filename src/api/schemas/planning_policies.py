"""What a planning run is asked for about stock levels: policies, lead times, costs, what if."""

from decimal import Decimal as Exact
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    model_validator,
)

from api.schemas.common import Input
from api.schemas.planning_parts import AbcLetter, Fraction
from ledger.domain import codes
from projections.planning.empirical import REPLICATES_MAX, REPLICATES_MIN
from projections.planning.parameters import Method, Replenishment
from projections.planning.quantiles import LEVEL_MAX, LEVEL_MIN

DAYS_MAX = 3_650
SKUS_MAX = 10_000
MONEY_MAX = 10**9


def _checked_sku(text: str) -> str:
    wrong = codes.check_sku(text)
    if wrong is not None:
        raise ValueError(wrong.detail)
    return text


def _checked_supplier(text: str) -> str:
    # In the form of a SKU, as items have it.
    if codes.check_sku(text) is not None:
        most = codes.SKU_LENGTH_MAX
        raise ValueError(f"a supplier's code has 1 to {most} printable characters")
    return text


Sku = Annotated[str, AfterValidator(_checked_sku)]
SupplierCode = Annotated[str, AfterValidator(_checked_supplier)]
Level = Annotated[Fraction, Field(ge=LEVEL_MIN, le=LEVEL_MAX)]
CalendarDays = Annotated[Fraction, Field(ge=0, le=DAYS_MAX)]
CELL_PATTERN = r"^[A-E][XYZ]$"
UNITS_PATTERN = r"^[0-9]{1,18}(\.[0-9]{1,6})?$"
Cell = Annotated[str, StringConstraints(pattern=CELL_PATTERN)]
Units = Annotated[str, StringConstraints(pattern=UNITS_PATTERN)]
POLICY_FORMS = {
    CELL_PATTERN: "a cell such as AX",
    UNITS_PATTERN: 'a decimal number such as "6" or "1.25"',
}


class CellPolicy(Input):
    """What is different in a cell of the matrix; what is not said is as for all."""

    method: Method | None = Field(None, description="How the safety stock is computed.")
    level: Level | None = Field(None, description="Service level, 0.5 to 0.999999.")
    cover_days: CalendarDays | None = Field(None, description="Days of cover.")
    buffer_days: CalendarDays | None = Field(None, description="Disruption buffer.")
    replenishment: Replenishment | None = Field(None, description="How it is replenished.")
    review_days: CalendarDays | None = Field(None, description="Days between two looks.")


class SkuPolicy(CellPolicy):
    """What is different for one SKU."""

    minimum: Units | None = Field(
        None, description="Level at which `min_max` orders, rounded up to what the item allows."
    )
    maximum: Units | None = Field(
        None,
        description="Level up to which `min_max` orders, above the minimum, rounded down to "
        "what the item allows, and at least its smallest unit above the minimum. Where the reorder "
        "point has reached it, orders go up to `order_quantity` above that.",
    )


class PoliciesRequest(Input):
    """How everything is protected and replenished, and the exceptions."""

    method: Method = Field("cycle_service", description="How the safety stock is computed.")
    level: Level | None = Field(
        None, description="Service level. None: one that falls from 0.98 in AX to 0.9 in CZ."
    )
    levels: dict[AbcLetter, Level] = Field({}, description="Service levels of ABC classes.")
    cover_days: CalendarDays = Field(
        Exact(30), description="Days of cover, for `days_of_cover` and `just_in_time`."
    )
    buffer_days: CalendarDays = Field(
        Exact(0), description="Disruption buffer, in days of mean demand."
    )
    replenishment: Replenishment = Field("s_q", description="How it is replenished.")
    review_days: CalendarDays = Field(Exact(1), description="Days between two looks.")
    cells: dict[Cell, CellPolicy] = Field({}, description="Cells of the matrix, such as AX.")
    skus: dict[Sku, SkuPolicy] = Field({}, max_length=SKUS_MAX, description="Single SKUs.")
    empirical: StrictBool = Field(
        True, description="Bootstrap instead of `cycle_service` for intermittent and lumpy demand."
    )
    replicates: StrictInt = Field(
        500, ge=REPLICATES_MIN, le=REPLICATES_MAX, description="Replicates of the bootstrap."
    )
    order_dead: StrictBool = Field(False, description="Replenish what nobody asks for any more.")


class LeadTimesRequest(Input):
    """Where lead times come from."""

    observations_min: StrictInt = Field(
        5, ge=2, le=1_000, description="Orders that are enough to go by."
    )
    default_days: CalendarDays = Field(Exact(14), description="Where nothing is known.")
    assumed_deviation: Fraction = Field(
        Exact(0),
        ge=0,
        le=10,
        description="Deviation of an agreed or default one, as a share of it.",
    )


class CostsRequest(Input):
    """What orders and stock cost."""

    order_cost: Fraction = Field(Exact(10), ge=0, le=MONEY_MAX, description="Of one order.")
    carrying_rate: Fraction = Field(
        Exact("0.25"), gt=0, le=10, description="Of stock for a year, as a share of its value."
    )
    days_without_cost: CalendarDays = Field(
        Exact(30), ge=1, description="Days that an order covers where the cost is not known."
    )
    days_max: CalendarDays = Field(
        Exact(365), ge=1, description="Days that an order covers at most."
    )


class WhatIfRequest(Input):
    """A scenario. A run with one is not published."""

    late_days: CalendarDays = Field(Exact(0), description="Suppliers are late by so many days.")
    late_supplier: SupplierCode | None = Field(None, description="Only this one. None: all.")
    demand_percent: Fraction = Field(
        Exact(0),
        ge=-100,
        le=10_000,
        description="Demand changes by so many percent, and so do forecasts.",
    )

    @model_validator(mode="after")
    def _say_how_late(self) -> "WhatIfRequest":
        if self.late_supplier is not None and not self.late_days:
            raise ValueError("late_supplier goes with late_days")
        return self

    @property
    def is_nothing(self) -> bool:
        """Whether all is as it is."""
        return not self.late_days and not self.demand_percent
