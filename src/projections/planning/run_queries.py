"""Reading runs, their results and the changes they made, page by page.

Runs are those of the ledger of the views: views may be made anew from another log, and runs stay.
"""

import itertools
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, RowMapping, exists, func, select, tuple_

from ledger.domain.codes import instant_text
from projections import cursors
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.identity import LEDGERS_OF_VIEWS
from projections.planning.parameters import Parameters, day_text, read
from projections.planning.run_columns import Field
from projections.planning.run_fields import document, fields_of, planning_results
from projections.planning.run_sentences import sentence
from projections.planning.run_tables import planning_events, planning_runs

_r, _e, _s = planning_runs.c, planning_events.c, planning_results.c
Condition = ColumnElement[bool]
_OF_VIEWS: Final[Condition] = _r.ledger_id.in_(LEDGERS_OF_VIEWS)
# Characters of parameters in a page of runs: of as many as a page may have, unless these have
# policies of thousands of SKUs.
PAGE_LENGTH_MAX: Final = 4 * 1024 * 1024


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which result rows; None means any. `equal` is a value by the name of a column."""

    sku: str | None = None
    site: str | None = None
    equal: dict[str, str] = {}


async def find_run(reader: ReadConnection, run_id: str) -> dict[str, Any] | None:
    """The document of a run, or None."""
    row = await run_row(reader, run_id)
    return None if row is None else run_document(row)


async def run_row(reader: ReadConnection, run_id: str) -> RowMapping | None:
    """The row of a run, or None."""
    if not storable(run_id):
        return None
    return await reader.first(select(planning_runs).where(_r.run_id == run_id, _OF_VIEWS))


async def newest_run(reader: ReadConnection) -> RowMapping | None:
    """The published run that was done last, or without any the run that was; with its results.

    So a look at another day, at one site or at what if does not change what everybody reads.
    """
    query = select(planning_runs).where(_r.state == "done", _r.results_kept, _OF_VIEWS)
    return await reader.first(query.order_by(_r.publishes.desc(), _r.run_id.desc()).limit(1))


async def list_runs(
    reader: ReadConnection, *, state: str | None, limit: int, cursor: str | None
) -> Page:
    """Runs, the newest first, fewer than `limit` where they are long. Raises InvalidCursor."""
    conditions: list[Condition] = [_OF_VIEWS]
    conditions += [] if state is None else [_r.state == state]
    if cursor is not None:
        conditions.append(_r.run_id < cursors.decode(cursor, str)[0])
    lengths = select(_r.run_id, func.length(_r.parameters).label("length")).where(*conditions)
    found = await reader.all(lengths.order_by(_r.run_id.desc()).limit(limit + 1))
    taken = [row["run_id"] for row in found[: _fitting(found, limit)]]
    if not taken:
        return Page([], None)
    query = select(planning_runs).where(_r.run_id >= taken[-1], _r.run_id <= taken[0], *conditions)
    rows = await reader.all(query.order_by(_r.run_id.desc()))
    more = len(found) > len(taken)
    return Page([run_document(row) for row in rows], cursors.encode(taken[-1]) if more else None)


def _fitting(found: Sequence[RowMapping], limit: int) -> int:
    """How many of these runs a page takes: one, however long, and more as far as they fit."""
    sums = itertools.accumulate(int(row["length"]) for row in found[:limit])
    return max(1, sum(one <= PAGE_LENGTH_MAX for one in sums))


def run_of_cursor(cursor: str) -> str:
    """The run that a page of results was of; the next one is of the same. Raises InvalidCursor."""
    return cursors.first_text(cursor)


async def list_results(
    reader: ReadConnection, run_id: str, subject: str, wanted: Wanted, place: tuple[int, str | None]
) -> Page:
    """A page of one subject's results, in the order of SKU and site.

    `place` is the limit and the cursor. Raises InvalidCursor.
    """
    limit, cursor = place
    conditions = [_s.run_id == run_id, *_conditions(wanted)]
    if cursor is not None:
        _, *after = cursors.decode(cursor, str, str, str)
        conditions.append(tuple_(_s.sku, _s.site) > tuple_(*after))
    if not storable(wanted.sku, wanted.site, *wanted.equal.values()):
        return Page([], None)
    fields = fields_of(subject)
    columns = [_s.sku, _s.site, _s.scale, *(_s[field.name] for field in fields)]
    query = select(*columns).where(*conditions).order_by(_s.sku, _s.site).limit(limit + 1)
    rows = await reader.all(query)
    more, rows = len(rows) > limit, rows[:limit]
    return Page(
        [_result(row, subject, fields) for row in rows],
        cursors.encode(run_id, rows[-1]["sku"], rows[-1]["site"]) if more else None,
    )


def _result(row: RowMapping, subject: str, fields: Sequence[Field]) -> dict[str, Any]:
    found = document(row, fields)
    return found if subject != "replenishment" else {**found, "reason_text": sentence(row)}


async def list_changes(
    reader: ReadConnection, wanted: Wanted, *, limit: int, cursor: str | None
) -> Page:
    """Events in the order in which they came. The cursor of the last page goes on for ever."""
    of_views = exists(select(_r.run_id).where(_r.run_id == _e.run_id, _OF_VIEWS))
    conditions: list[Condition] = [_e.sequence > _sequence(cursor), of_views]
    for column, value in ((_e.sku, wanted.sku), (_e.site, wanted.site)):
        conditions += [] if value is None else [column == value]
    conditions += [_e[name] == value for name, value in wanted.equal.items()]
    if not storable(wanted.sku, wanted.site, *wanted.equal.values()):
        return Page([], cursor)
    query = select(_e.sequence, _e.document).where(*conditions).order_by(_e.sequence)
    rows = await reader.all(query.limit(limit))
    items = [msgspec.json.decode(row["document"]) for row in rows]
    return Page(items, cursors.encode(rows[-1]["sequence"]) if rows else cursor)


def _sequence(cursor: str | None) -> int:
    found: int = 0 if cursor is None else cursors.decode(cursor, int)[0]
    return found


def _conditions(wanted: Wanted) -> list[Condition]:
    equal: Sequence[tuple[Any, str | None]] = ((_s.sku, wanted.sku), (_s.site, wanted.site))
    conditions = [column == value for column, value in equal if value is not None]
    return conditions + [_s[name] == value for name, value in wanted.equal.items()]


def run_document(row: RowMapping) -> dict[str, Any]:
    """A run as callers see it."""
    parameters: Parameters = read(row["parameters"])
    positions = None if row["positions"] is None else msgspec.json.decode(row["positions"])
    return {
        "id": row["run_id"],
        "state": row["state"],
        "reason": row["reason"],
        "origin": row["origin"],
        "as_of": day_text(row["as_of_day"]),
        "as_of_position": last_positions(positions),
        "parameters": msgspec.to_builtins(parameters),
        "parameters_hash": row["parameters_hash"],
        "publishes": row["publishes"],
        "previous_run": row["previous_run_id"],
        "results_kept": row["state"] == "done" and row["results_kept"],
        "digest": row["digest"],
        "counts": None if row["counts"] is None else msgspec.json.decode(row["counts"]),
        "ledger": row["ledger_id"],
        "code_version": row["code_version"],
        "started_at": instant_text(row["started_ms"] * 1000),
        "finished_at": _instant(row["finished_ms"]),
    }


def last_positions(positions: dict[str, int] | None) -> dict[str, int] | None:
    """The offset of the last record that was known of each partition, where there is one."""
    if positions is None:
        return None
    return {one: offset - 1 for one, offset in positions.items() if offset > 0}


def _instant(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else instant_text(milliseconds * 1000)
