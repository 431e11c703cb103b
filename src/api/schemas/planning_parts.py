"""The parts of what a planning run is asked for, each with its bounds."""

import re
from datetime import date, datetime
from decimal import Decimal as Exact
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
)

from api.schemas.common import Input
from projections.planning.forecasting.options import EXTRA, OURS
from projections.planning.parameters import AbcBasis, Bucket, Criterion, Weekday

WINDOW_DAYS_MAX = 3_660
CLOSED_DATES_MAX = 1_000
FORECAST_BUCKETS_MAX = 1_100
_HUNDRED = 100
AbcLetter = Literal["A", "B", "C", "D", "E"]
MODELS = (*OURS, *EXTRA)


def _number(value: object) -> object:
    """A JSON number by its shortest digits, so that 0.95 is 0.95 and not its binary neighbour."""
    return str(value) if isinstance(value, float) else value


def _shortest(value: Exact) -> str:
    if not value:
        return "0"  # also of -0, which would be another text for the same value
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Fraction = Annotated[
    Exact,
    BeforeValidator(_number),
    PlainSerializer(_shortest),
    Field(max_digits=12, decimal_places=6, allow_inf_nan=False),
]


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
EXPECTED_DAY = "expected a day such as 2026-11-22"


def is_day(text: str) -> bool:
    """Whether it has the form of a day; there may be none of that name."""
    return _DAY.fullmatch(text) is not None


def calendar_day(value: object) -> date:
    """The day that a text names, or that a file gave as one. Numbers and instants are no days."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and is_day(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{EXPECTED_DAY}; the calendar has no {value}") from None
    raise ValueError(EXPECTED_DAY)


CalendarDay = Annotated[date, BeforeValidator(calendar_day)]


def once(what: str) -> BeforeValidator:
    """Refuse a list that names one of them twice, before it becomes a set."""

    def checked(value: object) -> object:
        if isinstance(value, list):
            named = [str(one) for one in value if isinstance(one, str | date)]
            if len(set(named)) != len(named):
                raise ValueError(f"no {what} is named twice")
        return value

    return BeforeValidator(checked)


class DemandRequest(Input):
    """Which days count as demand, and over which buckets it is summed."""

    window_days: StrictInt = Field(365, ge=1, le=WINDOW_DAYS_MAX, description="Days up to `as_of`.")
    bucket: Bucket = Field(
        "week",
        description="What demand is summed over for its variation. A week is seven days counted "
        "back from `as_of`, a month one of the calendar; only whole ones count.",
    )
    closed_weekdays: Annotated[set[Weekday], once("weekday")] = Field(
        set(),
        max_length=6,
        description="Days of the week without sales, in statistics and forecasts.",
    )
    closed_dates: Annotated[set[CalendarDay], once("date")] = Field(
        set(), max_length=CLOSED_DATES_MAX, description="Dates without sales, past or ahead."
    )
    count_unmet: StrictBool = Field(
        True, description="What was refused for lack of stock is demand as well."
    )


class AbcRequest(Input):
    """Classes by share of the total."""

    basis: AbcBasis = Field(
        "value",
        description="What is added up over the window. By margin, a SKU without a price counts "
        "nothing and is in the last class; the run fails if none has a price.",
    )
    shares: list[Fraction] = Field(
        [Exact(80), Exact(15), Exact(5)],
        min_length=2,
        max_length=5,
        description="Percent of the total, from class A on; they add up to 100.",
    )
    hysteresis: Fraction = Field(
        Exact(0),
        ge=0,
        le=20,
        description="Percentage points beyond a cut-off before a class changes.",
    )

    @field_validator("shares")
    @classmethod
    def _add_up(cls, value: list[Exact]) -> list[Exact]:
        if any(share <= 0 for share in value):
            raise ValueError("every share is more than 0")
        if sum(value) != _HUNDRED:
            raise ValueError(f"the shares add up to {_shortest(sum(value, Exact(0)))}, not to 100")
        return value

    @field_validator("hysteresis")
    @classmethod
    def _leave_each_class_room(cls, value: Exact, info: ValidationInfo) -> Exact:
        shares = info.data.get("shares")
        if shares and value >= min(shares):
            raise ValueError("it is less than the smallest share")
        return value


class XyzRequest(Input):
    """Classes by the coefficient of variation."""

    limits: tuple[Fraction, Fraction] = Field(
        (Exact("0.5"), Exact(1)), description="X up to the first, Y up to the second, then Z."
    )
    hysteresis: Fraction = Field(
        Exact(0), ge=0, le=10, description="How far beyond a limit before a class changes."
    )

    @field_validator("limits")
    @classmethod
    def _rise(cls, value: tuple[Exact, Exact]) -> tuple[Exact, Exact]:
        if not 0 < value[0] < value[1]:
            raise ValueError("the limits are more than 0 and rise")
        return value


class ReviewsRequest(Input):
    """Where the class comes from that hysteresis keeps: windows that ended earlier."""

    count: StrictInt = Field(6, ge=1, le=60, description="How many of them.")
    days: StrictInt = Field(30, ge=1, le=366, description="Days from one to the next.")


class PatternRequest(Input):
    """Limits of the classes of Syntetos and Boylan."""

    interval: Fraction = Field(Exact("1.32"), ge=1, le=100, description="Mean interval of demand.")
    size_cv_squared: Fraction = Field(
        Exact("0.49"), gt=0, le=100, description="CV² of the sizes of demand."
    )


class VelocityRequest(Input):
    """How fast is fast."""

    slow_lines: Fraction = Field(
        Exact(1), ge=0, le=10**6, description="Asked for less often in 30 days: slow."
    )
    fast_lines: Fraction = Field(
        Exact(10), ge=0, le=10**6, description="Asked for so often in 30 days: fast."
    )
    dead_days: StrictInt = Field(
        180, ge=1, le=WINDOW_DAYS_MAX, description="Not asked for so long."
    )
    new_days: StrictInt = Field(30, ge=0, le=WINDOW_DAYS_MAX, description="Not there for so long.")

    @field_validator("fast_lines")
    @classmethod
    def _not_below_slow(cls, value: Exact, info: ValidationInfo) -> Exact:
        if value < info.data.get("slow_lines", 0):
            raise ValueError("it is not below slow_lines")
        return value


class ForecastRequest(Input):
    """What is forecast, how far ahead, and by which models."""

    enabled: StrictBool = Field(True, description="Whether anything is.")
    classes: Annotated[set[AbcLetter], once("class")] = Field(
        {"A"}, min_length=1, description="Only series of these ABC classes: it takes its time."
    )
    bucket: Bucket = Field("week", description="What a forecast is for. Weeks begin on Monday.")
    buckets_max: StrictInt = Field(
        156, ge=1, le=FORECAST_BUCKETS_MAX, description="History to learn from."
    )
    horizon: StrictInt = Field(13, ge=1, le=366, description="Buckets ahead.")
    season: StrictInt | None = Field(
        None, ge=1, le=366, description="Buckets of a season; none: 7 days, 52 weeks, 12 months."
    )
    levels: list[Fraction] = Field(
        [Exact("0.8"), Exact("0.95")],
        min_length=1,
        max_length=9,
        description="Probabilities of prediction intervals.",
    )
    models: list[Literal[MODELS]] = Field(  # type: ignore[valid-type]
        list(OURS),
        min_length=1,
        description="Tried in this order; of equal ones the first is taken.",
    )
    criterion: Criterion = Field("rmsse", description="What the backtest compares.")
    origins: StrictInt = Field(5, ge=1, le=52, description="Backtests of each series.")
    step: StrictInt | None = Field(
        None,
        ge=1,
        le=366,
        description="Buckets between backtests; none: half of the horizon, rounded up.",
    )

    @field_validator("levels")
    @classmethod
    def _be_probabilities(cls, value: list[Exact]) -> list[Exact]:
        if any(not Exact("0.01") <= level <= Exact("0.999") for level in value):
            raise ValueError("levels lie between 0.01 and 0.999")
        if len(set(value)) != len(value):
            raise ValueError("no level is named twice")
        return value

    @field_validator("models")
    @classmethod
    def _be_different(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise ValueError("no model is named twice")
        return value


class HealthRequest(Input):
    """Limits that stock is judged by."""

    enabled: StrictBool = Field(True, description="Whether stock health is computed.")
    demand_days: StrictInt = Field(
        90, ge=1, le=WINDOW_DAYS_MAX, description="Days of demand for cover."
    )
    excess_cover_days: StrictInt = Field(
        180, ge=1, le=WINDOW_DAYS_MAX, description="What covers more days than these is excess."
    )
    slow_cover_days: StrictInt = Field(
        365, ge=1, le=WINDOW_DAYS_MAX, description="What covers more days than these is slow."
    )
