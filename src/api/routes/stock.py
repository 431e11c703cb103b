"""Stock: all of it, or that of one SKU."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services, wait_for_view
from api.operations import Content, Operation, Reply
from api.problems import Problem
from api.queries import Query, read_query
from api.schemas import examples
from api.schemas.stock import SkuStock, StockPage
from projections.views.stock_queries import StockFilter, find_stock, list_stock

_LIST_PARAMETERS: Final = (
    p.SKU, p.LOCATION, p.LOT, p.STATUS, p.LIMIT, p.CURSOR, p.MIN_POSITION, p.ATP_DATE,
)  # fmt: skip
_LIST_QUERY: Final = frozenset(parameter.name for parameter in _LIST_PARAMETERS)


async def get_stock(request: Request) -> Answer:
    """List stock keys that are not empty, or answer for one SKU."""
    query = read_query(request, _LIST_QUERY)
    if "sku" in query:
        if query.keys() - {"sku", "min_position", "atp_date"}:
            raise Problem("invalid_request", "sku goes with min_position and atp_date only")
        return await _sku_stock(request, query, query["sku"])
    if "atp_date" in query:
        raise Problem("invalid_request", "atp_date goes with sku")
    wanted = StockFilter(
        location=queries.optional_location(query),
        location_below=True,
        lot=queries.optional_lot(query),
        status=queries.optional_status(query),
    )
    limit, cursor = queries.limit(query), queries.cursor(query)
    parts = services(request)
    await wait_for_view(parts, query)
    async with parts.views.reader() as reader:
        page = await list_stock(reader, wanted, limit=limit, cursor=cursor)
    return document(HTTPStatus.OK, page._asdict())


async def get_sku_stock(request: Request) -> Answer:
    """The stock of one SKU."""
    query = read_query(request, {"min_position", "atp_date"})
    return await _sku_stock(request, query, request.path_params["sku"])


async def _sku_stock(request: Request, query: Query, sku: str) -> Answer:
    queries.checked_sku(sku)
    atp_before_us = queries.optional_day_end(query, "atp_date")
    parts = services(request)
    await wait_for_view(parts, query)
    async with parts.views.reader() as reader:
        found = await find_stock(reader, sku, atp_before_us)
    if found is None:
        raise Problem("not_found", f"the SKU {sku} was never seen")
    if atp_before_us is not None:
        found["atp_date"] = query["atp_date"]
    return document(HTTPStatus.OK, found)


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/stock",
        get_stock,
        "listStock",
        "stock",
        "List stock",
        {
            200: Reply(
                "A page of stock keys that are not empty; with `sku` the stock of that SKU.",
                Content(
                    {"anyOf": [StockPage, SkuStock]},
                    examples={
                        "page": {"items": [examples.STOCK_LINE], "next_cursor": None},
                        "sku": examples.SKU_STOCK,
                    },
                ),
            )
        },
        parameters=_LIST_PARAMETERS,
        problems=("invalid_request", "not_found", "view_lagging"),
    ),
    Operation(
        "GET",
        "/v1/stock/{sku}",
        get_sku_stock,
        "getStock",
        "stock",
        "Stock of a SKU",
        {200: Reply("Its stock.", Content(SkuStock, examples={"sku": examples.SKU_STOCK}))},
        parameters=(p.SKU_OF_PATH, p.ATP_DATE, p.MIN_POSITION),
        problems=("invalid_sku", "not_found", "view_lagging"),
    ),
)
