"""The movement list, and a movement by its id."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select, and_, or_, select, tuple_, union_all

from projections import cursors
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.history.moments import Moment, conditions_of
from projections.tables import movements
from projections.views.movement_rows import document_of
from projections.views.paths import below

_m = movements.c
Condition = ColumnElement[bool]


class AmbiguousMovement(LookupError):
    """Several SKUs have a movement with this id; name the SKU too. Has `skus`."""

    def __init__(self, identity: str, skus: list[str]) -> None:
        """Which id, and the SKUs that have it."""
        super().__init__(f"the id {identity} belongs to movements of several SKUs; name one")
        self.skus = skus


class MovementFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which movements; None means any. Ranges include `from` and exclude `until`.

    `location` is a place or, with `location_below`, also every place below it in the path.
    `moment` is one at which the movements count.
    """

    sku: str | None = None
    location: str | None = None
    location_below: bool = False
    lot: str | None = None
    type: str | None = None
    reference_type: str | None = None
    reference_id: str | None = None
    occurred_from_us: int | None = None
    occurred_until_us: int | None = None
    recorded_from_ms: int | None = None
    recorded_until_ms: int | None = None
    moment: Moment | None = None


async def list_movements(
    reader: ReadConnection,
    wanted: MovementFilter,
    *,
    limit: int,
    cursor: str | None = None,
    newest_first: bool = True,
) -> Page:
    """A page of movement documents, ordered by (time of recording, partition, offset).

    Raises InvalidCursor.
    """
    conditions = _conditions(wanted)
    if wanted.moment is not None:
        conditions += await conditions_of(reader, wanted.moment)
    if cursor is not None:
        conditions += _beyond(cursor, newest_first)
    texts = (one for one in msgspec.structs.astuple(wanted) if isinstance(one, str))
    if not storable(*texts):
        return Page([], None)
    rows = await reader.all(_ordered(wanted, conditions, newest_first, limit + 1))
    next_cursor = None
    if len(rows) > limit:
        rows = rows[:limit]
        last = rows[-1]
        next_cursor = cursors.encode(last["recorded_ms"], last["partition"], last["log_offset"])
    return Page([_known_document(row, wanted.moment) for row in rows], next_cursor)


def _known_document(row: RowMapping, moment: Moment | None) -> dict[str, Any]:
    """The document as it was known: a reversal that was recorded later is not named yet."""
    document, reversal = document_of(row), row["reversed_by"]
    known = moment is None or reversal is None or moment.knows(row["partition"], reversal)
    return document if known else {**document, "reversed_by": None}


async def find_movement(
    reader: ReadConnection, identity: str, sku: str | None = None
) -> dict[str, Any] | None:
    """The document of the movement with this id, or None. Raises AmbiguousMovement."""
    if not storable(identity, sku):
        return None
    query = select(movements).where(_m.id == identity)
    if sku is not None:
        query = query.where(_m.sku == sku)
    rows = await reader.all(query.order_by(_m.partition, _m.log_offset).limit(100))
    if len(rows) > 1:
        raise AmbiguousMovement(identity, sorted({row["sku"] for row in rows}))
    return document_of(rows[0]) if rows else None


def _conditions(wanted: MovementFilter) -> list[Condition]:
    """Every filter but the location."""
    equal = (
        (_m.sku, wanted.sku),
        (_m.lot, wanted.lot),
        (_m.type, wanted.type),
        (_m.reference_id, wanted.reference_id),
        (_m.reference_type, wanted.reference_type),
    )
    conditions = [column == value for column, value in equal if value is not None]
    ranges = (
        (_m.occurred_us, wanted.occurred_from_us, wanted.occurred_until_us),
        (_m.recorded_ms, wanted.recorded_from_ms, wanted.recorded_until_ms),
    )
    for column, first, until in ranges:
        conditions += [] if first is None else [column >= first]
        conditions += [] if until is None else [column < until]
    return conditions


def _beyond(cursor: str, newest_first: bool) -> list[Condition]:
    key = cursors.decode(cursor, int, int, int)
    here = tuple_(_m.recorded_ms, _m.partition, _m.log_offset)
    # The first condition follows from the second; it is what the indexes can use.
    if newest_first:
        return [_m.recorded_ms <= key[0], here < tuple_(*key)]
    return [_m.recorded_ms >= key[0], here > tuple_(*key)]


def _order(columns: Any, newest_first: bool) -> list[ColumnElement[Any]]:
    order = [columns.recorded_ms, columns.partition, columns.log_offset]
    return [column.desc() for column in order] if newest_first else order


def _ordered(
    wanted: MovementFilter, conditions: list[Condition], newest_first: bool, limit: int
) -> Select[Any]:
    query = select(movements).where(*conditions)
    if wanted.location is None:
        return query.order_by(*_order(_m, newest_first)).limit(limit)
    # A location is one of two columns, each with its index: the first rows of each, then of both.
    at_source = and_(_m.source_status.is_not(None), _at(_m.source, wanted))
    at_target = and_(_m.target_status.is_not(None), _at(_m.target, wanted))
    not_at_source = or_(_m.source_status.is_(None), ~_at(_m.source, wanted))
    parts = [
        select(part.subquery())
        for part in (
            query.where(side).order_by(*_order(_m, newest_first)).limit(limit)
            for side in (at_source, and_(at_target, not_at_source))
        )
    ]
    both = union_all(*parts).subquery()
    return select(both).order_by(*_order(both.c, newest_first)).limit(limit)


def _at(column: ColumnElement[str], wanted: MovementFilter) -> Condition:
    location = wanted.location or ""
    if wanted.location_below:
        return or_(column == location, below(column, location))
    return column == location
