"""Demand by day: what planning starts from."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services, wait_for_view
from api.operations import Content, Operation, Parameter, Reply
from api.problems import Problem
from api.queries import Query, read_query
from api.schemas.planning_demand import EXAMPLE, DemandPage
from ledger.domain import codes
from ledger.events.partitioner import Partitioner

_DATE: Final = {"type": "string", "format": "date"}
_SITE: Final = Parameter(
    "site",
    "This site: the first segment of a location. Without it, all sites one after the other.",
    {"type": "string", "minLength": 1, "maxLength": codes.LOCATION_LENGTH_MAX},
    "MAIN",
)
_PARAMETERS: Final = (
    p.SKU_REQUIRED,
    _SITE,
    Parameter("from", "The first day, by UTC; without it that of the first movement.", _DATE),
    Parameter("until", "The day after the last; without it the last with a movement.", _DATE),
    p.LIMIT, p.CURSOR, p.MIN_POSITION,
)  # fmt: skip
_QUERY: Final = frozenset(parameter.name for parameter in _PARAMETERS)


async def get_demand(request: Request) -> Answer:
    """The demand of a SKU, day by day."""
    # They bring numpy, which a server needs only when somebody asks.
    from projections.planning.demand_list import DemandFilter, DemandTooLargeError, list_demand

    query = read_query(request, _QUERY)
    sku = queries.optional_sku(query)
    if sku is None:
        raise Problem("invalid_request", "sku is missing")
    first_day, until_day = _day(query, "from"), _day(query, "until")
    if first_day is not None and until_day is not None and first_day >= until_day:
        raise Problem("invalid_request", "from is a day before until")
    parts = services(request)
    partition = Partitioner(parts.log.partitions).partition_of(sku)
    wanted = DemandFilter(sku, partition, queries.optional_site(query), first_day, until_day)
    limit, cursor = queries.limit(query), queries.cursor(query)
    await wait_for_view(parts, query)
    try:
        async with parts.views.reader() as reader:
            found = await list_demand(reader, wanted, limit=limit, cursor=cursor)
    except DemandTooLargeError as error:
        raise Problem("invalid_request", str(error)) from None
    if found is None:
        raise Problem("not_found", f"the SKU {sku} was never seen")
    return document(HTTPStatus.OK, found)


def _day(query: Query, name: str) -> int | None:
    from projections.planning.demand_list import day_of

    text = query.get(name)
    try:
        return None if text is None else day_of(text)
    except ValueError:
        raise Problem("invalid_time", f"{name}: expected a date such as 2026-11-22") from None


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/planning/demand",
        get_demand,
        "getDemand",
        "planning",
        "Demand of a SKU by day",
        {
            200: Reply(
                "A page of days in the order of site and date, from the first movement on.",
                Content(DemandPage, examples={"days": EXAMPLE}),
            )
        },
        description="What was issued, returned, asked for in vain, and what else became of stock, "
        "with the balances at the end of each day. A reversal takes off what happened on the day "
        "of the movement that it undoes, and moves balances on its own. A SKU whose numbers add up "
        "beyond 64 bits is refused.",
        parameters=_PARAMETERS,
        problems=(
            "invalid_request", "invalid_sku", "invalid_location", "invalid_time", "not_found",
            "view_lagging",
        ),
    ),
)  # fmt: skip
