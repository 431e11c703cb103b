"""Stock: all of it, or that of one SKU."""

from http import HTTPStatus
from typing import Any, Final

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
from api.views import BadCursor, SkuRow, StockFilter, StockRow
from ledger.domain.quantities import text
from ledger.domain.stock import AVAILABLE

_LIST_PARAMETERS: Final = (
    p.SKU, p.LOCATION, p.LOT, p.STATUS, p.LIMIT, p.CURSOR, p.MIN_POSITION,
)  # fmt: skip
_LIST_QUERY: Final = frozenset(parameter.name for parameter in _LIST_PARAMETERS)
_NONE: Final = "0"


async def get_stock(request: Request) -> Answer:
    """List stock keys that are not empty, or answer for one SKU."""
    query = read_query(request, _LIST_QUERY)
    if "sku" in query:
        if query.keys() - {"sku", "min_position"}:
            raise Problem("invalid_request", "sku goes with min_position only")
        return await _sku_stock(request, query, query["sku"])
    wanted = StockFilter(
        queries.optional_location(query),
        queries.optional_lot(query),
        queries.optional_status(query),
    )
    limit, cursor = queries.limit(query), queries.cursor(query)
    parts = services(request)
    await wait_for_view(parts, query)
    try:
        rows, next_cursor = await parts.views.stock(wanted, limit, cursor)
    except BadCursor:
        raise queries.bad_cursor() from None
    items = [{"sku": row.sku, **_line(row)} for row in rows]
    return document(HTTPStatus.OK, {"items": items, "next_cursor": next_cursor})


async def get_sku_stock(request: Request) -> Answer:
    """The stock of one SKU."""
    query = read_query(request, {"min_position"})
    return await _sku_stock(request, query, request.path_params["sku"])


async def _sku_stock(request: Request, query: Query, sku: str) -> Answer:
    queries.checked_sku(sku)
    parts = services(request)
    await wait_for_view(parts, query)
    found = await parts.views.sku_stock(sku)
    if found is None:
        raise Problem("not_found", f"the SKU {sku} was never seen")
    return document(HTTPStatus.OK, _sku_document(sku, *found))


def _sku_document(sku: str, found: SkuRow, positions: dict[int, int]) -> dict[str, Any]:
    on_hand = sum(row.quantity for row in found.rows)
    available = sum(row.quantity for row in found.rows if row.status == AVAILABLE)
    return {
        "sku": sku,
        "on_hand": text(on_hand, found.scale),
        "unavailable": text(on_hand - available, found.scale),
        "reserved": _NONE,
        "available": text(available, found.scale),
        "in_transit": _NONE,
        "on_order": _NONE,
        "positions": [_line(row) for row in found.rows],
        # The view's position is the next record it will read; callers name records they wrote.
        "as_of_position": {
            str(partition): position - 1
            for partition, position in sorted(positions.items())
            if position > 0
        },
    }


def _line(row: StockRow) -> dict[str, Any]:
    on_hand = text(row.quantity, row.scale)
    return {
        "location": row.location,
        "lot": row.lot,
        "status": row.status,
        "on_hand": on_hand,
        "reserved": _NONE,
        "available": on_hand if row.status == AVAILABLE else _NONE,
    }


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
        parameters=(p.SKU_OF_PATH, p.MIN_POSITION),
        problems=("invalid_sku", "not_found", "view_lagging"),
    ),
)
