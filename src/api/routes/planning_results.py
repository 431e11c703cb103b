"""What planning runs came to: lists of results, and of what changed."""

from http import HTTPStatus
from typing import Final

from sqlalchemy import RowMapping
from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services
from api.operations import Content, Endpoint, Operation, Parameter, Reply
from api.problems import Problem
from api.queries import Query, read_query
from api.routes import planning_parameters as q
from api.schemas import planning_examples as examples
from api.schemas.planning_answers import ChangePage, page_model, row_model
from projections.database import ReadConnection
from projections.planning.parameters import day_text
from projections.planning.run_queries import (
    Wanted,
    list_changes,
    list_results,
    newest_run,
    run_of_cursor,
    run_row,
)

_CHANGES: Final = (p.SKU, q.SITE, q.TYPE, p.LIMIT, p.CURSOR)


async def chosen_run(reader: ReadConnection, query: Query, cursor: str | None) -> RowMapping:
    """The run whose results are wanted: named, of the cursor, or the newest published."""
    run_id = queries.optional_run(query)
    if run_id is None and cursor is not None:
        run_id = run_of_cursor(cursor)
    return await run_with_results(reader, run_id)


async def run_with_results(reader: ReadConnection, run_id: str | None) -> RowMapping:
    """A run whose results are there; None: see `newest_run`. A problem if there is none."""
    row = await newest_run(reader) if run_id is None else await run_row(reader, run_id)
    if row is None:
        which = "no planning run is done yet" if run_id is None else f"there is no run {run_id}"
        raise Problem("not_found", which)
    if row["state"] != "done" or not row["results_kept"]:
        why = row["state"] if row["state"] != "done" else "too old: its results are deleted"
        raise Problem("run_without_results", f"the run {row['run_id']} is {why}")
    return row


def _filters(query: Query, filters: tuple[Parameter, ...]) -> Wanted:
    try:
        equal = q.chosen(query, filters)
    except ValueError as error:
        raise Problem("invalid_request", str(error)) from None
    return Wanted(sku=queries.optional_sku(query), site=queries.optional_site(query), equal=equal)


def _list_of(subject: str, filters: tuple[Parameter, ...]) -> Endpoint:
    """The endpoint that lists one subject of a run."""
    allowed = {one.name for one in _parameters(filters)}

    async def get_list(request: Request) -> Answer:
        query = read_query(request, allowed)
        wanted = _filters(query, filters)
        limit, cursor = queries.limit(query), queries.cursor(query)
        async with services(request).views.reader() as reader:
            run = await chosen_run(reader, query, cursor)
            page = await list_results(reader, run["run_id"], subject, wanted, (limit, cursor))
        head = {"run": run["run_id"], "as_of": day_text(run["as_of_day"])}
        return document(HTTPStatus.OK, {**head, **page._asdict()})

    return get_list


def _parameters(filters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    return (q.RUN, p.SKU, q.SITE, *filters, p.LIMIT, p.CURSOR)


def _operation(subject: str, name: str, summary: str, filters: tuple[Parameter, ...]) -> Operation:
    page = page_model(row_model(subject, f"{name}Row"), f"{name}Page")
    shown = examples.page(examples.row(subject))
    return Operation(
        "GET",
        f"/v1/planning/{subject}",
        _list_of(subject, filters),
        f"listPlanning{name}",
        "planning",
        summary,
        {200: Reply("A page, by SKU and site.", Content(page, examples={"page": shown}))},
        parameters=_parameters(filters),
        problems=("invalid_request", "invalid_sku", "not_found", "run_without_results"),
    )


async def get_changes(request: Request) -> Answer:
    """List what runs changed."""
    query = read_query(request, {parameter.name for parameter in _CHANGES})
    wanted = _filters(query, (q.TYPE,))
    limit, cursor = queries.limit(query), queries.cursor(query)
    async with services(request).views.reader() as reader:
        page = await list_changes(reader, wanted, limit=limit, cursor=cursor)
    return document(HTTPStatus.OK, page._asdict())


_CLASSES: Final = (q.ABC, q.XYZ)
OPERATIONS: Final = (
    _operation("abc", "Abc", "Classes by share of the total", _CLASSES),
    _operation("xyz", "Xyz", "Classes by variation, patterns", (*_CLASSES, q.PATTERN)),
    _operation("velocity", "Velocity", "How fast series move", (*_CLASSES, q.VELOCITY)),
    _operation(
        "safety-stock", "SafetyStock", "Safety stocks and reorder points", (*_CLASSES, q.METHOD)
    ),
    _operation(
        "replenishment", "Replenishment", "What to order, and why",
        (*_CLASSES, q.SUPPLIER, q.POLICY, q.REASON),
    ),
    _operation("slow-movers", "SlowMovers", "Cover, excess and turnover", _CLASSES),
    Operation(
        "GET",
        "/v1/planning/changes",
        get_changes,
        "listPlanningChanges",
        "planning",
        "What published runs changed, in the order in which it became so",
        {
            200: Reply(
                "A page of CloudEvents documents.",
                Content(
                    ChangePage,
                    examples={"page": {"items": [examples.CHANGE], "next_cursor": "WzE3XQ"}},
                ),
            )
        },
        parameters=_CHANGES,
        problems=("invalid_request", "invalid_sku"),
    ),
)  # fmt: skip
