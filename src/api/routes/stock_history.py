"""The history of a SKU with running balances, and what stock was worth."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import moments, queries
from api import parameters as p
from api.answers import Answer, document
from api.dependencies import services
from api.operations import Content, Operation, Parameter, Reply
from api.problems import Problem
from api.queries import Query, read_query
from api.schemas import examples
from api.schemas.stock_as_of import StockHistoryPage, StockValuePage
from projections.views.stock_as_of import is_known, list_value
from projections.views.stock_history import Order, Walk, list_history
from projections.views.stock_queries import StockFilter

_ORDER: Final = Parameter(
    "order",
    "By which clock the list goes back, and balances run. Without it `occurred` where `as_of` is "
    "given, else `recorded`.",
    {"type": "string", "enum": ["recorded", "occurred"]},
)
_HISTORY: Final = (
    *p.MOMENT, _ORDER, p.LOCATION, p.LOT, p.STATUS, p.LIMIT, p.CURSOR, p.MIN_POSITION,
)  # fmt: skip
_HISTORY_QUERY: Final = frozenset(parameter.name for parameter in _HISTORY)
_VALUE: Final = (*p.MOMENT, p.LIMIT, p.CURSOR, p.MIN_POSITION)
_VALUE_QUERY: Final = frozenset(parameter.name for parameter in _VALUE)


async def history_by_path(request: Request) -> Answer:
    """The history of a SKU."""
    query = read_query(request, _HISTORY_QUERY)
    return await _history(request, query, request.path_params["sku"])


async def history_by_query(request: Request) -> Answer:
    """The history of a SKU that does not fit into a path."""
    query = read_query(request, _HISTORY_QUERY | {"sku"})
    if "sku" not in query:
        raise Problem("invalid_request", "the query parameter sku is missing")
    return await _history(request, query, query["sku"])


async def _history(request: Request, query: Query, sku: str) -> Answer:
    queries.checked_sku(sku)
    order = _order(query)
    wanted = StockFilter(
        sku=sku,
        location=queries.optional_location(query),
        location_below=True,
        lot=queries.optional_lot(query),
        status=queries.optional_status(query),
    )
    limit, cursor = queries.limit(query), queries.cursor(query)
    parts = services(request)
    asked = await moments.ask(parts, query, sku)
    async with parts.views.reader() as reader:
        if not await is_known(reader, sku):
            raise Problem("not_found", f"the SKU {sku} was never seen")
        moment = await asked.moment(reader)
        walk = Walk(moment, order)
        page = await list_history(reader, wanted, walk, limit=limit, cursor=cursor)
    return document(
        HTTPStatus.OK, {**page._asdict(), **asked.echo, "as_of_position": moment.as_of_position}
    )


def _order(query: Query) -> Order:
    match query.get("order"):
        case None:
            return "occurred" if "as_of" in query else "recorded"
        case "recorded":
            return "recorded"
        case "occurred":
            return "occurred"
        case _:
            raise Problem("invalid_request", "order is recorded or occurred")


async def get_value(request: Request) -> Answer:
    """What the stock of each SKU was worth."""
    query = read_query(request, _VALUE_QUERY)
    limit, cursor = queries.limit(query), queries.cursor(query)
    parts = services(request)
    asked = await moments.ask(parts, query)
    async with parts.views.reader() as reader:
        moment = await asked.moment(reader)
        page = await list_value(reader, moment, limit=limit, cursor=cursor)
    return document(
        HTTPStatus.OK, {**page._asdict(), **asked.echo, "as_of_position": moment.as_of_position}
    )


_ENTRIES: Final = {
    200: Reply(
        "A page, the last movement first.",
        Content(
            StockHistoryPage,
            examples={
                "page": {
                    "items": [examples.STOCK_ENTRY],
                    "next_cursor": None,
                    "as_of_position": {"3": 17},
                }
            },
        ),
    )
}
_TEXT: Final = (
    "Balances run over all movements that count, in the order of the list. With a location, lot or "
    "status the list has the movements of these stock keys. Give `as_of_position` of the first "
    "page with the later ones, and the list stays as it was."
)
_PROBLEMS: Final = ("invalid_request", "invalid_time", "not_found", "view_lagging")

OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/stock-history",
        history_by_query,
        "getStockHistoryByQuery",
        "stock",
        "History of a SKU that does not fit into a path",
        _ENTRIES,
        description=_TEXT,
        parameters=(p.SKU_REQUIRED, *_HISTORY),
        problems=_PROBLEMS,
    ),
    Operation(
        "GET",
        "/v1/stock/{sku}/history",
        history_by_path,
        "getStockHistory",
        "stock",
        "History of a SKU, with running balances",
        _ENTRIES,
        description=_TEXT,
        parameters=(p.SKU_OF_PATH, *_HISTORY),
        problems=_PROBLEMS,
    ),
    Operation(
        "GET",
        "/v1/stock-value",
        get_value,
        "listStockValue",
        "stock",
        "What the stock of each SKU is or was worth",
        {
            200: Reply(
                "A page of SKUs that have or had stock or value.",
                Content(
                    StockValuePage,
                    examples={
                        "page": {
                            "items": [examples.STOCK_VALUE],
                            "next_cursor": None,
                            "as_of_position": {"3": 17},
                        }
                    },
                ),
            )
        },
        parameters=_VALUE,
        problems=("invalid_request", "invalid_time", "view_lagging"),
    ),
)
