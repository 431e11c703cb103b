"""Results that are deleted while others read them, by whom that is finished; how a run ends."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from projections.database import Database, DatabaseUnavailable
from projections.planning import run_execute, run_repeat, run_retention, runs
from projections.planning.parameters import scope_of
from projections.planning.run_changes import event_rows, states_of
from projections.planning.run_execute import Execution
from projections.planning.run_fields import planning_results
from projections.planning.run_queries import run_row
from projections.planning.run_results import ListedRows, Results
from projections.planning.run_retention import discard
from projections.planning.run_tables import planning_events
from projections.planning.run_writer import PlanningWriter, Row
from projections.planning.runs import Lease
from tests.contract.read_models.planning_runs.test_life_cycle import (
    LEDGER,
    NOW_MS,
    PARAMETERS,
    done,
    lease,
    new,
    result,
    rows_of,
    states,
    views_of,
)

SKUS = tuple(f"S{number}" for number in range(7))


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[PlanningWriter]:
    """Writes to a database with its tables, in which two runs are done."""
    opened = PlanningWriter(database.url.render_as_string(hide_password=False))
    for number in (1, 2):
        await done(opened, lease(number), SKUS)
    yield opened
    await opened.close()


async def compared(database: Database) -> tuple[str | None, int]:
    """The run that a new one would be compared with, and how many series it has."""
    async with database.reader() as reader:
        run_id = await runs.newest_published(reader, LEDGER, scope_of(PARAMETERS))
        return run_id, 0 if run_id is None else len(await states_of(reader, run_id))


async def test_nobody_is_compared_with_half_a_run(
    database: Database, writer: PlanningWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that others are making meanwhile finds all of an earlier one, or nothing of it."""
    delete_some = run_retention._delete_some
    seen = []

    async def and_look(writer: PlanningWriter, table: Table, run_id: str, rows_max: int) -> bool:
        left = await delete_some(writer, table, run_id, rows_max)
        seen.append((await compared(database), len(await rows_of(database, planning_results))))
        return left

    monkeypatch.setattr(run_retention, "_delete_some", and_look)
    # The newest published run is of another scope, so that both of this one are deleted.
    each_site = msgspec.structs.replace(PARAMETERS, each_site=True)
    await runs.begin(writer, new(lease(3), parameters=each_site))
    async with writer.transaction() as connection:
        await runs.finish(connection, lease(3), finished_ms=NOW_MS)
    assert await compared(database) == ("run-002", 7)
    assert await discard(writer, LEDGER, (planning_results,), kept=1, rows_max=5) == [
        "run-001", "run-002",
    ]  # fmt: skip
    assert seen == [((None, 0), left) for left in (9, 7, 2, 0)]


async def test_deleting_is_finished_by_the_next(
    database: Database, writer: PlanningWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a process was killed in the middle of it."""
    delete_some = run_retention._delete_some

    async def once(writer: PlanningWriter, table: Table, run_id: str, rows_max: int) -> bool:
        await delete_some(writer, table, run_id, rows_max)
        raise DatabaseUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(run_retention, "_delete_some", once)
        with pytest.raises(DatabaseUnavailable):
            await discard(writer, LEDGER, (planning_results,), kept=1, rows_max=5)
    assert len(await rows_of(database, planning_results)) == 9
    assert await compared(database) == ("run-002", 7)
    assert await discard(writer, LEDGER, (planning_results,), kept=1, rows_max=5) == []
    left = await rows_of(database, planning_results)
    assert {row["run_id"] for row in left} == {"run-002"}


async def test_a_run_is_repeated_while_its_results_are_deleted(
    database: Database, writer: PlanningWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing then is no difference."""
    await views_of(writer)

    async def late(*_: Any) -> Results:
        await discard(writer, LEDGER, (planning_results,), kept=1, rows_max=5)
        return Results({planning_results: ListedRows([result(sku) for sku in SKUS])}, {})

    monkeypatch.setattr(run_repeat, "make_results", late)
    async with database.reader() as reader:
        run = await run_row(reader, "run-001")
    assert run is not None
    found = await run_repeat.repeat(database, {**run, "positions": "{}"})  # type: ignore[arg-type]
    assert (found.compared_rows, found.count, found.stored_digest) == (None, 0, "d")


class _Watched(ListedRows):
    """Rows that know in which threads they were asked for."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__(rows)
        self.threads: set[threading.Thread] = set()

    def portion(self, first: int, until: int) -> list[Row]:
        """Some of them."""
        self.threads.add(threading.current_thread())
        return super().portion(first, until)


async def test_changes_are_found_beside_the_loop(
    database: Database, writer: PlanningWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they are many, a run that cannot say that it lives is taken for dead.

    Their events are made there too, before the transaction that writes them.
    """
    await runs.begin(writer, new(lease(3)))
    rows = _Watched([result(sku) for sku in (*SKUS, "NEW")])
    run = Execution(database, writer, lease(3), lambda: NOW_MS)
    made_in = []

    def watched(*arguments: Any) -> list[Row]:
        made_in.append(threading.current_thread())
        return event_rows(*arguments)

    monkeypatch.setattr(run_execute, "event_rows", watched)
    ready = await run._compared(PARAMETERS, Results({planning_results: rows}, {}), "d")
    assert len(made_in) == 1
    assert threading.current_thread() not in made_in
    await run._finish(ready)
    assert len(made_in) == 1  # while nobody else can write, they are only written
    assert rows.threads
    assert threading.current_thread() not in rows.threads
    (event,) = await rows_of(database, planning_events)
    assert (event["run_id"], event["sku"]) == ("run-003", "NEW")


async def test_nothing_renews_beside_the_last_transaction(
    database: Database, writer: PlanningWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for the lock, which is given back, and take a run that is done for lost."""
    note, finish = runs.note, runs.finish
    renewing, renewed, beside = 0, asyncio.Event(), []

    async def watched(writer: PlanningWriter, one: Lease) -> None:
        nonlocal renewing
        renewing += 1
        try:
            await note(writer, one)
        finally:
            renewing -= 1
            renewed.set()

    async def slowly(connection: AsyncConnection, one: Lease, **values: Any) -> None:
        await asyncio.sleep(0.2)  # many times what lies between two renewals
        beside.append(renewing)
        await finish(connection, one, **values)

    async def later(*_: Any) -> Results:
        await renewed.wait()
        return Results({planning_results: ListedRows([result(sku) for sku in SKUS])}, {})

    monkeypatch.setattr(runs, "RENEW_SECONDS", 0.005)
    monkeypatch.setattr(runs, "note", watched)
    monkeypatch.setattr(runs, "finish", slowly)
    monkeypatch.setattr(run_execute, "make_results", later)
    await runs.begin(writer, new(lease(3)))
    await Execution(database, writer, lease(3), lambda: NOW_MS).run(PARAMETERS)
    assert beside == [0]
    assert ("run-003", "done", None) in await states(database)
