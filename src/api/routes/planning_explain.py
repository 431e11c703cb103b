"""Why a series of a planning run has its numbers."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services
from api.operations import Content, Operation, Reply
from api.problems import Problem
from api.queries import read_query
from api.routes import planning_parameters as q
from api.routes.planning_results import run_with_results
from api.schemas import planning_examples as examples
from api.schemas.planning_answers import Explanation
from projections.planning.run_explain import explain

_PARAMETERS: Final = (q.RUN_OF_PATH, p.SKU_REQUIRED, q.SITE)


async def get_explanation(request: Request) -> Answer:
    """Explain the numbers of one series."""
    query = read_query(request, {"sku", "site"})
    if "sku" not in query:
        raise Problem("invalid_request", "the query parameter sku is missing")
    sku, site = queries.checked_sku(query["sku"]), queries.optional_site(query) or ""
    run_id = request.path_params["id"]
    async with services(request).views.reader() as reader:
        run = await run_with_results(reader, run_id)
        found = await explain(reader, run, sku, site)
    if found is None:
        where = f" at {site}" if site else ""
        raise Problem("not_found", f"the run {run_id} has no series {sku}{where}")
    return document(HTTPStatus.OK, found)


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/planning/runs/{id}/explain",
        get_explanation,
        "explainPlanningRun",
        "planning",
        "Why a series has its numbers",
        {
            200: Reply(
                "Inputs with links to the movements, every number with its formula and source, and "
                "whether they come out again. Without `site`: all sites together.",
                Content(Explanation, examples={"explanation": examples.EXPLANATION}),
            )
        },
        parameters=_PARAMETERS,
        problems=("invalid_request", "invalid_sku", "not_found", "run_without_results"),
    ),
)
