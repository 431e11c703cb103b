"""The life of a run on both databases: one at a time, dead ones noticed, old results deleted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, insert, select, update

from projections.checkpoints import VIEW_GROUP
from projections.database import Database, DatabaseUnavailable
from projections.planning import runs
from projections.planning.parameters import Parameters, canonical, read
from projections.planning.run_changes import next_sequence
from projections.planning.run_columns import FIELDS
from projections.planning.run_fields import planning_results
from projections.planning.run_queries import newest_run
from projections.planning.run_retention import discard, discard_events
from projections.planning.run_tables import (
    PLANNING_GROUP,
    PLANNING_PARTITION,
    planning_events,
    planning_locks,
    planning_runs,
)
from projections.planning.run_writer import SQLITE_CACHE_KIB, PlanningWriter, Row
from projections.planning.runs import Lease, NewRun, RunInProgress, RunLost, SlotTaken
from projections.publishers.alert_store import AlertStore, Range
from projections.tables import view_positions

LEDGER = "ledger-1"
PARAMETERS = Parameters(as_of="2026-01-31")
NOW_MS = 1_767_225_600_000


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[PlanningWriter]:
    """Writes to a database with its tables."""
    opened = PlanningWriter(database.url.render_as_string(hide_password=False))
    yield opened
    await opened.close()


def lease(number: int, ledger: str = LEDGER) -> Lease:
    """The right to make run `number`."""
    return Lease(ledger, f"run-{number:03}", f"attempt-{number}")


def new(one: Lease, *, slot_s: int | None = None, parameters: Parameters = PARAMETERS) -> NewRun:
    """A run that begins."""
    return NewRun(
        lease=one,
        parameters=parameters,
        origin="request",
        code_version="1",
        started_ms=NOW_MS,
        slot_s=slot_s,
    )


def result(sku: str) -> Row:
    """A row without numbers."""
    return sku, "", 0, *(None for _ in FIELDS)


async def done(writer: PlanningWriter, one: Lease, skus: tuple[str, ...] = ("A",)) -> None:
    """A run from its beginning to its end, with one row a SKU."""
    await runs.begin(writer, new(one))
    rows = [(one.run_id, *result(sku)) for sku in skus]
    await runs.write_rows(writer, one, {planning_results: rows})
    async with writer.transaction() as connection:
        await runs.renew(writer, connection, one)
        await runs.finish(connection, one, finished_ms=NOW_MS + 1, digest="d")


async def rows_of(database: Database, table: Any) -> list[dict[str, Any]]:
    """All of a table, by its key."""
    async with database.reader() as reader:
        rows = await reader.all(select(table).order_by(*table.primary_key))
        return [dict(row) for row in rows]


async def states(database: Database) -> list[tuple[str, str, str | None]]:
    """Id, state and reason of every run."""
    found = await rows_of(database, planning_runs)
    return [(row["run_id"], row["state"], row["reason"]) for row in found]


async def views_of(writer: PlanningWriter, ledger: str = LEDGER) -> None:
    """Let the views be those of this ledger."""
    row = (VIEW_GROUP, 0, ledger, 1, "", -1)
    async with writer.transaction() as connection:
        await connection.execute(delete(view_positions))
        await connection.execute(insert(view_positions).values(row))


async def silence(writer: PlanningWriter, seconds: int = runs.SILENT_SECONDS_MAX + 1) -> None:
    """Let the holder of the lock have said nothing for so long."""
    async with writer.transaction() as connection:
        await connection.execute(
            update(planning_locks).values(renewed_s=planning_locks.c.renewed_s - seconds)
        )


async def test_a_run_begins_works_and_is_done(database: Database, writer: PlanningWriter) -> None:
    """Its row says what was asked, and gives the parameters back as they were."""
    await done(writer, lease(1), ("A", "B"))
    (run,) = await rows_of(database, planning_runs)
    assert (run["state"], run["results_kept"], run["digest"]) == ("done", True, "d")
    assert (run["started_ms"], run["finished_ms"]) == (NOW_MS, NOW_MS + 1)
    assert run["parameters"] == canonical(PARAMETERS)
    assert read(run["parameters"]) == PARAMETERS
    assert [row["sku"] for row in await rows_of(database, planning_results)] == ["A", "B"]
    (lock,) = await rows_of(database, planning_locks)
    assert (lock["run_id"], lock["attempt"]) == (None, None)


async def test_one_run_at_a_time(database: Database, writer: PlanningWriter) -> None:
    """Of twenty that begin at once one does; the others hear which; another ledger is free."""
    begun = await asyncio.gather(
        *(runs.begin(writer, new(lease(number))) for number in range(20)), return_exceptions=True
    )
    assert begun.count(None) == 1
    winner = lease(begun.index(None))
    assert {one.run_id for one in begun if isinstance(one, RunInProgress)} == {winner.run_id}
    await runs.begin(writer, new(lease(99, "ledger-2")))
    assert [run for run, _, _ in await states(database)] == sorted([winner.run_id, "run-099"])
    await runs.fail(writer, winner, "it was too much", NOW_MS + 5)
    await done(writer, lease(50))
    assert (winner.run_id, "failed", "it was too much") in await states(database)


async def test_a_silent_run_makes_room(
    database: Database, writer: PlanningWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one marks it as failed; should it wake up, it can write nothing any more."""
    # So long that the seconds this test takes are not what makes the difference.
    monkeypatch.setattr(runs, "SILENT_SECONDS_MAX", 10_000)
    dead, alive = lease(1), lease(2)
    await runs.begin(writer, new(dead))
    await silence(writer, 10_000 - 300)
    with pytest.raises(RunInProgress):
        await runs.begin(writer, new(alive))
    await silence(writer, 301)
    await runs.begin(writer, new(alive))
    assert (dead.run_id, "failed", runs.INTERRUPTED) in await states(database)
    with pytest.raises(RunLost):
        await runs.write_rows(writer, dead, {planning_results: [(dead.run_id, *result("A"))]})
    with pytest.raises(RunLost):
        await runs.note(writer, dead)
    await runs.fail(writer, dead, "of the dead", NOW_MS)
    assert (alive.run_id, "running", None) in await states(database)
    assert await rows_of(database, planning_results) == []


async def test_who_renews_lives(writer: PlanningWriter) -> None:
    """However long ago it began."""
    await runs.begin(writer, new(lease(1)))
    await silence(writer)
    await runs.note(writer, lease(1), positions="{}")
    assert await runs.reap(writer, LEDGER, NOW_MS) is None
    with pytest.raises(RunInProgress):
        await runs.begin(writer, new(lease(2)))


async def test_the_dead_are_noticed_by_anybody(database: Database, writer: PlanningWriter) -> None:
    """Once."""
    assert await runs.reap(writer, LEDGER, NOW_MS) is None
    await runs.begin(writer, new(lease(1)))
    await silence(writer)
    assert await runs.reap(writer, LEDGER, NOW_MS + 9) == "run-001"
    assert await runs.reap(writer, LEDGER, NOW_MS + 9) is None
    assert await states(database) == [("run-001", "failed", runs.INTERRUPTED)]


async def test_a_moment_of_the_schedule_is_kept_once(
    writer: PlanningWriter, database: Database
) -> None:
    """By whoever comes first, and later runs by request do not bring it back."""
    assert await runs.is_due(database, LEDGER, 1_000)
    both = await asyncio.gather(
        *(runs.begin(writer, new(lease(number), slot_s=1_000)) for number in (1, 2)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in both) == ["NoneType", "SlotTaken"]
    assert not await runs.is_due(database, LEDGER, 1_000)
    assert await runs.is_due(database, LEDGER, 1_001)
    winner = lease(1 if both[0] is None else 2)
    await runs.fail(writer, winner, "no matter", NOW_MS)
    await done(writer, lease(3))
    with pytest.raises(SlotTaken):
        await runs.begin(writer, new(lease(4), slot_s=1_000))


async def test_pages_of_a_long_transaction_are_held(writer: PlanningWriter) -> None:
    """Else SQLite would write and read those of the index of events again and again."""
    if writer.is_sqlite:
        async with writer.transaction() as connection:
            found = await connection.exec_driver_sql("PRAGMA cache_size")
            assert found.scalar_one() == -SQLITE_CACHE_KIB


async def test_nobody_sees_a_transaction_that_fails(
    database: Database, writer: PlanningWriter
) -> None:
    """Rows and the sign of life go together."""
    await runs.begin(writer, new(lease(1)))
    row = ("run-001", *result("A"))
    with pytest.raises(DatabaseUnavailable):
        await runs.write_rows(writer, lease(1), {planning_results: [row, row]})
    assert await rows_of(database, planning_results) == []


async def test_the_published_run_is_shown(database: Database, writer: PlanningWriter) -> None:
    """However many others are done after it; without one, the newest of them."""
    await views_of(writer)

    async def shown() -> str | None:
        async with database.reader() as reader:
            row = await newest_run(reader)
            return None if row is None else row["run_id"]

    found = [await shown()]
    for number, publish in ((1, False), (2, False), (3, True), (4, False), (5, True)):
        wanted = msgspec.structs.replace(PARAMETERS, publish=publish)
        await runs.begin(writer, new(lease(number), parameters=wanted))
        async with writer.transaction() as connection:
            await runs.renew(writer, connection, lease(number))
            await runs.finish(connection, lease(number), finished_ms=NOW_MS)
        found.append(await shown())
    assert found == [None, "run-001", "run-002", "run-003", "run-003", "run-005"]


async def test_old_results_are_deleted(database: Database, writer: PlanningWriter) -> None:
    """In portions; the newest stay, the newest published one too, and every run's row."""
    skus = tuple(f"S{number}" for number in range(7))
    await done(writer, lease(1), skus)
    silent = msgspec.structs.replace(PARAMETERS, publish=False)
    for number in (2, 3):
        one = lease(number)
        await runs.begin(writer, new(one, parameters=silent))
        await runs.write_rows(writer, one, {planning_results: [(one.run_id, *result("A"))]})
        async with writer.transaction() as connection:
            await runs.finish(connection, one, finished_ms=NOW_MS)
    await runs.begin(writer, new(lease(4)))
    await runs.write_rows(writer, lease(4), {planning_results: [("run-004", *result("A"))]})
    await runs.fail(writer, lease(4), "no", NOW_MS)
    deleted = await discard(writer, LEDGER, (planning_results,), kept=1, rows_max=3)
    assert deleted == ["run-002", "run-004"]
    left = {row["run_id"] for row in await rows_of(database, planning_results)}
    assert left == {"run-001", "run-003"}
    found = await rows_of(database, planning_runs)
    assert [row["results_kept"] for row in found] == [True, False, True, False]
    await done(writer, lease(5))
    assert await discard(writer, LEDGER, (planning_results,), kept=1, rows_max=3) == [
        "run-001", "run-003",
    ]  # fmt: skip
    assert await discard(writer, LEDGER, (planning_results,), kept=1, rows_max=3) == []


async def lay_events(writer: PlanningWriter, recorded: list[int]) -> int:
    """Events recorded at these times, numbered on; the number of the last."""
    async with writer.transaction() as connection:
        first = await next_sequence(connection)
        for sequence, recorded_ms in enumerate(recorded, first):
            row = (sequence, "run-001", f"e{sequence}", "t", "A", "", recorded_ms, "{}")
            await connection.execute(insert(planning_events).values(row))
    return first + len(recorded) - 1


async def numbers(database: Database) -> list[int]:
    """Those of the events that are there."""
    return [row["sequence"] for row in await rows_of(database, planning_events)]


async def test_old_events_are_deleted(database: Database, writer: PlanningWriter) -> None:
    """In portions, up to the first that is not old; no number comes again."""
    assert await discard_events(writer, before_ms=NOW_MS, rows_max=2) == 0
    assert await lay_events(writer, [NOW_MS - 1] * 5 + [NOW_MS, NOW_MS - 1, NOW_MS]) == 8
    assert await discard_events(writer, before_ms=NOW_MS, rows_max=2) == 5
    assert await numbers(database) == [6, 7, 8]
    assert await discard_events(writer, before_ms=NOW_MS + 1, rows_max=2) == 2
    assert await numbers(database) == [8]
    assert await lay_events(writer, [NOW_MS]) == 9


async def test_events_wait_for_the_publisher(database: Database, writer: PlanningWriter) -> None:
    """However old: what it has not sent yet stays, once it has sent anything."""
    await lay_events(writer, [NOW_MS] * 9)
    store = AlertStore(database)
    await store.advance(PLANNING_GROUP, Range(LEDGER, PLANNING_PARTITION, 0, 4))
    assert await discard_events(writer, before_ms=NOW_MS + 1, rows_max=3) == 4
    assert await numbers(database) == [5, 6, 7, 8, 9]
    await store.advance(PLANNING_GROUP, Range(LEDGER, PLANNING_PARTITION, 4, 9))
    await store.close()
    assert await discard_events(writer, before_ms=NOW_MS + 1, rows_max=3) == 4
    assert await numbers(database) == [9]
