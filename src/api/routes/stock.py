"""Stock: all of it, or that of one SKU."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import moments, queries
from api import parameters as p
from api.answers import Answer, document
from api.dependencies import services
from api.operations import Content, Operation, Reply
from api.problems import Problem
from api.queries import Query, read_query
from api.schemas import examples
from api.schemas.stock import SkuStock, StockPage
from api.schemas.stock_as_of import SkuStockAsOf, StockPageAsOf
from projections.views.stock_as_of import find_stock_as_of, list_stock_as_of
from projections.views.stock_queries import StockFilter, find_stock, list_stock

_LIST_PARAMETERS: Final = (
    p.SKU, p.LOCATION, p.LOT, p.STATUS, *p.MOMENT, p.LIMIT, p.CURSOR, p.MIN_POSITION, p.ATP_DATE,
)  # fmt: skip
_LIST_QUERY: Final = frozenset(parameter.name for parameter in _LIST_PARAMETERS)
_SKU_QUERY: Final = frozenset({"min_position", "atp_date", *moments.NAMES})


async def get_stock(request: Request) -> Answer:
    """List stock keys that are not empty, or answer for one SKU."""
    query = read_query(request, _LIST_QUERY)
    if "sku" in query:
        if query.keys() - _SKU_QUERY - {"sku"}:
            raise Problem("invalid_request", f"sku goes only with {', '.join(sorted(_SKU_QUERY))}")
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
    asked = await moments.ask(parts, query)
    async with parts.views.reader() as reader:
        if not asked.anything:
            page = await list_stock(reader, wanted, limit=limit, cursor=cursor)
            return document(HTTPStatus.OK, page._asdict())
        moment = await asked.moment(reader)
        page = await list_stock_as_of(reader, wanted, moment, limit=limit, cursor=cursor)
    return document(
        HTTPStatus.OK, {**page._asdict(), **asked.echo, "as_of_position": moment.as_of_position}
    )


async def get_sku_stock(request: Request) -> Answer:
    """The stock of one SKU."""
    query = read_query(request, _SKU_QUERY)
    return await _sku_stock(request, query, request.path_params["sku"])


async def _sku_stock(request: Request, query: Query, sku: str) -> Answer:
    queries.checked_sku(sku)
    atp_before_us = queries.optional_day_end(query, "atp_date")
    parts = services(request)
    asked = await moments.ask(parts, query, sku)
    if asked.anything and atp_before_us is not None:
        raise Problem("invalid_request", "atp_date is about the present; it goes with no moment")
    async with parts.views.reader() as reader:
        if asked.anything:
            found = await find_stock_as_of(reader, sku, await asked.moment(reader))
        else:
            found = await find_stock(reader, sku, atp_before_us)
    if found is None:
        raise Problem("not_found", f"the SKU {sku} was never seen")
    found |= asked.echo
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
                    {"anyOf": [StockPage, SkuStock, StockPageAsOf, SkuStockAsOf]},
                    examples={
                        "page": {"items": [examples.STOCK_LINE], "next_cursor": None},
                        "sku": examples.SKU_STOCK,
                        "sku at a moment": examples.SKU_STOCK_AS_OF,
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
        {
            200: Reply(
                "Its stock; with a moment what it was then.",
                Content(
                    {"anyOf": [SkuStock, SkuStockAsOf]},
                    examples={
                        "sku": examples.SKU_STOCK,
                        "sku at a moment": examples.SKU_STOCK_AS_OF,
                    },
                ),
            )
        },
        parameters=(p.SKU_OF_PATH, *p.MOMENT, p.ATP_DATE, p.MIN_POSITION),
        problems=("invalid_sku", "invalid_time", "not_found", "view_lagging"),
    ),
)
