"""Stock health over time: of everything, of sites, of classes, or of a SKU."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services, wait_for_view
from api.operations import Content, Operation, Parameter, Reply
from api.problems import Problem
from api.queries import Query, read_query
from api.routes import planning_parameters as q
from api.routes.planning_results import chosen_run
from api.schemas.planning_health import EXAMPLE, StockHealth
from ledger.domain import codes
from ledger.domain.quantities import scaled
from ledger.domain.rejections import Rejected

_DATE: Final = {"type": "string", "format": "date"}
_BY: Final = ("total", "site", "class")
_BUCKETS: Final = ("day", "week", "month", "whole")
_DIGITS_MAX: Final = 9
_RATE_DECIMALS: Final = 6
# Parameters of the computation by the name of the query, where it is another.
_NAMES: Final = {"first_day": "from", "last_day": "until"}


def _count(name: str, description: str, default: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": 40_000, "default": default}
    return Parameter(name, description, schema)


_PARAMETERS: Final = (
    q.words("by", "What the figures are of; `class` is that of a planning run.", _BY),
    p.SKU,
    Parameter(
        "site",
        "Of this site alone: the first segment of a location.",
        {"type": "string", "minLength": 1, "maxLength": codes.LOCATION_LENGTH_MAX},
        "MAIN",
    ),
    Parameter("from", "The first day, by UTC; without it 365 days before `until`.", _DATE),
    Parameter("until", "The day after the last; without it that of the last movement.", _DATE),
    q.words("bucket", "What the days are cut into; weeks begin on Monday.", _BUCKETS),
    _count("demand_days", "Days before a bucket's end that demand is taken from.", 90),
    _count("excess_cover_days", "What lasts longer than so many days is excess.", 180),
    _count("slow_cover_days", "What lasts longer than so many days is slow.", 365),
    Parameter(
        "carrying_rate", "What holding stock costs a year, as a share of its value, 0 to 10.",
        {"type": "string", "pattern": r"^([0-9](\.[0-9]{1,6})?|10(\.0{1,6})?)$",
         "default": "0.25"}, "0.25",
    ),
    Parameter(
        "ageing_days", "Upper limits of the buckets of age, rising.",
        {"type": "string", "pattern": "^[0-9]{1,5}(,[0-9]{1,5}){0,19}$",
         "default": "30,60,90,180,365"}, "30,60,90",
    ),
    q.RUN,
    p.MIN_POSITION,
)  # fmt: skip
_QUERY: Final = frozenset(parameter.name for parameter in _PARAMETERS)


async def get_health(request: Request) -> Answer:
    """Stock health over time."""
    # They bring numpy, which a server needs only when somebody asks.
    from projections.planning.errors import PlanningError
    from projections.planning.health.reading import HealthTooLargeError, Question, read_health

    query = read_query(request, _QUERY)
    by: Any = _word(query, "by", _BY, "total")
    if "run" in query and by != "class":
        raise Problem("invalid_request", "run goes with by=class")
    question = Question(
        by,
        queries.optional_sku(query),
        queries.optional_site(query),
        None,
        _window(query),
        _limits(query),
    )
    parts = services(request)
    await wait_for_view(parts, query)
    try:
        async with parts.views.reader() as reader:
            if by == "class":
                run = await chosen_run(reader, query, None)
                question = question._replace(run_id=run["run_id"])
            found = await read_health(reader, question)
    except PlanningError as error:
        name = _NAMES.get(error.field, error.field)
        raise Problem("invalid_request", f"{name}: {error.detail}") from None
    except HealthTooLargeError as error:
        raise Problem("invalid_request", str(error)) from None
    if found is None:
        raise Problem("not_found", f"nothing happened to the SKU {question.sku} by then")
    return document(HTTPStatus.OK, found)


def _word(query: Query, name: str, allowed: tuple[str, ...], default: str) -> str:
    value = query.get(name, default)
    if value not in allowed:
        raise Problem("invalid_request", f"{name} is one of {', '.join(allowed)}")
    return value


def _window(query: Query) -> tuple[int | None, int | None]:
    first, until = _day(query, "from"), _day(query, "until")
    return first, None if until is None else until - 1


def _day(query: Query, name: str) -> int | None:
    from projections.planning.demand_list import day_of

    text = query.get(name)
    try:
        return None if text is None else day_of(text)
    except ValueError:
        raise Problem("invalid_time", f"{name}: expected a date such as 2026-11-22") from None


def _limits(query: Query) -> Mapping[str, Any]:
    found: dict[str, Any] = {"bucket": _word(query, "bucket", _BUCKETS, "month")}
    for name in ("demand_days", "excess_cover_days", "slow_cover_days"):
        if name in query:
            found[name] = _integer(name, query[name])
    if "carrying_rate" in query:
        rate = scaled(query["carrying_rate"], _RATE_DECIMALS)
        if isinstance(rate, Rejected):
            raise Problem("invalid_request", f"carrying_rate: {rate.detail}")
        found["carrying_rate"] = rate
    if "ageing_days" in query:
        limits = query["ageing_days"].split(",")
        found["ageing_days"] = tuple(_integer("ageing_days", one) for one in limits)
    return found


def _integer(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    raise Problem("invalid_request", f"{name}: {text[:50]!r} is no whole number of days")


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/planning/health",
        get_health,
        "getStockHealth",
        "planning",
        "Stock health over time",
        {
            200: Reply(
                "Turnover, cover, age, excess, cost, fill rate and losses, in each bucket.",
                Content(StockHealth, examples={"site": EXAMPLE}),
            )
        },
        description="Computed from all movements up to the position that the answer names. Every "
        "figure is a quotient of exact sums, rounded once. One that is not defined is null, and "
        "`why` says the reason.",
        parameters=_PARAMETERS,
        problems=(
            "invalid_request", "invalid_sku", "invalid_location", "invalid_time", "not_found",
            "run_without_results", "view_lagging",
        ),
    ),
)  # fmt: skip
