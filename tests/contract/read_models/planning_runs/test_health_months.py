"""Stock health in a run: of series and of groups by month, the same as asked for directly."""

from typing import Any

import pytest

from projections.database import Database
from projections.planning.health.reading import Question, read_health
from projections.planning.parameters import Parameters
from projections.planning.run_lists import list_health
from tests.contract.read_models.planning_runs.making import Trade, make, parameters, results
from tests.contract.read_models.projecting import project

QUIET: dict[str, Any] = {"forecast": {"enabled": False}}
Months = dict[str, list[dict[str, Any]]]


async def asked(database: Database, by: str, wanted: Parameters) -> Months:
    """Stock health as it is computed on the spot, with the run's window and limits."""
    limits = {"bucket": "month", "carrying_rate": 250_000}
    window = (wanted.first_day, wanted.as_of_day)
    question = Question(by, None, wanted.site, "run-001", window, limits)  # type: ignore[arg-type]
    async with database.reader() as reader:
        found = await read_health(reader, question)
    assert found is not None
    return {item["name"]: item["buckets"] for item in found["items"]}


async def listed(database: Database, by: str, limit: int = 7) -> Months:
    """The same from the run, page by page."""
    found: Months = {}
    cursor = None
    async with database.reader() as reader:
        while True:
            page = await list_health(reader, "run-001", {"grouping": by}, limit, cursor)
            assert len(page.items) <= limit
            for item in page.items:
                assert item.pop("by") == by
                found.setdefault(item.pop("name"), []).append(item)
            cursor = page.next_cursor
            if cursor is None:
                return found


@pytest.mark.parametrize(
    ("request_", "groupings"),
    [
        ({}, ("total", "class")),
        ({"each_site": True}, ("total", "class", "site")),
        ({"site": "EAST"}, ("total", "class")),
    ],
)
async def test_a_run_finds_what_is_found_directly(
    database: Database, request_: dict[str, Any], groupings: tuple[str, ...]
) -> None:
    """Of everything, of classes, of sites; a site's value is its share of the SKU's."""
    await project(Trade().log, database)
    wanted = parameters(**QUIET, **request_)
    await make(database, wanted)
    for by in groupings:
        direct = await asked(database, by, wanted)
        assert await listed(database, by) == direct
        assert len(next(iter(direct.values()))) == 13
    assert (await listed(database, "site") == {}) == ("site" not in groupings)


async def test_the_value_at_a_site_is_its_share(database: Database) -> None:
    """What holding stock costs at two sites adds up to what it costs at both together."""
    trade = Trade()
    await project(trade.log, database)
    await make(database, parameters(**QUIET, each_site=True), 1)
    await make(database, parameters(**QUIET), 2)
    apart, together = await results(database, "run-001"), await results(database, "run-002")
    of_sku: dict[str, int] = {}
    for row in apart["planning_results"]:
        of_sku[row["sku"]] = of_sku.get(row["sku"], 0) + row["carrying_cost"]
    assert len(of_sku) == 7
    for row in together["planning_results"]:
        assert of_sku[row["sku"]] == pytest.approx(row["carrying_cost"], abs=400)
        assert of_sku[row["sku"]] > 1_000 or row["sku"] in {"FREE", "CHEAP"}


async def test_without_health_there_is_none(database: Database) -> None:
    """Neither of series nor of groups."""
    await project(Trade().log, database)
    await make(database, parameters(**QUIET, health={"enabled": False}))
    found = await results(database)
    assert found["planning_health"] == []
    assert {row["turnover_per_year"] for row in found["planning_results"]} == {None}
