"""The rows of a page of an explanation: movements, refusals, void records, and what they name."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, Table, and_, select, union_all

from projections.database import ReadConnection
from projections.explaining.limits import Limits
from projections.explaining.scope import Scope, refused_in, touches, void_in
from projections.tables import item_definitions, movements, refusals, supply_changes, void_records

MOVEMENT, REFUSED, VOID = "movement", "refused", "void"
_WITH_ID = (movements, refusals, item_definitions, supply_changes)


class Window(NamedTuple):
    """Where a page begins and which way it goes; `edge` is the offset that it lies beyond, in the
    partition of the SKU."""

    limits: Limits
    newest_first: bool
    edge: int | None
    count_max: int


class Found(NamedTuple):
    """A row, and what kind of record it shows."""

    kind: str
    row: RowMapping


async def rows_of(
    reader: ReadConnection, scope: Scope, window: Window, *, attempts: bool
) -> list[Found]:
    """The next rows of the page in the order of the log, at most `count_max`.

    Without `attempts` movements alone.
    """
    limits = window.limits
    wanted: list[tuple[str, Table, ColumnElement[bool]]] = [
        (MOVEMENT, movements, and_(touches(scope), *limits.movements))
    ]
    if attempts:
        void = void_in(scope, limits.partition)
        wanted += [
            (REFUSED, refusals, and_(refused_in(scope), *limits.attempts(refusals))),
            (VOID, void_records, and_(void, *limits.attempts(void_records))),
        ]
    found = [
        Found(kind, row)
        for kind, table, condition in wanted
        for row in await _rows(reader, table, condition, window)
    ]
    found.sort(key=lambda one: one.row["log_offset"], reverse=window.newest_first)
    return found[: window.count_max]


async def _rows(
    reader: ReadConnection, table: Table, condition: ColumnElement[bool], window: Window
) -> Sequence[RowMapping]:
    offset = table.c.log_offset
    query = select(table).where(condition)
    if window.edge is not None:
        query = query.where(offset < window.edge if window.newest_first else offset > window.edge)
    # Within a partition the time of recording never decreases; indexes are by it.
    order = [offset] if table is void_records else [table.c.recorded_ms, offset]
    if window.newest_first:
        order = [column.desc() for column in order]  # type: ignore[misc]
    return await reader.all(query.order_by(*order).limit(window.count_max))


async def movements_at(
    reader: ReadConnection, partition: int, offsets: Collection[int]
) -> dict[int, RowMapping]:
    """Movements of a partition by their offsets."""
    if not offsets:
        return {}
    query = select(movements).where(
        movements.c.partition == partition, movements.c.log_offset.in_(sorted(offsets))
    )
    return {row["log_offset"]: row for row in await reader.all(query)}


async def counted(reader: ReadConnection, partition: int, ids: Collection[str]) -> dict[str, int]:
    """Where ids of a partition count; those that never did are missing."""
    if not ids:
        return {}
    query = union_all(
        *(
            select(table.c.id, table.c.log_offset).where(
                table.c.partition == partition, table.c.id.in_(sorted(ids))
            )
            for table in _WITH_ID
        )
    )
    rows: list[Any] = await reader.all(query)
    return {row["id"]: row["log_offset"] for row in rows}
