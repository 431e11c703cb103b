"""Alerts: what was worth saying about stock, and what of it still holds."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services
from api.operations import Content, Operation, Parameter, Reply
from api.problems import Problem
from api.queries import Query, read_query
from api.schemas.alerts import AlertPage
from ledger.domain import codes
from projections.publishers.alert_documents import DATA_TYPES
from projections.publishers.alert_queries import AlertFilter, alert_positions, list_alerts

_PARAMETERS: Final = (
    p.SKU,
    Parameter(
        "site",
        "The site, which is the first name of a location.",
        {"type": "string", "minLength": 1, "maxLength": codes.LOCATION_LENGTH_MAX},
        "MAIN",
    ),
    Parameter(
        "type", "This type.", {"type": "string", "enum": [*DATA_TYPES]}, "stock.stock_out.v1"
    ),
    Parameter(
        "active", "Only those that still hold, or only the others.", {"type": "boolean"}, True
    ),
    p.LIMIT,
    p.CURSOR,
)
_QUERY: Final = frozenset(parameter.name for parameter in _PARAMETERS)
_EXAMPLE: Final = {
    "id": "3:18/stock_out/MAIN",
    "type": "stock.stock_out.v1",
    "raised_at": "2026-11-22T10:00:01.25Z",
    "active": True,
    "ended_by": None,
    "data": {
        "sku": "85123A",
        "site": "MAIN",
        "available": "0",
        "scale": 0,
        "movement": "so-12-1",
        "position": "3:18",
    },
}


async def get_alerts(request: Request) -> Answer:
    """List alerts."""
    query = read_query(request, _QUERY)
    wanted = AlertFilter(
        sku=queries.optional_sku(query),
        site=_site(query),
        type=_type(query),
        active=queries.flag(query, "active") if "active" in query else None,
    )
    limit, cursor = queries.limit(query), queries.cursor(query)
    async with services(request).views.reader() as reader:
        page = await list_alerts(reader, wanted, limit=limit, cursor=cursor)
        positions = await alert_positions(reader)
    return document(HTTPStatus.OK, {**page._asdict(), "as_of_position": positions})


def _site(query: Query) -> str | None:
    site = query.get("site")
    if site is not None and ("/" in site or codes.check_location(site) is not None):
        raise Problem("invalid_location", "a site is the first name of a location, such as MAIN")
    return site


def _type(query: Query) -> str | None:
    kind = query.get("type")
    if kind is not None and kind not in DATA_TYPES:
        raise Problem("invalid_request", f"type is one of {', '.join(DATA_TYPES)}")
    return kind


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/alerts",
        get_alerts,
        "listAlerts",
        "alerts",
        "List alerts, newest first",
        {
            200: Reply(
                "A page. There are alerts where an instance has the role `publisher`.",
                Content(
                    AlertPage,
                    examples={
                        "page": {
                            "items": [_EXAMPLE],
                            "next_cursor": None,
                            "as_of_position": {"3": 18},
                        }
                    },
                ),
            )
        },
        parameters=_PARAMETERS,
        problems=("invalid_request", "invalid_sku", "invalid_location"),
    ),
)
