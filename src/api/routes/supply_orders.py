"""Supply orders: place, change and close a line; find one, list them."""

from http import HTTPStatus

from starlette.requests import Request

from api import queries
from api.answers import Answer, document
from api.bodies import JSON_TYPES, content_type, read_body
from api.commands import decode_change, decode_close, decode_supply_order, new_id
from api.dependencies import Services, actor, services, traceparent, wait_for_view
from api.limits import DOCUMENT_BYTES_MAX
from api.outcomes import answer_dry_run, answer_outcome, shown_id
from api.problems import Problem, of_fault, unavailable
from api.queries import Query, read_query
from api.trails import trail
from ledger.domain import codes
from ledger.domain.supply import ChangeSupplyOrder, CloseSupplyOrder, SupplyCommand
from ledger.errors import LedgerError
from ledger.service import AmbiguousId
from projections.views.supply_queries import (
    AmbiguousSupplyOrder,
    SupplyFilter,
    find_supply_order,
    list_supply_orders,
)

STATES = ("open", "closed")
LIST_FILTERS = frozenset({"sku", "supplier", "location", "order", "state"})
LIST_QUERY = LIST_FILTERS | {"id", "limit", "cursor", "min_position"}


async def post_supply_order(request: Request) -> Answer:
    """Place a line."""
    query = read_query(request, {"dry_run"})
    content_type(request, JSON_TYPES)
    command = decode_supply_order(await _body(request))
    return await _execute(request, query, command)


async def change_by_path(request: Request) -> Answer:
    """Change a line."""
    query = read_query(request, {"sku", "dry_run"})
    return await _change(request, query, request.path_params["id"])


async def change_by_query(request: Request) -> Answer:
    """Change a line whose id does not fit into a path."""
    query = read_query(request, {"id", "sku", "dry_run"})
    return await _change(request, query, _id_of(query))


async def close_by_path(request: Request) -> Answer:
    """Close a line."""
    query = read_query(request, {"sku", "dry_run"})
    return await _close(request, query, request.path_params["id"])


async def close_by_query(request: Request) -> Answer:
    """Close a line whose id does not fit into a path."""
    query = read_query(request, {"id", "sku", "dry_run"})
    return await _close(request, query, _id_of(query))


async def _change(request: Request, query: Query, name: str) -> Answer:
    queries.checked_id(name)
    content_type(request, JSON_TYPES)
    body = decode_change(await _body(request))
    command = ChangeSupplyOrder(
        id=new_id() if body.id is None else body.id,
        sku=await _sku(request, query, name, body.id),
        supply_order=name,
        quantity=body.quantity,
        expected_at=body.expected_at,
        note=body.note,
    )
    return await _execute(request, query, command)


async def _close(request: Request, query: Query, name: str) -> Answer:
    queries.checked_id(name)
    content_type(request, JSON_TYPES)
    body = decode_close(await _body(request))
    command = CloseSupplyOrder(
        id=new_id() if body.id is None else body.id,
        sku=await _sku(request, query, name, body.id),
        supply_order=name,
        reason=body.reason,
        note=body.note,
    )
    return await _execute(request, query, command)


async def _body(request: Request) -> bytes:
    bytes_max = min(DOCUMENT_BYTES_MAX, services(request).settings.body_bytes_max)
    return await read_body(request, bytes_max)


def _id_of(query: Query) -> str:
    if "id" not in query:
        raise Problem("invalid_request", "the query parameter id is missing")
    return query["id"]


async def _sku(request: Request, query: Query, name: str, identity: str | None) -> str:
    """The SKU of the line that is named, unless it is given; `identity` is the request's id."""
    given = queries.optional_sku(query)
    if given is not None:
        return given
    parts = services(request)
    try:
        found = await parts.ledger.find_supply_order(name, None)
    except AmbiguousId:
        raise _ambiguous() from None
    except LedgerError as error:
        raise of_fault(error, identity=shown_id(identity)) from error
    if found is None:
        raise await _unknown(parts, name, identity)
    return found[1].sku


async def _unknown(parts: Services, name: str, identity: str | None) -> Problem:
    # Only who has read everything knows that there is none.
    if await parts.not_ready():
        return unavailable("not everything is known yet; try again", identity=shown_id(identity))
    return Problem("unknown_supply_order", f"there is no supply order {name}")


def _ambiguous() -> Problem:
    return Problem("invalid_request", "several SKUs have a supply order of this id; name the sku")


async def _execute(request: Request, query: Query, command: SupplyCommand) -> Answer:
    parts = services(request)
    identity = command.id or ""
    try:
        if queries.flag(query, "dry_run"):
            _, answer = await parts.ledger.dry_run(command, actor=actor(request))
            return answer_dry_run(answer, identity)
        partition, outcome = await parts.ledger.submit(
            command,
            actor=actor(request),
            timeout_seconds=parts.settings.request_timeout_seconds,
            traceparent=traceparent(request),
            trail=trail(request),
        )
    except LedgerError as error:
        raise of_fault(error, identity=shown_id(command.id)) from error
    return answer_outcome(partition, outcome, identity)


async def get_supply_orders(request: Request) -> Answer:
    """List lines, or find the one of an id."""
    query = read_query(request, LIST_QUERY)
    if "id" in query:
        if query.keys() - {"id", "sku", "min_position"}:
            raise Problem("invalid_request", "id goes with sku and min_position only")
        return await _line(request, query, query["id"])
    wanted = _filter(query)
    limit, cursor = queries.limit(query), queries.cursor(query)
    parts = services(request)
    await wait_for_view(parts, query)
    async with parts.views.reader() as reader:
        page = await list_supply_orders(reader, wanted, limit=limit, cursor=cursor)
    return document(HTTPStatus.OK, page._asdict())


def _filter(query: Query) -> SupplyFilter:
    state = query.get("state")
    if state is not None and state not in STATES:
        raise Problem("invalid_request", f"state is one of {', '.join(STATES)}")
    for name in ("supplier", "order"):
        text = query.get(name, "-")
        if not (0 < len(text) <= codes.TEXT_LENGTH_MAX and codes.printable(text)):
            raise Problem("invalid_request", f"{name} is a short printable text")
    return SupplyFilter(
        sku=queries.optional_sku(query),
        supplier=query.get("supplier"),
        location=queries.optional_location(query),
        order=query.get("order"),
        state=state,
    )


async def get_supply_order(request: Request) -> Answer:
    """Find the line of an id."""
    query = read_query(request, {"sku", "min_position"})
    return await _line(request, query, request.path_params["id"])


async def _line(request: Request, query: Query, name: str) -> Answer:
    queries.checked_id(name)
    sku = queries.optional_sku(query)
    parts = services(request)
    await wait_for_view(parts, query)
    try:
        async with parts.views.reader() as reader:
            found = await find_supply_order(reader, name, sku)
    except AmbiguousSupplyOrder:
        raise _ambiguous() from None
    if found is None:
        raise Problem("unknown_supply_order", f"there is no supply order {name}")
    return document(HTTPStatus.OK, found)
