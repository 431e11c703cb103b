"""Many movements in one request: the hot path of the whole service."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request

from api.answers import Answer
from api.bodies import JSON_TYPES, NDJSON_TYPES, content_type, read_body
from api.commands import Entry, Invalid, decode_array, decode_lines, new_id
from api.dependencies import actor, services, traceparent
from api.operations import Content, Operation, Reply
from api.outcomes import BulkResults
from api.queries import read_query
from api.schemas import examples
from api.schemas.movements import BulkAnswer, MovementRequest
from api.trails import trail
from ledger.domain.facts import Command

_TYPES: Final = JSON_TYPES | NDJSON_TYPES


async def post_bulk(request: Request) -> Answer:
    """Record many movements, in their order."""
    read_query(request, ())
    media_type = content_type(request, _TYPES)
    parts = services(request)
    settings = parts.settings
    body = await read_body(request, settings.body_bytes_max)
    entries: Sequence[Entry]
    lines: Sequence[int] | None = None
    if media_type in NDJSON_TYPES:
        entries, lines = decode_lines(body, settings.bulk_items_max)
    else:
        entries = decode_array(body, settings.bulk_items_max)
    del body
    commands: list[Command] = []
    for entry in entries:
        if type(entry) is not Invalid:
            if entry.id is None:
                entry.id = new_id()
            commands.append(entry)  # type: ignore[arg-type]
    results = BulkResults(lines)
    outcomes = (
        await parts.ledger.submit_bulk(
            commands,
            actor=actor(request),
            timeout_seconds=settings.request_timeout_seconds,
            traceparent=traceparent(request),
            trail=trail(request),
        )
        if commands
        else []
    )
    results.add_all(entries, outcomes)
    return results.answer()


_EXAMPLE: Final = [examples.RECEIPT, examples.PICK]

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/movements/bulk",
        post_bulk,
        "recordMovements",
        "movements",
        "Record many movements",
        {
            200: Reply(
                "One result per item, in order. `accepted` and `replayed` count; `rejected` and "
                "`invalid` do not (a rejected item with a position stays refused under its id); "
                "`unknown`: send the same id again.",
                Content(BulkAnswer, examples={"mixed": examples.BULK_ANSWER}),
                ("Ledger-Position",),
            )
        },
        description="A JSON array, or one document a line (NDJSON). Items are decided in order, "
        "each for itself: one that is malformed or refused stops no other. At most 10,000 items, "
        "unless the operator allows fewer, and 16 MiB, unless the operator allows less, "
        "or more, up to 256 MiB.",
        body=(
            Content(
                {"type": "array", "minItems": 1, "maxItems": 10_000, "items": MovementRequest},
                examples={"two": _EXAMPLE},
            ),
            Content({"type": "string"}, "application/x-ndjson"),
        ),
        problems=(
            "invalid_request",
            "too_large",
            "unsupported_media_type",
            "unavailable",
            "request_timeout",
        ),
    ),
)
