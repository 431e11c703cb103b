"""Items: what a SKU is."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.bodies import JSON_TYPES, content_type, read_body
from api.commands import decode_item, new_id
from api.dependencies import actor, services, traceparent, wait_for_view
from api.limits import DOCUMENT_BYTES_MAX
from api.operations import Content, Operation, Reply
from api.outcomes import answer_outcome, shown_id
from api.problems import Problem, of_fault
from api.queries import Query, read_query
from api.schemas import examples
from api.schemas.stock import Item, ItemAnswer, ItemPage, ItemRequest
from api.trails import trail
from ledger.domain.items import DefineItem
from ledger.errors import LedgerError
from projections.views.items import find_item, list_items

_LIST_PARAMETERS: Final = (p.SKU, p.LIMIT, p.CURSOR, p.MIN_POSITION)
_LIST_QUERY: Final = frozenset(parameter.name for parameter in _LIST_PARAMETERS)


async def put_item(request: Request) -> Answer:
    """Describe a SKU."""
    query = read_query(request, {"sku", "id"})
    if "sku" not in query:
        raise Problem("invalid_request", "the query parameter sku is missing")
    content_type(request, JSON_TYPES)
    parts = services(request)
    bytes_max = min(DOCUMENT_BYTES_MAX, parts.settings.body_bytes_max)
    item = decode_item(await read_body(request, bytes_max))
    command = DefineItem(query["id"] if "id" in query else new_id(), query["sku"], item)
    try:
        partition, outcome = await parts.ledger.submit(
            command,
            actor=actor(request),
            timeout_seconds=parts.settings.request_timeout_seconds,
            traceparent=traceparent(request),
            trail=trail(request),
        )
    except LedgerError as error:
        raise of_fault(error, identity=shown_id(command.id)) from error
    return answer_outcome(partition, outcome, command.id)


async def get_items(request: Request) -> Answer:
    """List items, or find the one of a SKU."""
    query = read_query(request, _LIST_QUERY)
    if "sku" in query:
        if query.keys() - {"sku", "min_position"}:
            raise Problem("invalid_request", "sku goes with min_position only")
        return await _item(request, query, query["sku"])
    limit, cursor = queries.limit(query), queries.cursor(query)
    parts = services(request)
    await wait_for_view(parts, query)
    async with parts.views.reader() as reader:
        page = await list_items(reader, limit=limit, cursor=cursor)
    return document(HTTPStatus.OK, page._asdict())


async def get_item(request: Request) -> Answer:
    """Find an item."""
    query = read_query(request, {"min_position"})
    return await _item(request, query, request.path_params["sku"])


async def _item(request: Request, query: Query, sku: str) -> Answer:
    queries.checked_sku(sku)
    parts = services(request)
    await wait_for_view(parts, query)
    async with parts.views.reader() as reader:
        found = await find_item(reader, sku)
    if found is None:
        raise Problem("not_found", f"no item describes the SKU {sku}")
    return document(HTTPStatus.OK, found)


OPERATIONS: Final = (
    Operation(
        "PUT",
        "/v1/items",
        put_item,
        "defineItem",
        "items",
        "Describe a SKU",
        {
            200: Reply(
                "Recorded, or recorded before under this id.",
                Content(ItemAnswer, examples={"item": examples.ITEM_ANSWER}),
                ("Ledger-Position", "Idempotency-Replayed"),
            )
        },
        description="Replaces the description before. The scale is fixed by the first movement.",
        parameters=(p.SKU_REQUIRED, p.ID_OF_COMMAND),
        body=(Content(ItemRequest, examples={"item": examples.ITEM_REQUEST}),),
        problems=(
            "too_large",
            "unsupported_media_type",
            "invalid_item",
            "idempotency_key_reused",
            "item_in_use",
            "level_too_low",
            "unavailable",
            "request_timeout",
        ),
    ),
    Operation(
        "GET",
        "/v1/items",
        get_items,
        "listItems",
        "items",
        "List items by SKU",
        {
            200: Reply(
                "A page; with `sku` that item.",
                Content(
                    {"anyOf": [ItemPage, Item]},
                    examples={"page": {"items": [examples.ITEM], "next_cursor": None}},
                ),
            )
        },
        parameters=_LIST_PARAMETERS,
        problems=("invalid_request", "not_found", "view_lagging"),
    ),
    Operation(
        "GET",
        "/v1/items/{sku}",
        get_item,
        "getItem",
        "items",
        "Find an item",
        {200: Reply("The item.", Content(Item, examples={"item": examples.ITEM}))},
        parameters=(p.SKU_OF_PATH, p.MIN_POSITION),
        problems=("invalid_sku", "not_found", "view_lagging"),
    ),
)
