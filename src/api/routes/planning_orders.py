"""Forecasts of a run, and its proposals by supplier."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from api import parameters as p
from api import queries
from api.answers import Answer, document
from api.dependencies import services
from api.operations import Content, Operation, Reply
from api.problems import Problem
from api.queries import Query, read_query
from api.routes import planning_parameters as q
from api.routes.planning_results import chosen_run
from api.schemas import planning_examples as examples
from api.schemas.planning_answers import Forecast, SupplierProposal, page_model
from projections.planning.parameters import day_text
from projections.planning.run_lists import find_forecast, list_forecasts, list_suppliers

_FORECASTS: Final = (q.RUN, p.SKU, q.SITE, q.MODEL, p.LIMIT, p.CURSOR)
_FORECAST: Final = (p.SKU_OF_PATH, q.RUN, q.SITE)
_SUPPLIERS: Final = (q.RUN, p.LIMIT, p.CURSOR)


async def get_forecasts(request: Request) -> Answer:
    """List forecasts."""
    query = read_query(request, {one.name for one in _FORECASTS})
    try:
        model = q.chosen(query, (q.MODEL,))
    except ValueError as error:
        raise Problem("invalid_request", str(error)) from None
    limit, cursor = queries.limit(query), queries.cursor(query)
    wanted = {"sku": queries.optional_sku(query), "site": queries.optional_site(query), **model}
    async with services(request).views.reader() as reader:
        run = await chosen_run(reader, query, cursor)
        page = await list_forecasts(reader, run["run_id"], wanted, limit, cursor)
    return document(HTTPStatus.OK, {**_head(run), **page._asdict()})


async def get_forecast(request: Request) -> Answer:
    """The forecast of one SKU."""
    query = read_query(request, {"run", "site"})
    sku, site = queries.checked_sku(request.path_params["sku"]), queries.optional_site(query)
    async with services(request).views.reader() as reader:
        run = await chosen_run(reader, query, None)
        found = await find_forecast(reader, run["run_id"], sku, site)
    if found is None:
        raise Problem("not_found", _nothing(query, run["run_id"], sku))
    return document(HTTPStatus.OK, {**_head(run), **found})


async def get_suppliers(request: Request) -> Answer:
    """List what is proposed, by supplier."""
    query = read_query(request, {one.name for one in _SUPPLIERS})
    limit, cursor = queries.limit(query), queries.cursor(query)
    async with services(request).views.reader() as reader:
        run = await chosen_run(reader, query, cursor)
        page = await list_suppliers(reader, run["run_id"], limit, cursor)
    return document(HTTPStatus.OK, {**_head(run), **page._asdict()})


def _nothing(query: Query, run_id: str, sku: str) -> str:
    where = f" at {query['site']}" if "site" in query else ""
    return f"the run {run_id} has no forecast of {sku}{where}"


def _head(run: object) -> dict[str, str]:
    return {"run": run["run_id"], "as_of": day_text(run["as_of_day"])}  # type: ignore[index]


OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/planning/forecasts",
        get_forecasts,
        "listForecasts",
        "planning",
        "Forecasts by SKU and site",
        {
            200: Reply(
                "A page.",
                Content(
                    page_model(Forecast, "ForecastPage"),
                    examples={"page": examples.page(examples.FORECAST)},
                ),
            )
        },
        parameters=_FORECASTS,
        problems=("invalid_request", "invalid_sku", "not_found", "run_without_results"),
    ),
    Operation(
        "GET",
        "/v1/planning/forecasts/{sku}",
        get_forecast,
        "getForecast",
        "planning",
        "The forecast of a SKU",
        {
            200: Reply(
                "Of all sites together, or of `site`.",
                Content(Forecast, examples={"forecast": {**examples.HEAD, **examples.FORECAST}}),
            )
        },
        parameters=_FORECAST,
        problems=("invalid_request", "invalid_sku", "not_found", "run_without_results"),
    ),
    Operation(
        "GET",
        "/v1/planning/supplier-proposals",
        get_suppliers,
        "listSupplierProposals",
        "planning",
        "What to order, brought together by supplier",
        {
            200: Reply(
                "A page.",
                Content(
                    page_model(SupplierProposal, "SupplierProposalPage"),
                    examples={"page": examples.page(examples.SUPPLIER)},
                ),
            )
        },
        parameters=_SUPPLIERS,
        problems=("invalid_request", "not_found", "run_without_results"),
    ),
)
