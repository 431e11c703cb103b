"""The life of a run: begun by one, renewed while it works, done or failed; one at a time.

`planning_locks` has one row a ledger. Each transaction of a run first renews that row by a
comparison with its own attempt. A process that was taken for dead finds another attempt there and
can write nothing more, whenever it wakes up.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Select, Table, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.errors import LedgerError
from projections.database import Database, ReadConnection
from projections.planning.parameters import Parameters, canonical, digest_of, scope_of
from projections.planning.run_tables import planning_locks, planning_runs
from projections.planning.run_writer import PlanningWriter, Row

# A run that does not say that it lives for so long is dead.
SILENT_SECONDS_MAX: Final = 30
RENEW_SECONDS: Final = 5.0
# How often the run of one moment of the schedule is begun, where its process is killed each time.
SLOT_ATTEMPTS_MAX: Final = 3
# The newest moment of the schedule that was kept, where there was no schedule yet.
NEVER_S: Final = 0
INTERRUPTED: Final = "interrupted: its process ended before it did"

Origin = Literal["request", "schedule", "command"]
_l, _r = planning_locks.c, planning_runs.c


class RunInProgress(LedgerError):
    """Another planning run of this ledger is being made."""

    def __init__(self, run_id: str) -> None:
        """Which one."""
        super().__init__(f"the planning run {run_id} is being made")
        self.run_id = run_id


class RunLost(LedgerError):
    """The run was taken for dead, and another process may have taken its place."""


class SlotTaken(LedgerError):
    """The run that the schedule asks for is being made, or was, and not killed each time."""


class Lease(msgspec.Struct, frozen=True):
    """The right to make one run: `attempt` is known to one process only."""

    ledger_id: str
    run_id: str
    attempt: str


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is to begin. `slot_s` is the moment of the schedule, in seconds since 1970."""

    lease: Lease
    parameters: Parameters
    origin: Origin
    code_version: str
    started_ms: int
    slot_s: int | None = None


async def begin(writer: PlanningWriter, new: NewRun) -> None:
    """Take the right to run and lay down the run's row.

    Whoever fell silent before is marked as failed. Raises RunInProgress, SlotTaken,
    DatabaseUnavailable.
    """
    lease = new.lease
    async with writer.transaction() as connection:
        now = await _locked(writer, connection, lease.ledger_id)
        holder = (
            (
                await connection.execute(
                    select(planning_locks).where(_l.ledger_id == lease.ledger_id)
                )
            )
            .mappings()
            .one()
        )
        if new.slot_s is not None and holder["scheduled_s"] >= new.slot_s:
            made = await connection.execute(_made_of_slot(lease.ledger_id, new.slot_s))
            if not _again(holder["scheduled_s"], new.slot_s, made.all()):
                raise SlotTaken
        if holder["run_id"] is not None:
            if now - holder["renewed_s"] <= SILENT_SECONDS_MAX:
                raise RunInProgress(holder["run_id"])
            await _mark_failed(connection, holder["run_id"], INTERRUPTED, new.started_ms)
        slot = holder["scheduled_s"] if new.slot_s is None else new.slot_s
        await connection.execute(
            update(planning_locks)
            .where(_l.ledger_id == lease.ledger_id)
            .values(run_id=lease.run_id, attempt=lease.attempt, renewed_s=now, scheduled_s=slot)
        )
        await connection.execute(insert(planning_runs).values(_new_row(new)))


async def renew(writer: PlanningWriter, connection: AsyncConnection, lease: Lease) -> None:
    """Say that the run lives, and hold the lock until the transaction ends. Raises RunLost."""
    changed = await connection.execute(
        update(planning_locks)
        .where(_l.ledger_id == lease.ledger_id, _l.attempt == lease.attempt)
        .values(renewed_s=await writer.seconds(connection))
    )
    if changed.rowcount != 1:
        raise RunLost(f"the planning run {lease.run_id} is no longer this process's")


async def write_rows(
    writer: PlanningWriter, lease: Lease, rows: Mapping[Table, Sequence[Row]]
) -> None:
    """Results of a run, in one transaction. Nobody sees them before it is done. Raises RunLost."""
    async with writer.transaction() as connection:
        await renew(writer, connection, lease)
        for table, of_table in rows.items():
            await writer.insert(connection, table, of_table)


async def note(writer: PlanningWriter, lease: Lease, **values: Any) -> None:
    """Say that the run lives, and set columns of its row. Raises RunLost."""
    async with writer.transaction() as connection:
        await renew(writer, connection, lease)
        if values:
            await connection.execute(
                update(planning_runs).where(_r.run_id == lease.run_id).values(values)
            )


async def finish(connection: AsyncConnection, lease: Lease, **values: Any) -> None:
    """Make the run visible and give the lock back; in a transaction that has renewed it."""
    await connection.execute(
        update(planning_runs)
        .where(_r.run_id == lease.run_id)
        .values(state="done", results_kept=True, **values)
    )
    await _unlock(connection, lease)


async def fail(writer: PlanningWriter, lease: Lease, reason: str, finished_ms: int) -> None:
    """Mark the run as failed and give the lock back, if it is still this process's."""
    async with writer.transaction() as connection:
        try:
            await renew(writer, connection, lease)
        except RunLost:
            return
        await _mark_failed(connection, lease.run_id, reason, finished_ms)
        await _unlock(connection, lease)


async def reap(writer: PlanningWriter, ledger_id: str, now_ms: int) -> str | None:
    """Mark a run as failed whose process has fallen silent; its id, if there was one."""
    async with writer.transaction() as connection:
        now = await _locked(writer, connection, ledger_id)
        found = await connection.execute(
            select(_l.run_id, _l.attempt).where(
                _l.ledger_id == ledger_id,
                _l.run_id.is_not(None),
                _l.renewed_s < now - SILENT_SECONDS_MAX,
            )
        )
        row = found.first()
        if row is None:
            return None
        run_id = str(row[0])
        await _mark_failed(connection, run_id, INTERRUPTED, now_ms)
        await _unlock(connection, Lease(ledger_id, run_id, str(row[1])))
        return run_id


async def begin_schedule(writer: PlanningWriter, ledger_id: str, slot_s: int) -> None:
    """Take the moments up to `slot_s` as kept, where the ledger had no schedule before."""
    async with writer.transaction() as connection:
        await _locked(writer, connection, ledger_id)
        await connection.execute(
            update(planning_locks)
            .where(_l.ledger_id == ledger_id, _l.scheduled_s == NEVER_S)
            .values(scheduled_s=slot_s)
        )


async def _locked(writer: PlanningWriter, connection: AsyncConnection, ledger_id: str) -> int:
    """Hold the ledger's row, which is made if need be; the time by the database's clock."""
    now = await writer.seconds(connection)
    row = {
        "ledger_id": ledger_id,
        "run_id": None,
        "attempt": None,
        "renewed_s": 0,
        "scheduled_s": NEVER_S,
    }
    if writer.is_sqlite:
        # The whole file is locked already.
        new = sqlite.insert(planning_locks).values(row)
        await connection.execute(new.on_conflict_do_nothing())
        return now
    made = postgresql.insert(planning_locks).values(row)
    await connection.execute(made.on_conflict_do_nothing())
    await connection.execute(
        select(_l.ledger_id).where(_l.ledger_id == ledger_id).with_for_update()
    )
    return now


async def _unlock(connection: AsyncConnection, lease: Lease) -> None:
    await connection.execute(
        update(planning_locks)
        .where(_l.ledger_id == lease.ledger_id, _l.attempt == lease.attempt)
        .values(run_id=None, attempt=None)
    )


async def _mark_failed(
    connection: AsyncConnection, run_id: str, reason: str, finished_ms: int
) -> None:
    await connection.execute(
        update(planning_runs)
        .where(_r.run_id == run_id, _r.state == "running")
        .values(state="failed", reason=reason, finished_ms=finished_ms)
    )


def _new_row(new: NewRun) -> dict[str, Any]:
    parameters = new.parameters
    return {
        "run_id": new.lease.run_id,
        "ledger_id": new.lease.ledger_id,
        "state": "running",
        "origin": new.origin,
        "publishes": parameters.publish,
        # Whatever a run that fails has written must be found and deleted.
        "results_kept": True,
        "as_of_day": parameters.as_of_day,
        "parameters": canonical(parameters),
        "parameters_hash": digest_of(parameters),
        "scope_hash": scope_of(parameters),
        "code_version": new.code_version,
        "started_ms": new.started_ms,
    }


async def newest_published(reader: ReadConnection, ledger_id: str, scope_hash: str) -> str | None:
    """The published run of the same scope that was done last, while its results are there."""
    query = select(func.max(_r.run_id).label("run_id")).where(
        _r.ledger_id == ledger_id,
        _r.state == "done",
        _r.publishes,
        _r.results_kept,
        _r.scope_hash == scope_hash,
    )
    row = await reader.first(query)
    return None if row is None else row["run_id"]


async def is_due(database: Database, ledger_id: str, slot_s: int) -> bool:
    """Whether the run of this moment of the schedule is to be begun, or begun again."""
    async with database.reader() as reader:
        row = await reader.first(select(_l.scheduled_s).where(_l.ledger_id == ledger_id))
        if row is None or row["scheduled_s"] < slot_s:
            return True
        made = await reader.all(_made_of_slot(ledger_id, slot_s))
    found = [(one["state"], one["reason"]) for one in made]
    return _again(row["scheduled_s"], slot_s, found)


def _made_of_slot(ledger_id: str, slot_s: int) -> Select[Any]:
    """State and reason of the runs of the newest moment of the schedule; none begins before it."""
    return (
        select(_r.state, _r.reason)
        .where(
            _r.ledger_id == ledger_id,
            _r.origin == "schedule",
            _r.started_ms >= slot_s * 1000,
        )
        .limit(SLOT_ATTEMPTS_MAX)
    )


def _again(scheduled_s: int, slot_s: int, made: Sequence[Sequence[Any]]) -> bool:
    """Whether every run of this moment was killed, and that not too often.

    A run that failed by itself would fail again.
    """
    return (
        scheduled_s == slot_s
        and 0 < len(made) < SLOT_ATTEMPTS_MAX
        and all(tuple(one) == ("failed", INTERRUPTED) for one in made)
    )
