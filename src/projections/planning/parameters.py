"""What a planning run is asked to do: one value, the same digits on every machine.

Shares, levels, rates and costs are exact decimals as texts ("0.95"), in their shortest form, so
that two values are equal if and only if their documents are. `api.schemas.planning` is where what
people write becomes this, and where every bound is kept.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

import msgspec

from ledger.errors import LedgerError

Bucket = Literal["day", "week", "month"]
AbcBasis = Literal["value", "units", "picks", "margin"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
Method = Literal["none", "cycle_service", "fill_rate", "empirical", "days_of_cover", "just_in_time"]
Replenishment = Literal["none", "s_q", "s_S", "min_max", "periodic", "base_stock"]
Criterion = Literal["rmsse", "mase", "pinball"]
_EPOCH: Final = date(1970, 1, 1)


class InvalidParameters(LedgerError):
    """A planning run cannot be made with these parameters; `field` names the one."""

    def __init__(self, field: str, detail: str) -> None:
        """Say which field, by its path, and what is wrong with it."""
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """Which days count as demand, and over which buckets it is summed.

    `closed_weekdays` and `closed_dates` are days without sales. With `count_unmet` what was refused
    for lack of stock is demand as well.
    """

    window_days: int = 365
    bucket: Bucket = "week"
    closed_weekdays: tuple[Weekday, ...] = ()
    closed_dates: tuple[str, ...] = ()
    count_unmet: bool = True


class AbcParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Classes by share of the total: `shares` in percent, from A on; they add up to 100.

    A series changes its class only if its cumulative share is `hysteresis` percentage points
    beyond the cut-off.
    """

    basis: AbcBasis = "value"
    shares: tuple[str, ...] = ("80", "15", "5")
    hysteresis: str = "0"


class XyzParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the coefficient of variation: X up to the first, Y up to the second, then Z.

    A series changes its class only if its coefficient is `hysteresis` beyond the limit.
    """

    limits: tuple[str, str] = ("0.5", "1")
    hysteresis: str = "0"


class Reviews(msgspec.Struct, frozen=True, kw_only=True):
    """Where the class comes from that hysteresis keeps: windows that ended earlier.

    `count` of them, `days` apart; the first is classified without any before it.
    """

    count: int = 6
    days: int = 30


class PatternParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of Syntetos and Boylan (2005): mean interval of demand, and CV² of its sizes."""

    interval: str = "1.32"
    size_cv_squared: str = "0.49"


class VelocityParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Lines in 30 days from which a series is fast, and below which it is slow.

    Dead is what nobody asked for in `dead_days`; new what has not been there for `new_days`.
    """

    fast_lines: str = "10"
    slow_lines: str = "1"
    dead_days: int = 180
    new_days: int = 30


class ForecastParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Which series are forecast, how far ahead, and by which models; `levels` are of intervals."""

    enabled: bool = True
    classes: tuple[str, ...] = ("A",)
    bucket: Bucket = "week"
    buckets_max: int = 156
    horizon: int = 13
    season: int | None = None
    levels: tuple[str, ...] = ("0.8", "0.95")
    models: tuple[str, ...] = (
        "naive", "seasonal_naive", "ses", "holt", "damped", "winters_additive",
        "winters_multiplicative", "croston", "sba", "tsb",
    )  # fmt: skip
    criterion: Criterion = "rmsse"
    origins: int = 5
    step: int | None = None


class HealthParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of stock health, as far as a run has it for each series."""

    enabled: bool = True
    demand_days: int = 90
    excess_cover_days: int = 180
    slow_cover_days: int = 365


class PolicyPart(msgspec.Struct, frozen=True, kw_only=True):
    """How a cell of the matrix, or a SKU, is protected and replenished; None: as for all.

    `minimum` and `maximum` are the levels of `min_max`, in units of the SKU; cells have none.
    """

    method: Method | None = None
    level: str | None = None
    cover_days: str | None = None
    buffer_days: str | None = None
    replenishment: Replenishment | None = None
    review_days: str | None = None
    minimum: str | None = None
    maximum: str | None = None


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """How everything is protected and replenished, and the exceptions.

    A service level is that of the SKU, else of the cell, else of the ABC class in `levels`, else
    `level`, else one that falls from AX to CZ. With `empirical` the normal distribution gives way
    to the bootstrap where demand is intermittent or lumpy. Dead series order nothing unless
    `order_dead`.
    """

    method: Method = "cycle_service"
    level: str | None = None
    levels: dict[str, str] = {}
    cover_days: str = "30"
    buffer_days: str = "0"
    replenishment: Replenishment = "s_q"
    review_days: str = "1"
    cells: dict[str, PolicyPart] = {}
    skus: dict[str, PolicyPart] = {}
    empirical: bool = True
    replicates: int = 500
    order_dead: bool = False


class LeadTimeParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Lead times are observed from `observations_min` orders on, else agreed, else the default.

    `assumed_deviation` is the deviation of one that is not observed, as a share of it.
    """

    observations_min: int = 5
    default_days: str = "14"
    assumed_deviation: str = "0"


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What an order costs, and what holding stock costs a year as a share of its value.

    Without a cost of the item an order covers `days_without_cost`; none covers more than
    `days_max`.
    """

    order_cost: str = "10"
    carrying_rate: str = "0.25"
    days_without_cost: str = "30"
    days_max: str = "365"


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What if `late_supplier` (None: every one) were late by so many days, and demand changed."""

    late_days: str = "0"
    late_supplier: str | None = None
    demand_percent: str = "0"


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run. `as_of` is the last day that counts, by the UTC calendar.

    `positions` are the next offsets of the partitions up to which the log is known; None means as
    far as the views have read. `site` None means all; with `each_site` every site of them is
    planned for itself, otherwise they are planned as one.
    """

    as_of: str
    positions: dict[str, int] | None = None
    site: str | None = None
    each_site: bool = False
    publish: bool = True
    demand: Demand = Demand()
    abc: AbcParameters = AbcParameters()
    xyz: XyzParameters = XyzParameters()
    reviews: Reviews = Reviews()
    pattern: PatternParameters = PatternParameters()
    velocity: VelocityParameters = VelocityParameters()
    policies: Policies = Policies()
    lead_times: LeadTimeParameters = LeadTimeParameters()
    costs: Costs = Costs()
    what_if: WhatIf = WhatIf()
    forecast: ForecastParameters = ForecastParameters()
    health: HealthParameters = HealthParameters()
    seed: int = 0

    @property
    def as_of_day(self) -> int:
        """Days since 1970-01-01."""
        return day_number(self.as_of)

    @property
    def first_day(self) -> int:
        """The first day of the window."""
        return self.as_of_day - self.demand.window_days + 1


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Parameters)


def canonical(parameters: Parameters) -> str:
    """The one JSON text of these parameters: every field, names in order."""
    return _encoder.encode(parameters).decode()


def read(text: str) -> Parameters:
    """Parameters from their JSON text."""
    return _decoder.decode(text)


def digest_of(parameters: Parameters) -> str:
    """SHA-256 of the canonical text."""
    return hashlib.sha256(canonical(parameters).encode()).hexdigest()


def scope_of(parameters: Parameters) -> str:
    """SHA-256 of what must be equal for two runs to be about the same series."""
    scope = {"site": parameters.site, "each_site": parameters.each_site}
    return hashlib.sha256(_encoder.encode(scope)).hexdigest()


def day_number(text: str) -> int:
    """Days since 1970-01-01 of a date such as 2026-11-22. Raises ValueError."""
    return (date.fromisoformat(text) - _EPOCH).days


def day_text(day: int) -> str:
    """The date of a day number."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def day_of_ms(milliseconds: int) -> int:
    """The day of an instant, by the UTC calendar."""
    return (datetime.fromtimestamp(milliseconds // 1000, UTC).date() - _EPOCH).days


def millionths(text: str) -> int:
    """A decimal text of at most six decimals as an integer."""
    return int(Decimal(text).scaleb(6))
