"""Planning runs as asked for. The models keep every bound; what they let through is sound."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    field_validator,
)

from api.problems import Problem
from api.schemas.common import Input
from api.schemas.planning_parts import (
    EXPECTED_DAY,
    AbcRequest,
    DemandRequest,
    ForecastRequest,
    HealthRequest,
    PatternRequest,
    ReviewsRequest,
    VelocityRequest,
    XyzRequest,
    calendar_day,
    is_day,
)
from api.schemas.planning_policies import (
    POLICY_FORMS,
    CostsRequest,
    LeadTimesRequest,
    PoliciesRequest,
    WhatIfRequest,
)
from ledger.domain import codes
from ledger.wording import in_words
from projections.planning.parameters import WEEKDAYS, InvalidParameters, Parameters, day_text
from projections.planning.run_policies import check_policies

POSITION_PATTERN = r"^[0-9]{1,6}:[0-9]{1,19}(, *[0-9]{1,6}:[0-9]{1,19})*$"
_FORMS = {POSITION_PATTERN: "a position such as 3:17", **POLICY_FORMS}

# No ledger takes what occurred more than 36,500 days before it was recorded. From here on all
# windows lie in the calendar, those of reviews too.
AS_OF_MIN = date(1900, 1, 1)
INSTANT_LENGTH_MAX = len("2026-11-22T10:00:00.000000+00:00")
_DAY_OR_INSTANT = f"{EXPECTED_DAY}, or an instant with its offset from UTC"
_DAY_US = 86_400_000_000


def _utc_day(value: object) -> object:
    """Days and instants are texts, or what TOML makes of them; a bare number is neither.

    Of an instant it is the day by UTC: midnight elsewhere would be taken for a day itself.
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        day = _day_of(value.isoformat())
    elif isinstance(value, str) and not is_day(value):
        day = _day_of(value)
    elif isinstance(value, str | date):
        day = calendar_day(value)
    else:
        raise ValueError(_DAY_OR_INSTANT)
    if day < AS_OF_MIN:
        raise ValueError(f"{AS_OF_MIN.isoformat()} or later; no ledger knows of days before")
    return day


def _day_of(instant: str) -> date:
    microseconds = codes.instant(instant) if len(instant) <= INSTANT_LENGTH_MAX else None
    if not isinstance(microseconds, int):  # but a refusal, or nothing
        raise ValueError(_DAY_OR_INSTANT)  # noqa: TRY004 - of another kind pydantic makes no answer
    return date.fromisoformat(day_text(microseconds // _DAY_US))


SiteCode = Annotated[str, StringConstraints(min_length=1, max_length=codes.LOCATION_LENGTH_MAX)]


class RunRequest(Input):
    """What a planning run is to do. Everything has a default."""

    as_of: Annotated[date | AwareDatetime | None, BeforeValidator(_utc_day)] = Field(
        None,
        union_mode="left_to_right",
        description="The last day that counts, or an instant of it (UTC). Not before 1900. "
        "None: today.",
    )
    position: str | None = Field(
        None,
        pattern=POSITION_PATTERN,
        description="What is known: the log up to these records. None, and for partitions it does "
        "not name: as far as the views have read.",
        examples=["3:17"],
    )
    site: SiteCode | None = Field(
        None, description="Only this site. None: all. A run of one site is not published."
    )
    each_site: StrictBool = Field(False, description="Plan every site for itself, not all as one.")
    publish: StrictBool | None = Field(
        None,
        description="Whether changes against the run before become events and reorder points hold. "
        "None: if the run is about the present as it is, and about all sites.",
    )
    demand: DemandRequest = DemandRequest()
    abc: AbcRequest = AbcRequest()
    xyz: XyzRequest = XyzRequest()
    reviews: ReviewsRequest = ReviewsRequest()
    pattern: PatternRequest = PatternRequest()
    velocity: VelocityRequest = VelocityRequest()
    policies: PoliciesRequest = PoliciesRequest()
    lead_times: LeadTimesRequest = LeadTimesRequest()
    costs: CostsRequest = CostsRequest()
    what_if: WhatIfRequest = WhatIfRequest()
    forecast: ForecastRequest = ForecastRequest()
    health: HealthRequest = HealthRequest()
    seed: StrictInt = Field(0, ge=0, lt=2**63, description="Where random draws begin.")

    @field_validator("site")
    @classmethod
    def _is_a_site(cls, value: str | None) -> str | None:
        if value is not None and (codes.check_location(value) is not None or "/" in value):
            raise ValueError("a site is the first part of a location such as MAIN/A/01")
        return value

    @property
    def is_present(self) -> bool:
        """Whether it is about what is now, as it is now."""
        return self.as_of is None and self.position is None and self.what_if.is_nothing

    @property
    def may_publish(self) -> bool:
        """Whether what it says can hold for the ledger: of one site it would hide the others."""
        return self.is_present and self.site is None


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
    InvalidParameters where `as_of` is in the future, and where parts do not go together.
    """
    as_of = day_text(today) if request.as_of is None else request.as_of.isoformat()
    if as_of > day_text(today):
        raise InvalidParameters("as_of", f"{as_of} is in the future; today is {day_text(today)}")
    document = request.model_dump(mode="json", exclude={"as_of", "position"})
    demand = document["demand"]
    demand["closed_weekdays"] = sorted(demand["closed_weekdays"], key=WEEKDAYS.index)
    demand["closed_dates"] = sorted(demand["closed_dates"])
    document["forecast"]["classes"] = sorted(document["forecast"]["classes"])
    document["publish"] = request.may_publish if request.publish is None else request.publish
    if request.publish and not request.may_publish:
        detail = "only what is about the present as it is, and about all sites, is published"
        raise InvalidParameters("publish", detail)
    parameters = msgspec.convert({**document, "as_of": as_of, "positions": positions}, Parameters)
    check_policies(parameters)
    return parameters


def _first(error: ValidationError) -> InvalidParameters:
    """The first thing that is wrong, as a field and a sentence."""
    found = error.errors()[0]
    field = ".".join(str(part) for part in found["loc"] if not _is_a_branch(part)) or "parameters"
    return InvalidParameters(field, in_words(found, _FORMS))


def _is_a_branch(part: object) -> bool:
    """Whether this part of a path names a branch of a union, which no caller wrote."""
    return isinstance(part, str) and (part in {"date", "datetime"} or "[" in part)
