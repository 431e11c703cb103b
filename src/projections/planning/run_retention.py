"""What is kept: results of the newest runs and of the one that holds now, and newer events."""

from collections.abc import AsyncIterator, Sequence
from itertools import takewhile
from typing import Any

import msgspec
from sqlalchemy import Table, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from projections.planning.run_tables import (
    PLANNING_GROUP,
    PLANNING_PARTITION,
    planning_events,
    planning_runs,
)
from projections.planning.run_writer import PlanningWriter
from projections.tables import view_positions

_r, _e, _p = planning_runs.c, planning_events.c, view_positions.c


class Kept(msgspec.Struct, frozen=True):
    """How many runs' results stay, and for how many days events do."""

    runs: int
    events_days: int


async def discard(
    writer: PlanningWriter, ledger_id: str, tables: Sequence[Table], *, kept: int, rows_max: int
) -> list[str]:
    """Delete results of failed runs and of all done ones but the newest `kept`, and of no others.

    The runs' rows stay. Each transaction deletes the results of one run from one table, at most
    `rows_max` rows of it. Returns the runs whose results are gone now.
    """
    async with writer.transaction() as connection:
        old = await _discarded(connection, ledger_id, kept)
        # First of all: nobody may take what is left of a run for all of it, and least the next run,
        # which compares itself with one before and tells of what changed.
        await connection.execute(
            update(planning_runs).where(_r.run_id.in_(old)).values(results_kept=False)
        )
    for table in tables:
        async for run_id in _not_kept(writer, table):
            while await _delete_some(writer, table, run_id, rows_max):
                pass
    return old


async def _not_kept(writer: PlanningWriter, table: Table) -> AsyncIterator[str]:
    """Runs with rows that are not kept: those of now, and those that nobody finished deleting."""
    last = ""
    while True:
        async with writer.transaction() as connection:
            # From one run to the next by the key, whatever there is of each.
            newest = select(func.min(table.c.run_id)).where(table.c.run_id > last)
            run_id = (await connection.execute(newest)).scalar()
            if run_id is None:
                return
            kept = select(_r.results_kept).where(_r.run_id == run_id)
            gone = (await connection.execute(kept)).scalar() is False
        last = str(run_id)
        if gone:
            yield last


async def _discarded(connection: AsyncConnection, ledger_id: str, kept: int) -> list[str]:
    newest = (
        select(_r.run_id)
        .where(_r.ledger_id == ledger_id, _r.state == "done")
        .order_by(_r.run_id.desc())
    )
    held = [row[0] for row in await connection.execute(newest.limit(kept))]
    # What below-reorder-point and the next comparison need stays, however many others came after.
    published = newest.where(_r.publishes).limit(1)
    held += [row[0] for row in await connection.execute(published)]
    query = (
        select(_r.run_id)
        .where(
            _r.ledger_id == ledger_id,
            or_(_r.state == "failed", _r.state == "done"),
            _r.results_kept,
            _r.run_id.not_in(held),
        )
        .order_by(_r.run_id)
    )
    return [row[0] for row in await connection.execute(query)]


async def _delete_some(writer: PlanningWriter, table: Table, run_id: str, rows_max: int) -> bool:
    """Delete up to so many rows of a run; whether there may be more."""
    key = list(table.primary_key)
    some = select(*key[1:]).where(table.c.run_id == run_id).order_by(*key[1:]).limit(rows_max)
    async with writer.transaction() as connection:
        rows = (await connection.execute(some)).all()
        if not rows:
            return False
        last = tuple(rows[-1])
        condition: Any = tuple_(*key[1:]) <= last
        await connection.execute(delete(table).where(table.c.run_id == run_id, condition))
        return len(rows) == rows_max


async def discard_events(writer: PlanningWriter, *, before_ms: int, rows_max: int) -> int:
    """Delete events recorded before that time, oldest first; how many.

    Where a publisher has sent any, those that it has not sent yet stay. The newest one always
    stays, so that its number is never used again. Each transaction deletes at most `rows_max`.
    """
    deleted = 0
    while True:
        async with writer.transaction() as connection:
            found = await _old_events(connection, before_ms, rows_max)
            if found:
                await connection.execute(delete(planning_events).where(_e.sequence.in_(found)))
        deleted += len(found)
        if len(found) < rows_max:
            return deleted


async def _old_events(connection: AsyncConnection, before_ms: int, rows_max: int) -> list[int]:
    """Numbers of the oldest events up to the first one that has to stay."""
    newest = (await connection.execute(select(func.max(_e.sequence)))).scalar()
    sent = (
        await connection.execute(
            select(_p.position).where(
                _p.view_group == PLANNING_GROUP, _p.partition == PLANNING_PARTITION
            )
        )
    ).scalar()
    if newest is None:
        return []
    last = newest - 1 if sent is None else min(newest - 1, sent)
    query = select(_e.sequence, _e.recorded_ms).where(_e.sequence <= last).order_by(_e.sequence)
    rows = await connection.execute(query.limit(rows_max))
    return [sequence for sequence, _ in takewhile(lambda row: row[1] < before_ms, rows)]
