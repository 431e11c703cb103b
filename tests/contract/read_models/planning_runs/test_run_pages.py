"""Pages of the list of runs, whose parameters may be long, and whose ledger it is."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import insert

from projections.database import Database
from projections.planning import run_queries, runs
from projections.planning.parameters import Parameters, Policies, PolicyPart, canonical, digest_of
from projections.planning.run_queries import Wanted, find_run, list_changes, list_runs, newest_run
from projections.planning.run_tables import planning_events
from projections.planning.run_writer import PlanningWriter
from tests.contract.read_models.planning_runs.test_life_cycle import (
    NOW_MS,
    PARAMETERS,
    lease,
    new,
    views_of,
)

SKUS = {f"SKU-{number}": PolicyPart(level="0.9") for number in range(20)}
LONG = msgspec.structs.replace(PARAMETERS, policies=Policies(skus=SKUS))
SHORT_LENGTH, LONG_LENGTH = len(canonical(PARAMETERS)), len(canonical(LONG))
LONG_RUNS = (3, 4, 6)


@pytest.fixture
async def listed(database: Database) -> AsyncIterator[Database]:
    """Seven runs, of which three are long; the last one goes on."""
    writer = PlanningWriter(database.url.render_as_string(hide_password=False))
    await views_of(writer)
    for number in range(1, 8):
        wanted = LONG if number in LONG_RUNS else PARAMETERS
        await runs.begin(writer, new(lease(number), parameters=wanted))
        if number < 7:
            await runs.fail(writer, lease(number), "no", NOW_MS)
    yield database
    await writer.close()


async def pages(database: Database, limit: int, state: str | None = None) -> list[list[int]]:
    """The numbers of the runs of each page, from the first to the last."""
    found, cursor = [], None
    while True:
        async with database.reader() as reader:
            page = await list_runs(reader, state=state, limit=limit, cursor=cursor)
        found.append([int(one["id"].removeprefix("run-")) for one in page.items])
        for one in page.items:
            whole = msgspec.convert(one["parameters"], Parameters)
            assert digest_of(whole) == one["parameters_hash"]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_as_many_as_are_asked_for(listed: Database) -> None:
    """Where all of them fit."""
    assert await pages(listed, 7) == [[7, 6, 5, 4, 3, 2, 1]]
    assert await pages(listed, 3) == [[7, 6, 5], [4, 3, 2], [1]]
    assert await pages(listed, 6, "failed") == [[6, 5, 4, 3, 2, 1]]
    assert await pages(listed, 2, "done") == [[]]


async def test_a_page_ends_where_it_is_full(
    listed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is left out or cut, and none comes twice."""
    monkeypatch.setattr(run_queries, "PAGE_LENGTH_MAX", LONG_LENGTH + SHORT_LENGTH)
    assert await pages(listed, 7) == [[7, 6], [5, 4], [3, 2], [1]]
    assert await pages(listed, 7, "failed") == [[6, 5], [4], [3, 2], [1]]


async def test_a_run_longer_than_a_page(listed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a page of its own."""
    monkeypatch.setattr(run_queries, "PAGE_LENGTH_MAX", LONG_LENGTH - 1)
    found = await pages(listed, 7)
    assert [number for page in found for number in page] == [7, 6, 5, 4, 3, 2, 1]
    assert all([number] in found for number in LONG_RUNS)


async def test_runs_of_another_ledger_are_not_there(database: Database) -> None:
    """Where the views are made anew from another log, nothing that was planned before holds."""
    writer = PlanningWriter(database.url.render_as_string(hide_password=False))
    for number, ledger in enumerate(("ledger-1", "ledger-2", "ledger-1", "ledger-2"), 1):
        one = lease(number, ledger)
        await runs.begin(writer, new(one))
        event = (number, one.run_id, f"e{number}", "t", "A", "", NOW_MS, f'{{"n":{number}}}')
        async with writer.transaction() as connection:
            await connection.execute(insert(planning_events).values(event))
            await runs.finish(connection, one, finished_ms=NOW_MS)

    async def shown() -> tuple[str | None, list[list[int]], list[bool], list[int]]:
        async with database.reader() as reader:
            newest = await newest_run(reader)
            found = [await find_run(reader, f"run-00{number}") for number in (1, 2)]
            events = await list_changes(reader, Wanted(), limit=2, cursor=None)
        listed = await pages(database, 1)
        return (
            None if newest is None else newest["run_id"],
            listed,
            [one is not None for one in found],
            [one["n"] for one in events.items],
        )

    assert await shown() == (None, [[]], [False, False], [])
    await views_of(writer, "ledger-1")
    assert await shown() == ("run-003", [[3], [1]], [True, False], [1, 3])
    await views_of(writer, "ledger-2")
    assert await shown() == ("run-004", [[4], [2]], [False, True], [2, 4])
    await writer.close()
