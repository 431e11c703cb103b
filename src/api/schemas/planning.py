"""Planning runs as asked for. The models keep every bound; what they let through is sound."""

from datetime import UTC, date, datetime
from decimal import Decimal as Exact
from typing import Annotated, Any

import msgspec
from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from api.problems import Problem
from api.schemas.common import Input
from ledger.domain import codes
from projections.planning.parameters import (
    AbcBasis,
    Bucket,
    InvalidParameters,
    Parameters,
    day_text,
)

WINDOW_DAYS_MAX = 3_660
POSITION_PATTERN = r"^[0-9]{1,6}:[0-9]{1,19}(, *[0-9]{1,6}:[0-9]{1,19})*$"
_HUNDRED = 100


def _number(value: object) -> object:
    """A JSON number by its shortest digits, so that 0.95 is 0.95 and not its binary neighbour."""
    return str(value) if isinstance(value, float) else value


def _shortest(value: Exact) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(value: object) -> object:
    """Days and instants are texts, or what TOML makes of them; a bare number is neither."""
    if value is None or isinstance(value, str | date):
        return value
    raise ValueError("a day such as 2026-11-22, or an instant with its offset from UTC")


Fraction = Annotated[
    Exact,
    BeforeValidator(_number),
    PlainSerializer(_shortest),
    Field(max_digits=12, decimal_places=6, allow_inf_nan=False),
]
SiteCode = Annotated[str, StringConstraints(min_length=1, max_length=codes.LOCATION_LENGTH_MAX)]


class DemandRequest(Input):
    """Which days count as demand, and over which buckets it is summed."""

    window_days: int = Field(365, ge=1, le=WINDOW_DAYS_MAX, description="Days up to `as_of`.")
    bucket: Bucket = Field("week", description="What demand is summed over for its variation.")
    count_unmet: bool = Field(
        True, description="What was refused for lack of stock is demand as well."
    )


class AbcRequest(Input):
    """Classes by share of the total."""

    basis: AbcBasis = Field("value", description="What is added up over the window.")
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

    count: int = Field(6, ge=1, le=60, description="How many of them.")
    days: int = Field(30, ge=1, le=366, description="Days from one to the next.")


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
    dead_days: int = Field(180, ge=1, le=WINDOW_DAYS_MAX, description="Not asked for so long.")
    new_days: int = Field(30, ge=0, le=WINDOW_DAYS_MAX, description="Not there for so long.")

    @field_validator("fast_lines")
    @classmethod
    def _not_below_slow(cls, value: Exact, info: ValidationInfo) -> Exact:
        if value < info.data.get("slow_lines", 0):
            raise ValueError("it is not below slow_lines")
        return value


class RunRequest(Input):
    """What a planning run is to do. Everything has a default."""

    as_of: Annotated[date | AwareDatetime | None, BeforeValidator(_text)] = Field(
        None,
        union_mode="left_to_right",
        description="The last day that counts, or an instant of it (UTC). None: today.",
    )
    position: str | None = Field(
        None,
        pattern=POSITION_PATTERN,
        description="What is known: the log up to these records. None, and for partitions it does "
        "not name: as far as the views have read.",
        examples=["3:17"],
    )
    site: SiteCode | None = Field(None, description="Only this site. None: all.")
    each_site: bool = Field(False, description="Plan every site for itself, not all as one.")
    publish: bool | None = Field(
        None,
        description="Whether changes against the run before become events and reorder points hold. "
        "None: if the run is about the present as it is.",
    )
    demand: DemandRequest = DemandRequest()
    abc: AbcRequest = AbcRequest()
    xyz: XyzRequest = XyzRequest()
    reviews: ReviewsRequest = ReviewsRequest()
    pattern: PatternRequest = PatternRequest()
    velocity: VelocityRequest = VelocityRequest()
    seed: int = Field(0, ge=0, lt=2**63, description="Where random draws begin.")

    @field_validator("site")
    @classmethod
    def _is_a_site(cls, value: str | None) -> str | None:
        if value is not None and (codes.check_location(value) is not None or "/" in value):
            raise ValueError("a site is the first part of a location such as MAIN/A/01")
        return value

    @field_validator("publish")
    @classmethod
    def _publish_the_present_only(cls, value: bool | None, info: ValidationInfo) -> bool | None:
        if value and any(info.data.get(name) is not None for name in ("as_of", "position")):
            raise ValueError("only what is about the present is published: no as_of, no position")
        return value

    @property
    def is_present(self) -> bool:
        """Whether it is about what is now, as it is now."""
        return self.as_of is None and self.position is None


def decode_run(body: bytes) -> RunRequest:
    """The request in a JSON body; an empty one asks for the defaults.

    Raises InvalidParameters, and Problem where it is no JSON.
    """
    try:
        return RunRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem("invalid_request", "the body is no JSON document") from None
        raise _first(error) from None


def check_run(values: dict[str, Any]) -> RunRequest:
    """The request in values that a file held. Raises InvalidParameters."""
    try:
        return RunRequest.model_validate(values)
    except ValidationError as error:
        raise _first(error) from None


def resolve(request: RunRequest, *, today: int, positions: dict[str, int] | None) -> Parameters:
    """The parameters that are stored: `as_of` is a day, and nothing is left to a default.

    `today` is the day of the request, `positions` the next offsets behind `position`. Raises
    InvalidParameters where `as_of` is in the future.
    """
    as_of = _day(request.as_of) or day_text(today)
    if as_of > day_text(today):
        raise InvalidParameters("as_of", f"{as_of} is in the future; today is {day_text(today)}")
    document = request.model_dump(mode="json", exclude={"as_of", "position"})
    document["publish"] = request.is_present if request.publish is None else request.publish
    return msgspec.convert({**document, "as_of": as_of, "positions": positions}, Parameters)


def _day(as_of: date | datetime | None) -> str | None:
    if isinstance(as_of, datetime):
        return as_of.astimezone(UTC).date().isoformat()
    return None if as_of is None else as_of.isoformat()


def _first(error: ValidationError) -> InvalidParameters:
    """The first thing that is wrong, as a field and a sentence."""
    found = error.errors()[0]
    field = ".".join(str(part) for part in found["loc"] if not _is_a_branch(part)) or "parameters"
    return InvalidParameters(field, str(found["msg"]).removeprefix("Value error, "))


def _is_a_branch(part: object) -> bool:
    """Whether this part of a path names a branch of a union, which no caller wrote."""
    return isinstance(part, str) and (part in {"date", "datetime"} or "[" in part)
