"""A page of an explanation: what made a balance, each step with the balance it left."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import select

from ledger.domain.quantities import text
from projections import cursors
from projections.checkpoints import VIEW_GROUP
from projections.database import ReadConnection, storable
from projections.explaining.documents import Links, movement_step, refused_step, void_step
from projections.explaining.limits import Limits, limits_of
from projections.explaining.rows import (
    MOVEMENT,
    REFUSED,
    VOID,
    Found,
    Window,
    counted,
    movements_at,
    rows_of,
)
from projections.explaining.scope import Scope, change
from projections.explaining.sums import SUMMED_MAX, TypeSum, balance, sums_by_type
from projections.history.moments import Moment
from projections.tables import items, sku_totals, view_positions

Document = dict[str, Any]


class Wanted(NamedTuple):
    """Which part of an explanation, and of which moment; None for the present.

    Without `attempts` only movements that count.
    """

    newest_first: bool = True
    attempts: bool = True
    limit: int = 100
    cursor: str | None = None
    moment: Moment | None = None


async def explain(reader: ReadConnection, scope: Scope, wanted: Wanted) -> Document | None:
    """Why the sum of the scope's accounts is or was what it is; None for a SKU never seen.

    A page in the order of the log, or against it, where each movement has what it changed and the
    balance it left. The first page also has the sums by type. Raises InvalidCursor.
    """
    known = await _sku(reader, scope) if storable(*scope.texts) else None
    if known is None:
        return None
    partition, scale = known
    limits = await limits_of(reader, partition, wanted.moment)
    now = await balance(reader, scope, limits)
    edge, start = _begin(wanted, now)
    window = Window(limits, wanted.newest_first, edge, wanted.limit + 1)
    found = await rows_of(reader, scope, window, attempts=wanted.attempts)
    page, more = found[: wanted.limit], len(found) > wanted.limit
    links = await _links(reader, scale, page, window)
    steps, end = _steps(scope, page, start, links)
    cursor = cursors.encode(page[-1].row["log_offset"], str(end)) if more else None
    opening, closing = (end, start) if wanted.newest_first else (start, end)
    return {
        "sku": scope.sku,
        "scope": _scope(scope),
        "on_hand": text(now, scale),
        "as_of_position": await _as_of(reader, limits),
        "summary": None
        if wanted.cursor is not None
        else _summary(await sums_by_type(reader, scope, limits, SUMMED_MAX), now, scale),
        "opening": text(opening, scale),
        "closing": text(closing, scale),
        "items": steps,
        "next_cursor": cursor,
    }


async def _sku(reader: ReadConnection, scope: Scope) -> tuple[int, int] | None:
    """The partition and the scale of a SKU that moved or was described."""
    for table in (sku_totals, items):
        query = select(table.c.partition, table.c.scale).where(table.c.sku == scope.sku)
        row = await reader.first(query)
        if row is not None:
            return row["partition"], row["scale"]
    return None


def _begin(wanted: Wanted, now: int) -> tuple[int | None, int]:
    """Behind which offset the page begins, and the balance there."""
    if wanted.cursor is None:
        return None, now if wanted.newest_first else 0
    offset, left = cursors.decode(wanted.cursor, int, str)
    digits = left.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= BALANCE_DIGITS_MAX):
        raise cursors.InvalidCursor("the cursor belongs to another list")
    return offset, int(left)


# Of a virtual account, which may pass 64 bits.
BALANCE_DIGITS_MAX = 40


def _steps(
    scope: Scope, page: Sequence[Found], start: int, links: Links
) -> tuple[list[Document], int]:
    """The steps of a page and the balance where it ends, from the one where it begins."""
    steps: list[Document] = []
    newest_first = links.newest_first
    running = start
    for kind, row in page:
        if kind == MOVEMENT:
            moved = change(scope, row)
            after = running if newest_first else running + moved
            running = running - moved if newest_first else after
            steps.append(movement_step(row, moved, after, links))
        elif kind == REFUSED:
            steps.append(refused_step(row, running, links))
        else:
            steps.append(void_step(row, running, links))
    return steps, running


async def _links(
    reader: ReadConnection, scale: int, page: Sequence[Found], window: Window
) -> Links:
    """What the records of a page name: movements that reverse each other, ids that count."""
    partition = window.limits.partition
    offsets = {
        row[name]
        for kind, row in page
        if kind == MOVEMENT
        for name in ("reverses_offset", "reversed_by")
        if row[name] is not None
    }
    ids = {row["id"] for kind, row in page if kind == VOID and row["id"] is not None}
    return Links(
        scale,
        window.limits,
        window.newest_first,
        await movements_at(reader, partition, offsets),
        await counted(reader, partition, ids),
    )


def _summary(sums: Sequence[TypeSum], now: int, scale: int) -> Document:
    count = sum(one.number for one in sums)
    opening = now - sum(one.came - one.went for one in sums)
    complete = count < SUMMED_MAX
    return {
        "opening": text(opening, scale),
        "movements": count,
        # More movements than are summed may lie before; then nothing is said of them.
        "complete": complete,
        "agrees": opening == 0 if complete else None,
        "by_type": [_by_type(one, scale) for one in sums],
    }


def _by_type(one: TypeSum, scale: int) -> Document:
    return {
        "type": one.type,
        "movements": one.number,
        "late": one.late,
        "in": text(one.came, scale),
        "out": text(one.went, scale),
        "net": text(one.came - one.went, scale),
    }


def _scope(scope: Scope) -> Document:
    return {
        "location": scope.location,
        "lot": scope.lot,
        "status": scope.status,
        "account": scope.account,
    }


async def _as_of(reader: ReadConnection, limits: Limits) -> dict[str, int]:
    if limits.moment is not None:
        return limits.moment.as_of_position
    partition = limits.partition
    row = await reader.first(
        select(view_positions.c.position).where(
            view_positions.c.view_group == VIEW_GROUP, view_positions.c.partition == partition
        )
    )
    return {} if row is None else {str(partition): row["position"] - 1}
