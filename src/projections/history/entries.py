"""The history of a SKU: its movements with what each stock key held after each, newest first.

A page begins with the balances at a moment: that of the question, or for later pages that before
the last movement shown. From there it goes back, so that a page costs the same wherever it lies.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import RowMapping, select, text
from sqlalchemy import tuple_ as row_of

from projections.database import ReadConnection
from projections.history.balances import (
    Balances,
    Known,
    StockKey,
    balances_at,
    covered_by,
    known_of,
    slices_before,
    within,
)
from projections.history.moments import Moment, recorded_before
from projections.tables import movements

_m = movements.c
_COLUMNS: Final = tuple(column for column in movements.c if column.name != "command")


class Change(NamedTuple):
    """What a movement did to a stock key, and what the key held afterwards."""

    location: str
    lot: str
    status: str
    change: int
    balance: int

    @property
    def key(self) -> StockKey:
        """Which stock key."""
        return self.location, self.lot, self.status


class Entry(NamedTuple):
    """A movement (a row of `movements`), its changes, and what the SKU had and was worth after."""

    movement: RowMapping
    changes: list[Change]
    on_hand: int
    value: int
    value_change: int


async def by_recording(reader: ReadConnection, sku: str, moment: Moment, count: int) -> list[Entry]:
    """The last `count` movements that count, the last recorded first."""
    balances = (await balances_at(reader, [sku], moment)).get(sku)
    if balances is None:
        return []
    until = moment.until.get(balances.partition, 0)
    query = (
        select(*_COLUMNS)
        .where(_m.sku == sku, _m.log_offset < until)
        .order_by(_m.recorded_ms.desc(), _m.log_offset.desc())
        .limit(count)
    )
    last_ms = await recorded_before(reader, balances.partition, until)
    if last_ms is not None:
        # It follows from the offset; it is what the index can use.
        query = query.where(_m.recorded_ms <= last_ms)
    if moment.before is not None:
        query = query.where(row_of(_m.occurred_us, _m.log_offset) < row_of(*moment.before))
    return _backwards(await reader.all(query), balances)


async def by_occurrence(
    reader: ReadConnection, sku: str, moment: Moment, count: int
) -> list[Entry]:
    """The last `count` movements that count, the last that occurred first."""
    balances = (await balances_at(reader, [sku], moment)).get(sku)
    if balances is None:
        return []
    known = (await known_of(reader, [sku]))[0]
    found = await _newest(reader, known, moment, count)
    query = select(*_COLUMNS).where(
        _m.partition == balances.partition, _m.log_offset.in_([offset for _, offset in found])
    )
    rows = await reader.all(query.order_by(_m.occurred_us.desc(), _m.log_offset.desc()))
    return _backwards(rows, balances)


async def _newest(
    reader: ReadConnection, known: Known, moment: Moment, count: int
) -> list[tuple[int, int]]:
    """The last (`occurred_us`, offset) that count, of blocks and of what is behind them."""
    until = moment.until.get(known.partition, 0)
    covered, rest = await covered_by(reader, known, until)
    condition = f"sku = :sku AND {within(rest, until)}"
    if moment.before is not None:
        instant, offset = moment.before
        condition += f" AND (occurred_us, log_offset) < ({instant:d}, {offset:d})"
    query = (
        f"SELECT occurred_us, log_offset FROM movements WHERE {condition}"  # noqa: S608
        f" ORDER BY occurred_us DESC, log_offset DESC LIMIT {count:d}"
    )
    rows = await reader.all(text(query), {"sku": known.sku})
    found = [(row["occurred_us"], row["log_offset"]) for row in rows]
    if covered:
        found += await _newest_of_blocks(reader, known, covered, moment, count)
    return sorted(found, reverse=True)[:count]


async def _newest_of_blocks(
    reader: ReadConnection, known: Known, covered: int, moment: Moment, count: int
) -> list[tuple[int, int]]:
    from projections.history import blocks

    # The last slice may hold little of what is wanted, the others are full.
    slices = count // blocks.SHAPE.slice + 2
    query = slices_before(blocks.parts(covered), moment.before, slices)
    rows = await reader.all(text(query), {"sku": known.sku})
    if not rows:
        return []
    block = blocks.load([row["entries"] for row in rows])
    both = zip(block.occurred_us.tolist(), block.offset.tolist(), strict=True)
    return [one for one in both if moment.before is None or one < moment.before]


def _backwards(rows: Sequence[RowMapping], balances: Balances) -> list[Entry]:
    """From the balances after the first row to those before the last."""
    keys, value = dict(balances.keys), balances.value
    on_hand = balances.on_hand
    entries = []
    for row in rows:
        changes = []
        for location, status, amount in (
            (row["source"], row["source_status"], -row["quantity"]),
            (row["target"], row["target_status"], row["quantity"]),
        ):
            if status is not None:
                key = location, row["lot"] or "", status
                # A key that blocks left out has nothing left.
                balance = keys.get(key, 0)
                changes.append(Change(*key, amount, balance))
                keys[key] = balance - amount
        worth = _value_change(row)
        entries.append(Entry(row, changes, on_hand, value, worth))
        on_hand -= sum(change.change for change in changes)
        value -= worth
    return entries


def _value_change(row: RowMapping) -> int:
    """What entered stock, in millionths; inside stock it stays."""
    inside_before, inside_after = row["source_status"] is not None, row["target_status"] is not None
    if inside_before == inside_after:
        return 0
    return int(row["value"]) if inside_after else -int(row["value"])
