"""What a balance is now, and what the movements of each type added to it."""

from typing import Any, NamedTuple

from sqlalchemy import Integer, case, cast, func, select

from projections.database import ReadConnection
from projections.explaining.limits import Limits
from projections.explaining.scope import Scope, arrives, leaves, stock_in, touches
from projections.history.balances import balances_at
from projections.tables import OVERFLOW_UNIT, movements, stock

# Sums are over the newest movements, at most so many, so that no history makes a question too long.
SUMMED_MAX = 100_000
# A sum of so many quantities may leave 64 bits, that of their halves does not.
_HALF = 10**9


class TypeSum(NamedTuple):
    """The movements of one type: their number, how many of them late, and what came and went."""

    type: str
    number: int
    late: int
    came: int
    went: int


async def balance(reader: ReadConnection, scope: Scope, limits: Limits) -> int:
    """The sum of all accounts of the scope: as the views are, or at a moment."""
    if limits.moment is not None:
        return await _balance_at(reader, scope, limits)
    rows = await reader.all(select(stock.c.on_hand, stock.c.overflows).where(stock_in(scope)))
    return sum(row["on_hand"] + row["overflows"] * OVERFLOW_UNIT for row in rows)


async def _balance_at(reader: ReadConnection, scope: Scope, limits: Limits) -> int:
    """Of stock keys by checkpoints. Virtual accounts have none: their movements are summed."""
    if scope.account is not None:
        sums = await sums_by_type(reader, scope, limits, None)
        return sum(one.came - one.went for one in sums)
    assert limits.moment is not None
    found = (await balances_at(reader, [scope.sku], limits.moment)).get(scope.sku)
    keys = {} if found is None else found.keys
    return sum(
        amount
        for (location, lot, status), amount in keys.items()
        if scope.holds(location, lot or None, status)
    )


async def sums_by_type(
    reader: ReadConnection, scope: Scope, limits: Limits, count_max: int | None
) -> list[TypeSum]:
    """Of the newest `count_max` movements, or of all, in the order of the types' names.

    What moves inside the scope comes and goes.
    """
    columns = movements.c
    newest = (
        select(
            columns.type,
            columns.late,
            columns.quantity,
            case((arrives(scope), 1), else_=0).label("came"),
            case((leaves(scope), 1), else_=0).label("went"),
        )
        .where(touches(scope), *limits.movements)
        .order_by(columns.recorded_ms.desc(), columns.log_offset.desc())
        .limit(count_max)
        .subquery()
    )
    halves = [
        func.sum(part * newest.c[way]).label(f"{way}_{name}")
        for way in ("came", "went")
        for name, part in (
            ("high", newest.c.quantity // _HALF),
            ("low", newest.c.quantity % _HALF),
        )
    ]
    query = (
        select(
            newest.c.type,
            func.count().label("number"),
            func.sum(cast(newest.c.late, Integer)).label("late"),
            *halves,
        )
        .group_by(newest.c.type)
        .order_by(newest.c.type)
    )
    return [_sum(row) for row in await reader.all(query)]


def _sum(row: Any) -> TypeSum:
    came, went = (
        int(row[f"{way}_high"]) * _HALF + int(row[f"{way}_low"]) for way in ("came", "went")
    )
    return TypeSum(row["type"], int(row["number"]), int(row["late"]), came, went)
