"""Why the stock of a SKU is what it is."""

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
from api.schemas import explaining_examples as examples
from api.schemas.explaining import StockExplanation
from ledger.domain.stock import VIRTUAL
from projections.explaining.explain import Wanted, explain
from projections.explaining.scope import Scope

_ACCOUNT: Final = Parameter(
    "account",
    "This virtual account instead of stock.",
    {"type": "string", "enum": sorted(VIRTUAL)},
    "@customer",
)
_ORDER: Final = Parameter(
    "order",
    "Which records come first.",
    {"type": "string", "enum": ["newest", "oldest"], "default": "newest"},
)
_ATTEMPTS: Final = Parameter(
    "attempts",
    "Also what was tried and did not count: refusals and void records.",
    {"type": "boolean", "default": True},
)
_SHARED: Final = (
    *p.MOMENT, p.LOCATION, p.LOT, p.STATUS, _ACCOUNT, _ORDER, _ATTEMPTS, p.LIMIT, p.CURSOR,
    p.MIN_POSITION,
)  # fmt: skip
_NAMES: Final = frozenset(parameter.name for parameter in _SHARED)


async def explain_by_path(request: Request) -> Answer:
    """Explain the stock of the SKU in the path."""
    return await _explain(request, read_query(request, _NAMES), request.path_params["sku"])


async def explain_by_query(request: Request) -> Answer:
    """Explain the stock of a SKU that does not fit into a path."""
    query = read_query(request, _NAMES | {"sku"})
    if "sku" not in query:
        raise Problem("invalid_request", "the query parameter sku is missing")
    return await _explain(request, query, query["sku"])


async def _explain(request: Request, query: Query, sku: str) -> Answer:
    scope, wanted = read_scope(query, queries.checked_sku(sku)), read_wanted(query)
    parts = services(request)
    asked = await moments.ask(parts, query, sku)
    async with parts.views.reader() as reader:
        if asked.anything:
            wanted = wanted._replace(moment=await asked.moment(reader))
        found = await explain(reader, scope, wanted)
    if found is None:
        raise Problem("not_found", f"the SKU {sku} was never seen")
    return document(HTTPStatus.OK, {**found, **asked.echo})


def read_wanted(query: Query) -> Wanted:
    """Which page is asked for. Raises Problem."""
    order = query.get("order", "newest")
    if order not in ("newest", "oldest"):
        raise Problem("invalid_request", "order is newest or oldest")
    return Wanted(
        newest_first=order == "newest",
        attempts=queries.flag({"attempts": "true", **query}, "attempts"),
        limit=queries.limit(query),
        cursor=queries.cursor(query),
    )


def read_scope(query: Query, sku: str) -> Scope:
    """Which accounts are asked for. Raises Problem."""
    account = query.get("account")
    if account is not None:
        if account not in VIRTUAL:
            raise Problem("invalid_request", f"account is one of {', '.join(sorted(VIRTUAL))}")
        if query.keys() & {"location", "lot", "status"}:
            raise Problem("invalid_request", "a virtual account has no location, lot or status")
    return Scope(
        sku=sku,
        location=queries.optional_location(query),
        lot=queries.optional_lot(query),
        status=queries.optional_status(query),
        account=account,
    )


_REPLIES: Final = {
    200: Reply(
        "A page of what made the balance, each with what it changed and what it left.",
        Content(StockExplanation, examples={"shelf": examples.EXPLANATION}),
    )
}
_TEXT: Final = (
    "Every movement that went into the accounts asked for, out of them, or inside them, with the "
    "balance it left: by `location` and below, `lot` and `status`, or one virtual account. Beside "
    "them the refusals of the SKU (one that names another location is left out) and the records "
    "that lie in the log and do not count. The first page sums the movements by type. At a moment "
    "it explains what there was then, from the movements that count; refusals and void records are "
    "those recorded by then. Give `as_of_position` of the first page with the later ones."
)
_PROBLEMS: Final = ("invalid_request", "invalid_time", "not_found", "view_lagging")

OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/stock/{sku}/explain",
        explain_by_path,
        "explainStock",
        "stock",
        "Why the stock of a SKU is what it is",
        _REPLIES,
        description=_TEXT,
        parameters=(p.SKU_OF_PATH, *_SHARED),
        problems=(*_PROBLEMS, "invalid_sku"),
    ),
    Operation(
        "GET",
        "/v1/stock-explain",
        explain_by_query,
        "explainStockByQuery",
        "stock",
        "The same for a SKU that does not fit into a path",
        _REPLIES,
        description=_TEXT,
        parameters=(p.SKU_REQUIRED, *_SHARED),
        problems=(*_PROBLEMS, "invalid_sku"),
    ),
)
