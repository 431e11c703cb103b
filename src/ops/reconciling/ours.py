"""What the ledger itself says: read from the views, all in one transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, RowMapping, or_, select

from ops.reconciling.keys import StockKey, is_within
from ops.reconciling.proposals import ATTEMPTS_MAX, Attempts, Holding, adjustment_id
from projections.database import ReadConnection, storable
from projections.history.balances import balances_at
from projections.history.moments import Moment, conditions_of
from projections.positions import read_positions
from projections.tables import items, movements, refusals, sku_totals, stock
from projections.views.paths import below

AT_A_TIME = 500
ROWS_AT_A_TIME = 10_000


class Scope(msgspec.Struct, frozen=True):
    """Which stock the statement speaks of; empty means all. `skus` None means all."""

    within: Sequence[str] = ()
    statuses: Collection[str] = ()
    skus: Collection[str] | None = None

    def has(self, at: StockKey) -> bool:
        """Whether the statement speaks of this stock key."""
        return (
            is_within(at.location, self.within)
            and (not self.statuses or at.status in self.statuses)
            and (self.skus is None or at.sku in self.skus)
        )


class Adjusted(NamedTuple):
    """What became of this statement's earlier adjustments of a stock key.

    `missing` is what was adjusted and is not in the stock at the moment, scaled.
    """

    attempts: Attempts
    missing: int = 0


class Witness(NamedTuple):
    """A movement that the server must have if it is of the same ledger as the views."""

    id: str
    sku: str


async def stock_now(reader: ReadConnection, scope: Scope) -> dict[StockKey, int]:
    """Every stock key of the scope that is not empty, scaled."""
    query = select(stock.c.sku, stock.c.account, stock.c.lot, stock.c.status, stock.c.on_hand)
    # Only real accounts have a status.
    query = query.where(stock.c.status != "", stock.c.on_hand != 0)
    if scope.within:
        query = query.where(or_(*(_at_or_below(place) for place in scope.within)))
    found: dict[StockKey, int] = {}
    async for rows in reader.parts(query, {}, ROWS_AT_A_TIME):
        for sku, account, lot, status, on_hand in rows:
            at = StockKey(sku, account, lot, status)
            if scope.has(at):
                found[at] = on_hand
    return found


def _at_or_below(place: str) -> ColumnElement[bool]:
    return or_(stock.c.account == place, below(stock.c.account, place))


async def scales(reader: ReadConnection, skus: Iterable[str]) -> dict[str, int]:
    """The decimals of these SKUs, as far as they were moved or described."""
    found: dict[str, int] = {}
    for part in _parts(sorted(filter(storable, skus))):
        # What was moved comes last: from then on the scale is fixed.
        for table in (items, sku_totals):
            query = select(table.c.sku, table.c.scale).where(table.c.sku.in_(part))
            found |= {row["sku"]: row["scale"] for row in await reader.all(query)}
    return found


async def skus_moved(reader: ReadConnection) -> list[str]:
    """Every SKU that ever moved."""
    found: list[str] = []
    async for rows in reader.parts(select(sku_totals.c.sku), {}, ROWS_AT_A_TIME):
        found += [row[0] for row in rows]
    return found


async def stock_at(
    reader: ReadConnection, skus: Iterable[str], scope: Scope, moment: Moment
) -> dict[StockKey, int]:
    """Every stock key of the scope that was not empty at the moment, scaled."""
    found: dict[StockKey, int] = {}
    for part in _parts(sorted(filter(storable, skus))):
        for sku, one in (await balances_at(reader, part, moment)).items():
            for key, on_hand in one.keys.items():
                at = StockKey(sku, *key)
                if scope.has(at):
                    found[at] = on_hand
    return found


async def is_before_all(reader: ReadConnection, moment: Moment) -> bool:
    """Whether there are movements, and none of them is part of the moment."""
    query = select(movements.c.partition).limit(1)
    if await reader.first(query) is None:
        return False
    counting = await conditions_of(reader, moment)
    return await reader.first(query.where(*counting)) is None


async def earlier_adjustments(
    reader: ReadConnection, statement: str, keys: Collection[StockKey], moment: Moment
) -> dict[StockKey, Adjusted]:
    """What this statement did to these stock keys before; those it did nothing to are missing.

    An attempt is only ever sent after the one before it is seen here as refused, so that of all
    attempts of a stock key one is accepted at most.
    """
    found: dict[StockKey, Adjusted] = {}
    wanted = list(keys)
    for attempt in range(ATTEMPTS_MAX):
        ids = {adjustment_id(statement, at, attempt): at for at in wanted}
        wanted = []
        for part in _parts(list(ids)):
            for row in await reader.all(_movements_of(part)):
                missing = _missing(row, moment)
                found[ids[row["id"]]] = Adjusted(Attempts(attempt, row["id"]), missing)
            for row in await reader.all(select(refusals.c.id).where(refusals.c.id.in_(part))):
                found[ids[row["id"]]] = Adjusted(Attempts(attempt + 1))
                wanted.append(ids[row["id"]])
        if not wanted:
            break
    return found


def _movements_of(ids: Sequence[str]) -> Any:
    m = movements.c
    return select(
        m.id, m.quantity, m.target_status, m.occurred_us, m.partition, m.log_offset, m.reversed_by
    ).where(m.id.in_(ids))


def _missing(row: RowMapping, moment: Moment) -> int:
    """What the movement changes in stock beyond what the moment has of it."""
    if row["reversed_by"] is not None:
        return 0
    at = row["occurred_us"], row["log_offset"]
    in_time = moment.before is None or at < moment.before
    if in_time and row["log_offset"] < moment.until.get(row["partition"], 0):
        return 0
    quantity: int = row["quantity"]
    # Only a real account has a status: the goods were found.
    return quantity if row["target_status"] is not None else -quantity


async def witness(reader: ReadConnection) -> Witness | None:
    """The last movement of some partition; None where nothing ever moved."""
    for partition in sorted(await read_positions(reader)):
        row = await reader.first(
            select(movements.c.id, movements.c.sku)
            .where(movements.c.partition == partition)
            .order_by(movements.c.log_offset.desc())
            .limit(1)
        )
        if row is not None:
            return Witness(row["id"], row["sku"])
    return None


def holdings(then: Mapping[StockKey, int], now: Mapping[StockKey, int]) -> dict[StockKey, Holding]:
    """Both stocks side by side."""
    return {at: Holding(then.get(at, 0), now.get(at, 0)) for at in then.keys() | now.keys()}


def _parts(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), AT_A_TIME):
        yield values[start : start + AT_A_TIME]
