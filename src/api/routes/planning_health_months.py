"""Stock health by month, as a run found it."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services
from api.operations import Content, Operation, Parameter, Reply
from api.problems import Problem
from api.queries import read_query
from api.routes import planning_parameters as q
from api.routes.planning_results import chosen_run
from api.schemas import planning_examples as examples
from api.schemas.planning_answers import page_model
from api.schemas.planning_health import HEALTH_MONTH, HealthMonth
from ledger.domain import codes
from projections.planning.parameters import day_text
from projections.planning.run_lists import list_health

_BY: Final = q.words(
    "by", "Of everything, of each class, or of each site.", ("total", "class", "site")
)
_NAME: Final = Parameter(
    "name",
    "Of this class or site.",
    {"type": "string", "minLength": 1, "maxLength": codes.LOCATION_LENGTH_MAX},
    "A",
)
_PARAMETERS: Final = (q.RUN, _BY, _NAME, p.LIMIT, p.CURSOR)


async def get_health_months(request: Request) -> Answer:
    """List stock health by group and month."""
    query = read_query(request, {one.name for one in _PARAMETERS})
    try:
        by = q.chosen(query, (_BY,)).get("by")
    except ValueError as error:
        raise Problem("invalid_request", str(error)) from None
    name = query.get("name")
    if name is not None and codes.check_location(name) is not None:
        raise Problem("invalid_request", "name is that of a class or a site")
    limit, cursor = queries.limit(query), queries.cursor(query)
    async with services(request).views.reader() as reader:
        run = await chosen_run(reader, query, cursor)
        wanted = {"grouping": by, "name": name}
        page = await list_health(reader, run["run_id"], wanted, limit, cursor)
    head = {"run": run["run_id"], "as_of": day_text(run["as_of_day"])}
    return document(HTTPStatus.OK, {**head, **page._asdict()})


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/planning/health-months",
        get_health_months,
        "listPlanningHealth",
        "planning",
        "Stock health by month, as a run found it",
        {
            200: Reply(
                "A page, by group and month.",
                Content(
                    page_model(HealthMonth, "HealthMonthPage"),
                    examples={"page": examples.page(HEALTH_MONTH)},
                ),
            )
        },
        description="The figures of `/v1/planning/health`, computed when the run was made, over "
        "its window and with its limits: of everything, of each ABC class, and of each site if "
        "the run looked at sites apart. For a ledger of any size.",
        parameters=_PARAMETERS,
        problems=("invalid_request", "not_found", "run_without_results"),
    ),
)
