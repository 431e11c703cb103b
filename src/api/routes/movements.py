"""Movements: record one, undo one, find one, list them."""

from http import HTTPStatus
from typing import Final

import msgspec
from starlette.requests import Request

from api import moments, queries
from api import parameters as p
from api.answers import Answer, document
from api.bodies import JSON_TYPES, content_type, read_body
from api.commands import decode_command, decode_reversal, new_id
from api.dependencies import Services, actor, services, traceparent, wait_for_view
from api.limits import DOCUMENT_BYTES_MAX
from api.operations import Content, Operation, Parameter, Reply
from api.outcomes import answer_dry_run, answer_outcome, shown_id
from api.problems import Problem, of_fault, unavailable
from api.queries import Query, read_query
from api.routes.movement_filter import TYPES, movement_filter
from api.schemas import examples
from api.schemas.movements import (
    Movement,
    MovementAnswer,
    MovementPage,
    MovementRequest,
    ReversalRequest,
)
from api.trails import trail
from ledger.domain import codes
from ledger.domain.movements import Reversal, WireCommand
from ledger.errors import LedgerError
from ledger.service import AmbiguousId
from projections.views.movements import AmbiguousMovement, find_movement, list_movements

_DRY_RUN: Final = frozenset({"dry_run"})
_LIST_NAMES: Final = (
    p.SKU, p.LOCATION, p.LOT,
    Parameter("type", "This type.", {"type": "string", "enum": list(TYPES)}, "receipt"),
    Parameter("reference", "The id of the caller's document.", {
        "type": "string", "minLength": 1, "maxLength": codes.TEXT_LENGTH_MAX}, "PO-7"),
    Parameter("reference_type", "The type of the caller's document; with `reference`.", {
        "type": "string", "minLength": 1, "maxLength": codes.TEXT_LENGTH_MAX}, "purchase_order"),
    p.OCCURRED_FROM, p.OCCURRED_UNTIL, p.RECORDED_FROM, p.RECORDED_UNTIL, *p.MOMENT,
    p.ID, p.LIMIT, p.CURSOR, p.MIN_POSITION,
)  # fmt: skip
_LIST_QUERY: Final = frozenset(parameter.name for parameter in _LIST_NAMES)


async def post_movement(request: Request) -> Answer:
    """Record a movement."""
    dry_run = queries.flag(read_query(request, _DRY_RUN), "dry_run")
    content_type(request, JSON_TYPES)
    bytes_max = min(DOCUMENT_BYTES_MAX, services(request).settings.body_bytes_max)
    command = decode_command(await read_body(request, bytes_max))
    return await _execute(request, command, dry_run=dry_run)


async def _execute(request: Request, command: WireCommand, *, dry_run: bool) -> Answer:
    parts = services(request)
    identity = command.id or ""
    try:
        if dry_run:
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


async def reverse_by_path(request: Request) -> Answer:
    """Undo a movement."""
    query = read_query(request, {"sku", "dry_run"})
    return await _reverse(request, query, request.path_params["id"])


async def reverse_by_query(request: Request) -> Answer:
    """Undo a movement whose id does not fit into a path."""
    query = read_query(request, {"id", "sku", "dry_run"})
    if "id" not in query:
        raise Problem("invalid_request", "the query parameter id is missing")
    return await _reverse(request, query, query["id"])


async def _reverse(request: Request, query: Query, reverses: str) -> Answer:
    parts = services(request)
    dry_run = queries.flag(query, "dry_run")
    queries.checked_id(reverses)
    sku = queries.optional_sku(query)
    bytes_max = min(DOCUMENT_BYTES_MAX, parts.settings.body_bytes_max)
    raw = await read_body(request, bytes_max)
    if raw:
        content_type(request, JSON_TYPES)
    body = decode_reversal(raw)
    if sku is None:
        sku = await _sku_of(parts, reverses, body.id)
    command = Reversal(
        sku=sku,
        reverses=reverses,
        id=new_id() if body.id is None else body.id,
        reference=body.reference,
        occurred_at=body.occurred_at,
        note=body.note,
    )
    return await _execute(request, command, dry_run=dry_run)


async def _sku_of(parts: Services, reverses: str, identity: str | None) -> str:
    """The SKU of the movement to undo; `identity` is the id of the reversal, if it has one."""
    try:
        found = await parts.ledger.find_movement(reverses, None)
    except AmbiguousId:
        raise _ambiguous() from None
    except LedgerError as error:
        raise of_fault(error, identity=shown_id(identity)) from error
    if found is None:
        # Only who has read everything knows that there is none.
        if await parts.not_ready():
            detail = "not everything is known yet; try again"
            raise unavailable(detail, identity=shown_id(identity))
        raise Problem("unknown_movement", f"there is no movement {reverses}")
    return found[1].sku


def _ambiguous() -> Problem:
    return Problem("invalid_request", "several SKUs have a movement of this id; name the sku")


async def get_movements(request: Request) -> Answer:
    """List movements, or find the one of an id."""
    query = read_query(request, _LIST_QUERY)
    if "id" in query:
        if query.keys() - {"id", "sku", "min_position"}:
            raise Problem("invalid_request", "id goes with sku and min_position only")
        return await _movement(request, query, query["id"])
    wanted = movement_filter(query)
    limit, cursor = queries.limit(query), queries.cursor(query)
    parts = services(request)
    asked = await moments.ask(parts, query, wanted.sku)
    async with parts.views.reader() as reader:
        moment = await asked.moment(reader) if asked.anything else None
        wanted = msgspec.structs.replace(wanted, moment=moment)
        page = await list_movements(reader, wanted, limit=limit, cursor=cursor)
    answer = page._asdict()
    if moment is not None:
        answer |= {**asked.echo, "as_of_position": moment.as_of_position}
    return document(HTTPStatus.OK, answer)


async def get_movement(request: Request) -> Answer:
    """Find the movement of an id."""
    query = read_query(request, {"sku", "min_position"})
    return await _movement(request, query, request.path_params["id"])


async def _movement(request: Request, query: Query, identity: str) -> Answer:
    queries.checked_id(identity)
    sku = queries.optional_sku(query)
    parts = services(request)
    await wait_for_view(parts, query)
    try:
        async with parts.views.reader() as reader:
            found = await find_movement(reader, identity, sku)
    except AmbiguousMovement:
        raise _ambiguous() from None
    if found is None:
        raise Problem("unknown_movement", f"there is no movement {identity}")
    return document(HTTPStatus.OK, found)


_WRITTEN: Final = ("Ledger-Position",)
_REPLAYED: Final = ("Ledger-Position", "Idempotency-Replayed")
_ANSWER: Final = Content(MovementAnswer, examples={"receipt": examples.MOVEMENT_ANSWER})
_REPLIES: Final = {
    201: Reply("Recorded.", _ANSWER, _WRITTEN),
    200: Reply("The first answer to this id again; or what a dry run found.", _ANSWER, _REPLAYED),
}
_REFUSALS: Final = (
    "too_large", "unsupported_media_type", "invalid_request", "idempotency_key_reused",
    "unknown_item", "unknown_movement", "not_reversible", "already_reversed", "version_conflict",
    "insufficient_stock", "quantity_overflow", "supply_order_not_open", "level_too_low",
    "unavailable", "request_timeout",
)  # fmt: skip
_REVERSAL_TEXT: Final = (
    "Its own id, if it needs one, is in the body. The SKU is found by the movement's id, or given."
)

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/movements",
        post_movement,
        "recordMovement",
        "movements",
        "Record a movement",
        _REPLIES,
        description="The `id` is the idempotency key (there is no such header). Sent again with "
        "the same content it answers 200 and what it answered first, with `Idempotency-Replayed`; "
        "so does a refusal, with its own status. With other content it is 422. After a 503 or a "
        "lost answer send the same id again.",
        parameters=(p.DRY_RUN,),
        body=(
            Content(
                MovementRequest,
                examples={
                    "receipt": examples.RECEIPT,
                    "pick": examples.PICK,
                    "adjustment": examples.ADJUSTMENT,
                },
            ),
        ),
        problems=_REFUSALS,
    ),
    Operation(
        "GET",
        "/v1/movements",
        get_movements,
        "listMovements",
        "movements",
        "List movements, newest first",
        {
            200: Reply(
                "A page; with `id` that movement.",
                Content(
                    {"anyOf": [MovementPage, Movement]},
                    examples={"page": {"items": [examples.MOVEMENT], "next_cursor": None}},
                ),
            )
        },
        parameters=_LIST_NAMES,
        problems=("invalid_request", "unknown_movement", "view_lagging"),
    ),
    Operation(
        "POST",
        "/v1/movements/reversal",
        reverse_by_query,
        "reverseMovementByQuery",
        "movements",
        "Undo a movement whose id does not fit into a path",
        _REPLIES,
        description=_REVERSAL_TEXT,
        parameters=(p.ID_REQUIRED, p.SKU_AMBIGUOUS, p.DRY_RUN),
        body=(Content(ReversalRequest, examples={"note": {"note": "wrong bin"}}),),
        body_required=False,
        problems=_REFUSALS,
    ),
    Operation(
        "GET",
        "/v1/movements/{id}",
        get_movement,
        "getMovement",
        "movements",
        "Find a movement",
        {200: Reply("The movement.", Content(Movement, examples={"receipt": examples.MOVEMENT}))},
        parameters=(p.ID_OF_PATH, p.SKU_AMBIGUOUS, p.MIN_POSITION),
        problems=("invalid_id", "unknown_movement", "view_lagging"),
    ),
    Operation(
        "POST",
        "/v1/movements/{id}/reversal",
        reverse_by_path,
        "reverseMovement",
        "movements",
        "Undo a movement",
        _REPLIES,
        description=_REVERSAL_TEXT,
        parameters=(p.ID_OF_PATH, p.SKU_AMBIGUOUS, p.DRY_RUN),
        body=(Content(ReversalRequest, examples={"note": {"note": "wrong bin"}}),),
        body_required=False,
        problems=_REFUSALS,
    ),
)
