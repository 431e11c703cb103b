"""What is below its reorder point now."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services, wait_for_view
from api.operations import Content, Operation, Reply
from api.queries import read_query
from api.schemas import planning_examples as examples
from api.schemas.planning_answers import BelowPage
from projections import cursors
from projections.identity import views_ledger_ids
from projections.planning import below
from projections.planning.parameters import day_text
from projections.planning.run_queries import last_positions

_PARAMETERS: Final = (p.SKU, p.LIMIT, p.CURSOR, p.MIN_POSITION)


async def get_below(request: Request) -> Answer:
    """List what is below its reorder point."""
    query = read_query(request, {one.name for one in _PARAMETERS})
    limit, cursor = queries.limit(query), queries.cursor(query)
    sku = queries.optional_sku(query)
    key = None if cursor is None else cursors.decode(cursor, str, str)
    after = None if key is None else (str(key[0]), str(key[1]))
    parts = services(request)
    await wait_for_view(parts, query)
    async with parts.views.reader() as reader:
        ledger_id = next(iter(await views_ledger_ids(reader)), "")
        page = await below.below_reorder_point(
            reader, ledger_id, limit=limit + 1, after=after, sku=sku
        )
    items, more = page.items[:limit], len(page.items) > limit
    positions = {str(one): offset for one, offset in sorted(page.positions.items())}
    answer = {
        "run": page.run_id,
        "as_of": None if page.as_of_day is None else day_text(page.as_of_day),
        "as_of_position": last_positions(positions),
        "items": [below.document(one) for one in items],
        "next_cursor": cursors.encode(items[-1].sku, items[-1].site) if more else None,
    }
    return document(HTTPStatus.OK, answer)


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/planning/below-reorder-point",
        get_below,
        "listBelowReorderPoint",
        "planning",
        "What is below its reorder point now",
        {
            200: Reply(
                "A page, by SKU and site. The reorder points are those of the published run that "
                "was done last, the stock is that of now; without such a run nothing is listed.",
                Content(BelowPage, examples={"page": examples.BELOW}),
            )
        },
        parameters=_PARAMETERS,
        problems=("invalid_request", "invalid_sku", "view_lagging"),
    ),
)
