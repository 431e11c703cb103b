"""What a run changed against the one before it, as events for whoever listens."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.domain.codes import instant_text
from ledger.domain.quantities import text as quantity_text
from projections.database import ReadConnection
from projections.planning.parameters import Parameters
from projections.planning.run_fields import planning_results
from projections.planning.run_tables import planning_events
from projections.planning.run_writer import Row

CLASS_CHANGED: Final = "planning.class_changed.v1"
REORDER_POINT_CHANGED: Final = "planning.reorder_point_changed.v1"
ROWS_AT_A_TIME: Final = 20_000
_NAMES: Final = uuid.UUID("6f1f0d1e-6a0b-5a6e-9d0c-3c4c7d5a8b21")
_encode = msgspec.json.Encoder().encode
_r = planning_results.c

Key = tuple[str, str]
# Type, series and data of an event.
Change = tuple[str, Key, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class State:
    """What of a series' result is published when it changes."""

    scale: int
    abc: str | None
    xyz: str | None
    reorder_point: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of the same scope, and the moment at which the newer one is done."""

    ledger_id: str
    run_id: str
    previous_run_id: str
    parameters: Parameters
    finished_ms: int


async def states_of(reader: ReadConnection, run_id: str) -> dict[Key, State]:
    """What a run said about each series."""
    columns = (_r.sku, _r.site, _r.scale, _r.abc, _r.xyz, _r.reorder_point)
    states: dict[Key, State] = {}
    async for rows in reader.parts(select(*columns).where(_r.run_id == run_id), {}, ROWS_AT_A_TIME):
        states |= {(sku, site): State(*rest) for sku, site, *rest in rows}
    return states


def changes(before: Mapping[Key, State], after: Mapping[Key, State]) -> Iterator[Change]:
    """Type, series and data of each event, in the order of the series.

    A series that is new has nothing before; one that has no rows any more is not told of, since
    the ledger forgets no SKU.
    """
    for key in sorted(after):
        old, new = before.get(key), after[key]
        if old is None or (old.abc, old.xyz) != (new.abc, new.xyz):
            data = {
                "before": None if old is None else {"abc": old.abc, "xyz": old.xyz},
                "after": {"abc": new.abc, "xyz": new.xyz},
            }
            yield CLASS_CHANGED, key, data
        if (before_point := _point(old)) != (after_point := _point(new)):
            yield REORDER_POINT_CHANGED, key, {"before": before_point, "after": after_point}


def _point(state: State | None) -> str | None:
    """The reorder point in units, whose text does not change with the item's decimals."""
    if state is None or state.reorder_point is None:
        return None
    return quantity_text(state.reorder_point, state.scale)


def event_rows(comparison: Comparison, found: Iterable[Change]) -> list[Row]:
    """Rows of `planning_events` but for their numbers, each with a whole CloudEvents 1.0 document.

    Numbers are known to the transaction alone that writes them, and making all of this is long.
    The id is made from run, type and series, so that it is the same however often it is sent.
    """
    run_id, finished_ms = comparison.run_id, comparison.finished_ms
    about = {
        "run": run_id,
        "previous_run": comparison.previous_run_id,
        "as_of": comparison.parameters.as_of,
    }
    rows: list[Row] = []
    for kind, (sku, site), data in found:
        name = msgspec.json.encode((run_id, kind, sku, site)).decode()
        event_id = str(uuid.uuid5(_NAMES, name))
        document = {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/stockledger/{comparison.ledger_id}",
            "type": kind,
            "subject": sku,
            "time": instant_text(finished_ms * 1000),
            "datacontenttype": "application/json",
            "data": {**about, "sku": sku, "site": site or None, **data},
        }
        text = _encode(document).decode()
        rows.append((run_id, event_id, kind, sku, site, finished_ms, text))
    return rows


def numbered(rows: Sequence[Row], first_sequence: int) -> list[Row]:
    """The rows with their numbers in front."""
    return [(sequence, *row) for sequence, row in enumerate(rows, first_sequence)]


async def next_sequence(connection: AsyncConnection) -> int:
    """The number of the next event; in a transaction that holds the lock of the run."""
    query = select(func.coalesce(func.max(planning_events.c.sequence), 0) + 1)
    return int((await connection.execute(query)).scalar_one())
