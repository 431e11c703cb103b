"""Planning runs: asked for, listed, looked at."""

from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.bodies import JSON_TYPES, content_type, read_body
from api.dependencies import Services, services, wait_for_view
from api.limits import DOCUMENT_BYTES_MAX
from api.operations import Content, Operation, Reply
from api.planning import checked_parameters
from api.problems import Problem, unavailable
from api.queries import Query, read_query
from api.routes import planning_parameters as q
from api.schemas import planning_examples as examples
from api.schemas.planning import RunRequest, decode_run
from api.schemas.planning_answers import Run, RunPage
from projections.planning.parameters import InvalidParameters
from projections.planning.planner import Planner
from projections.planning.run_queries import find_run, list_runs
from projections.planning.runs import RunInProgress

_LIST_PARAMETERS: Final = (q.STATE, p.LIMIT, p.CURSOR)
_NO_PLANNER: Final = "this process has no role planner; ask one that has for planning runs"


async def post_run(request: Request) -> Answer:
    """Begin a run, and wait for its end if that is wanted."""
    query = read_query(request, {"wait", "min_position"})
    wait_seconds = _wait_seconds(query)
    parts = services(request)
    planner = _planner(parts)
    content_type(request, JSON_TYPES)
    bytes_max = min(DOCUMENT_BYTES_MAX, parts.settings.body_bytes_max)
    body = await read_body(request, bytes_max)
    await wait_for_view(parts, query)
    try:
        wanted = decode_run(body)
        async with parts.views.reader() as reader:
            parameters = await checked_parameters(reader, wanted)
        run_id = await planner.begin(parameters)
    except InvalidParameters as error:
        members = {"field": error.field}
        raise Problem("invalid_parameters", str(error), members=members) from None
    except RunInProgress as error:
        members = {"run": error.run_id}
        raise Problem("run_in_progress", str(error), members=members) from None
    await planner.wait(run_id, wait_seconds)
    run = await _run(parts, run_id)
    status = HTTPStatus.ACCEPTED if run["state"] == "running" else HTTPStatus.CREATED
    return document(status, run, ((b"location", f"/v1/planning/runs/{run_id}".encode()),))


async def get_runs(request: Request) -> Answer:
    """List runs."""
    query = read_query(request, {parameter.name for parameter in _LIST_PARAMETERS})
    limit, cursor = queries.limit(query), queries.cursor(query)
    try:
        state = q.chosen(query, (q.STATE,)).get("state")
    except ValueError as error:
        raise Problem("invalid_request", str(error)) from None
    parts = services(request)
    async with parts.views.reader() as reader:
        page = await list_runs(reader, state=state, limit=limit, cursor=cursor)
    return document(HTTPStatus.OK, page._asdict())


async def get_run(request: Request) -> Answer:
    """Find a run."""
    read_query(request, ())
    return document(HTTPStatus.OK, await _run(services(request), request.path_params["id"]))


async def _run(parts: Services, run_id: str) -> dict[str, Any]:
    async with parts.views.reader() as reader:
        found = await find_run(reader, run_id)
    if found is None:
        raise Problem("not_found", f"there is no planning run {run_id}")
    return found


def _planner(parts: Services) -> Planner:
    if parts.planner is None:
        raise unavailable(_NO_PLANNER)
    return parts.planner


def _wait_seconds(query: Query) -> int:
    text = query.get("wait", "0")
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(q.WAIT_SECONDS_MAX))
    if digits and int(text) <= q.WAIT_SECONDS_MAX:
        return int(text)
    raise Problem("invalid_request", f"wait is 0 to {q.WAIT_SECONDS_MAX} seconds")


OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/planning/runs",
        post_run,
        "startPlanningRun",
        "planning",
        "Begin a planning run",
        {
            201: Reply(
                "It has ended: `state` says how.",
                Content(Run, examples={"run": examples.RUN}),
                ("Location",),
            ),
            202: Reply(
                "It is being made; look at `Location`.",
                Content(Run, examples={"run": examples.RUN_BEGUN}),
                ("Location",),
            ),
        },
        description="One run of a ledger at a time. Results are there when `state` is `done`.",
        parameters=(q.WAIT, p.MIN_POSITION),
        body=(Content(RunRequest, examples={"defaults": {}, "past": examples.REQUEST}),),
        problems=(
            "invalid_parameters",
            "run_in_progress",
            "too_large",
            "unsupported_media_type",
            "unavailable",
            "view_lagging",
            "request_timeout",
        ),
    ),
    Operation(
        "GET",
        "/v1/planning/runs",
        get_runs,
        "listPlanningRuns",
        "planning",
        "List planning runs, the newest first",
        {
            200: Reply(
                "A page.",
                Content(RunPage, examples={"page": {"items": [examples.RUN], "next_cursor": None}}),
            )
        },
        description="A page ends before `limit` where parameters are long, which policies of "
        "thousands of SKUs are: only a `next_cursor` that is null says that there are no more.",
        parameters=_LIST_PARAMETERS,
        problems=("invalid_request",),
    ),
    Operation(
        "GET",
        "/v1/planning/runs/{id}",
        get_run,
        "getPlanningRun",
        "planning",
        "A planning run",
        {200: Reply("The run.", Content(Run, examples={"run": examples.RUN}))},
        parameters=(q.RUN_OF_PATH,),
        problems=("not_found",),
    ),
)
