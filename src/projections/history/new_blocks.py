"""Making blocks of the movements that were counted.

They are made of rows that were read before, in transactions of their own. If other views were made
live in between (docs/decisions/0013-rebuilding-beside.md), those rows may never have been in the
tables that are live now. So the last exchange is noted where the reading begins, and compared where
blocks are written, by a statement that holds the position as any writer of views does.

Several SKUs of a partition go together: beginning and ending a transaction, and waiting for disks,
cost more than a SKU's own rows.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import bindparam, func, select, text, update

from projections.checkpoints import EXCHANGE_GROUP
from projections.database import Database, ReadConnection
from projections.history import blocks
from projections.history.block_making import COLUMNS, Made, Stock, make, missing_children
from projections.history.blocks import Block, load
from projections.history.tables import HISTORY_GROUP, history_blocks, history_skus, history_slices
from projections.planning.run_writer import PlanningWriter
from projections.tables import movements

# Blocks of level 0 that are made at once; writing them locks what a slice does, about as long.
BLOCKS_AT_A_TIME: Final = 64
SKUS_AT_A_TIME: Final = 1_000
_BEFORE_ALL_MS: Final = -(2**63)

_k, _b, _s, _m = history_skus.c, history_blocks.c, history_slices.c, movements.c
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Stock]).decode


class _Due(NamedTuple):
    """A SKU that has movements for another block."""

    sku: str
    partition: int
    counted: int
    blocks: int
    accounts: str
    # The last exchange of views when this was read; the empty text where there was none.
    exchange: str
    # Where its last block ends.
    last_offset: int
    last_recorded_ms: int

    @property
    def missing(self) -> int:
        """How many blocks can be made of the movements that were counted."""
        return max(0, self.counted // blocks.SHAPE.block - self.blocks)


class _Read(NamedTuple):
    """Rows for whole blocks, and the earlier blocks that they are merged with."""

    due: _Due
    rows: Sequence[Sequence[Any]]
    children: dict[tuple[int, int], Block]


class _New(NamedTuple):
    """Blocks to be written, and what is due of their SKU before and behind them."""

    before: _Due
    after: _Due
    made: Made


class Exchanged(Exception):
    """Other views are live than those whose rows were read; nothing was written."""


# Moving the position to where it is takes the right to move it. An exchange waits for that, or this
# for an exchange.
_HOLD: Final = f"""
UPDATE view_positions SET position = position
WHERE view_group = '{HISTORY_GROUP}' AND partition = :partition
"""  # noqa: S608 - names of this package alone
_EXCHANGE: Final = f"""
SELECT coalesce(max(ledger_id), '') FROM view_positions WHERE view_group = '{EXCHANGE_GROUP}'
"""  # noqa: S608 - names of this package alone


async def make_blocks(database: Database, writer: PlanningWriter) -> None:
    """Make what can be made. What cannot, for want of rows, is left to the next time."""
    after = ""
    while due := await _due(database, after):
        after = due[-1].sku
        while due:
            due = [
                one for group in _groups(due) for one in await _make_some(database, writer, group)
            ]


async def _due(database: Database, after: str) -> list[_Due]:
    """SKUs behind this one, in their order, that have enough for another block."""
    last = (_b.sku == _k.sku) & (_b.number == _k.blocks - 1)
    query = (
        select(
            _k.sku,
            _k.partition,
            _k.counted,
            _k.blocks,
            _k.accounts,
            text(f"({_EXCHANGE}) AS exchange"),
            func.coalesce(_b.last_offset, -1).label("last_offset"),
            func.coalesce(_b.last_recorded_ms, _BEFORE_ALL_MS).label("last_recorded_ms"),
        )
        .select_from(history_skus.outerjoin(history_blocks, last))
        .where(_k.sku > after, _k.counted >= (_k.blocks + 1) * blocks.SHAPE.block)
        .order_by(_k.sku)
        .limit(SKUS_AT_A_TIME)
    )
    async with database.reader() as reader:
        return [_Due(*row) for row in await reader.rows(query)]


def _groups(due: Sequence[_Due]) -> list[list[_Due]]:
    """SKUs of one partition each, of which as many blocks are due as are made at once; those that
    they are merged with count along, by what they hold."""
    groups: list[list[_Due]] = []
    partition, made = -1, 0
    for one in sorted(due, key=lambda one: one.partition):
        wanted = min(one.missing, BLOCKS_AT_A_TIME)
        children = missing_children(one.blocks, wanted)
        wanted += sum(blocks.SHAPE.fan_out**level for level, _ in children)
        if one.partition != partition or made + wanted > BLOCKS_AT_A_TIME:
            groups.append([])
            partition, made = one.partition, 0
        groups[-1].append(one)
        made += wanted
    return groups


async def _make_some(database: Database, writer: PlanningWriter, group: list[_Due]) -> list[_Due]:
    """Make the next blocks of some SKUs of one partition. Those of which more are due."""
    read = await _read(database, group)
    if not read:
        return []  # the views are being made anew
    made = await asyncio.to_thread(_make_all, read)
    return [one for one in await _write(writer, made) if one.missing]


async def _read(database: Database, group: Sequence[_Due]) -> list[_Read]:
    """What the next blocks of SKUs are made of, where there are enough rows for one.

    Raises Exchanged.
    """
    found = []
    async with database.reader() as reader:
        # Of other views the earlier blocks would not be there.
        ((exchange,),) = await reader.rows(text(_EXCHANGE))
        if exchange != group[0].exchange:
            raise Exchanged
        for due in group:
            size = blocks.SHAPE.block
            names = {
                "of": due.sku,
                "partition": due.partition,
                "offset": due.last_offset,
                "recorded_ms": due.last_recorded_ms,
                "count": min(due.missing, BLOCKS_AT_A_TIME) * size,
            }
            rows = await reader.rows(_ROWS, names)
            if wanted := len(rows) // size:
                children = await _children(reader, due, wanted)
                found.append(_Read(due, rows[: wanted * size], children))
    return found


# The movements behind a SKU's last block, in the order of their offsets. That they were not
# recorded earlier follows from that; it is what the index can use.
_ROWS: Final = (
    select(*COLUMNS)
    .where(
        _m.sku == bindparam("of"),
        _m.partition == bindparam("partition"),
        _m.log_offset > bindparam("offset"),
        _m.recorded_ms >= bindparam("recorded_ms"),
    )
    .order_by(_m.recorded_ms, _m.log_offset)
    .limit(bindparam("count"))
)


async def _children(reader: ReadConnection, due: _Due, wanted: int) -> dict[tuple[int, int], Block]:
    """The blocks made earlier that the new ones are merged with."""
    found = {}
    for level, number in missing_children(due.blocks, wanted):
        query = (
            select(_s.entries)
            .where(_s.sku == due.sku, _s.level == level, _s.number == number)
            .order_by(_s.slice)
        )
        found[level, number] = load([entries for (entries,) in await reader.rows(query)])
    return found


def _make_all(read: Sequence[_Read]) -> list[_New]:
    found = []
    for due, rows, children in read:
        made = make(rows, due.blocks, _decode(due.accounts), children)
        last_offset, last_recorded_ms, _ = made.blocks[-1]
        after = due._replace(
            blocks=due.blocks + len(made.blocks),
            accounts=_encode(made.accounts).decode(),
            last_offset=last_offset,
            last_recorded_ms=last_recorded_ms,
        )
        found.append(_New(due, after, made))
    return found


async def _write(writer: PlanningWriter, new: Sequence[_New]) -> list[_Due]:
    """Write blocks of SKUs of one partition, but not those that somebody else has written.

    How far those SKUs are that were written. Raises Exchanged.
    """
    before = new[0].before
    async with writer.transaction() as connection:
        await connection.execute(text(_HOLD), {"partition": before.partition})
        if (await connection.execute(text(_EXCHANGE))).scalar_one() != before.exchange:
            raise Exchanged
        # From here on nobody else moves them.
        query = select(_k.sku, _k.blocks).where(_k.sku.in_([one.before.sku for one in new]))
        stored = {row.sku: row.blocks for row in await connection.execute(query)}
        fresh = [one for one in new if stored.get(one.before.sku) == one.before.blocks]
        if not fresh:
            return []
        values = [
            {"of": one.after.sku, "made": one.after.blocks, "known": one.after.accounts}
            for one in fresh
        ]
        await connection.execute(_ADVANCE_SKU, values)
        slices = [(one.after.sku, *row) for one in fresh for row in one.made.slices]
        await writer.insert(connection, history_slices, slices)
        made_blocks = [(one.after.sku, *row) for one in fresh for row in one.made.blocks]
        await writer.insert(connection, history_blocks, made_blocks)
    return [one.after for one in fresh]


_ADVANCE_SKU: Final = (
    update(history_skus)
    .where(_k.sku == bindparam("of"))
    .values(blocks=bindparam("made"), accounts=bindparam("known"))
)
