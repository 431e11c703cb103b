"""Making one run, from its inputs to the transaction that makes it visible."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import msgspec

from projections.database import Database, DatabaseUnavailable
from projections.planning import runs
from projections.planning.parameters import Parameters, scope_of
from projections.planning.run_changes import (
    Comparison,
    Key,
    State,
    changes,
    event_rows,
    next_sequence,
    numbered,
    states_of,
)
from projections.planning.run_fields import planning_results
from projections.planning.run_results import Digest, Results, make_results
from projections.planning.run_tables import planning_events
from projections.planning.run_writer import PlanningWriter, Row
from projections.planning.runs import Lease

# Between two transactions of results; the projector, which waits for the same file, gets its turn.
PAUSE_SECONDS = 0.002
_encode = msgspec.json.Encoder(order="sorted").encode

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A run whose results are stored: what is left to say of it, and the events of its changes."""

    counts: Mapping[str, int]
    digest: str
    previous: str | None
    finished_ms: int
    events: Sequence[Row]


class Execution:
    """One run of one process. `clock` gives milliseconds since 1970."""

    def __init__(
        self, database: Database, writer: PlanningWriter, lease: Lease, clock: Clock
    ) -> None:
        """`database` is open, the run is begun."""
        self._database = database
        self._writer = writer
        self._lease = lease
        self._clock = clock

    async def run(self, parameters: Parameters) -> None:
        """Make the run; whatever goes wrong is its reason to have failed, and is raised."""
        try:
            async with self._renewing():
                ready = await self._written(parameters)
            # Its transaction says by itself that the run lives, and gives the lock back. A renewal
            # that waited for the lock meanwhile would find the run lost, which is done.
            await self._finish(ready)
        except Exception as error:
            await runs.fail(self._writer, self._lease, reason_of(error), self._clock())
            raise
        except asyncio.CancelledError:
            failing = runs.fail(self._writer, self._lease, runs.INTERRUPTED, self._clock())
            await asyncio.shield(failing)
            raise

    async def _written(self, parameters: Parameters) -> "_Ready":
        """Everything but the last transaction: the results are stored, and nobody sees them."""
        results = await make_results(self._database, parameters, self._note)
        digest, run_id = Digest(), self._lease.run_id
        for table, rows in results.portions():
            digest.add(table, rows)
            named = [(run_id, *row) for row in rows]
            await runs.write_rows(self._writer, self._lease, {table: named})
            await asyncio.sleep(PAUSE_SECONDS)
        return await self._compared(parameters, results, digest.text())

    async def _note(self, positions: Mapping[int, int]) -> None:
        """Store what the run is made from, before it is made."""
        named = {str(one): offset for one, offset in sorted(positions.items())}
        await runs.note(self._writer, self._lease, positions=_encode(named).decode())

    async def _compared(self, parameters: Parameters, results: Results, digest: str) -> "_Ready":
        previous, before = await self._before(parameters)
        counts, finished_ms = dict(results.counts), self._clock()
        events: list[Row] = []
        if previous is not None:
            run_id = self._lease.run_id
            comparison = Comparison(
                self._lease.ledger_id, run_id, previous, parameters, finished_ms
            )
            # Of a million series that takes long, in which the run has to say that it lives, and
            # nobody else may wait for the right to write.
            events = await asyncio.to_thread(_events, comparison, before, results)
            counts["changes"] = len(events)
        return _Ready(counts, digest, previous, finished_ms, events)

    async def _finish(self, ready: "_Ready") -> None:
        """The one transaction after which the run is there, with the events of what it changed."""
        async with self._writer.transaction() as connection:
            await runs.renew(self._writer, connection, self._lease)
            rows = numbered(ready.events, await next_sequence(connection))
            await self._writer.insert(connection, planning_events, rows)
            await runs.finish(
                connection,
                self._lease,
                previous_run_id=ready.previous,
                digest=ready.digest,
                counts=_encode(ready.counts).decode(),
                finished_ms=ready.finished_ms,
            )

    async def _before(self, parameters: Parameters) -> tuple[str | None, Mapping[Key, State]]:
        """The run that this one is compared with. No other can come in between: this one runs."""
        if not parameters.publish:
            return None, {}
        async with self._database.reader() as reader:
            run_id = await runs.newest_published(
                reader, self._lease.ledger_id, scope_of(parameters)
            )
            return (None, {}) if run_id is None else (run_id, await states_of(reader, run_id))

    @asynccontextmanager
    async def _renewing(self) -> AsyncIterator[None]:
        """Say again and again that the run lives; end it where it is no longer this process's.

        Nothing of that is under way any more once this is left.
        """
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self._renew_for_ever(), name="planning-run-lives")
            try:
                yield
            finally:
                task.cancel()

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(runs.RENEW_SECONDS)
            # A database that is away for a moment ends nothing; silence for long does.
            with suppress(DatabaseUnavailable):
                await runs.note(self._writer, self._lease)


def _events(comparison: Comparison, before: Mapping[Key, State], results: Results) -> list[Row]:
    return event_rows(comparison, changes(before, _states(results)))


def _states(results: Results) -> dict[Key, State]:
    names = [column.name for column in planning_results.columns][1:]
    sku, site, *rest = (
        names.index(name) for name in ("sku", "site", "scale", "abc", "xyz", "reorder_point")
    )
    return {
        (row[sku], row[site]): State(*(row[one] for one in rest))
        for rows in results.of_table(planning_results)
        for row in rows
    }


def first_of(error: BaseException) -> BaseException:
    """What went wrong first, whatever was ended because of it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def reason_of(error: BaseException) -> str:
    """Why a run failed, in the words of its error."""
    first = first_of(error)
    return f"{type(first).__name__}: {first}"
