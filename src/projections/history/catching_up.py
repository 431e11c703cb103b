"""Bringing balance checkpoints as far as the views.

They are not written with the views, so that a projector does no more than before, but made behind
it from the rows of `movements`: first the new movements of each SKU are counted, slice by slice of
the log; then a block is made wherever a SKU has enough. A slice and the position it leads to are
one transaction, and so are blocks and the number of them, each begun by a comparison with what is
stored: of two who do the same, the second changes nothing.

Blocks are made of rows that were read before, in transactions of their own. If other views were
made live in between (docs/decisions/0013-rebuilding-beside.md), those rows may never have been in
the tables that are live now. So the last exchange is noted where the reading begins, and compared
where blocks are written, by a statement that holds the position as any writer of views does.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import select, text, update

from ledger.errors import WrongLedger
from projections.checkpoints import EXCHANGE_GROUP, VIEW_GROUP
from projections.database import Database
from projections.history import blocks
from projections.history.block_making import Made, Stock, make, missing_children
from projections.history.blocks import Block, load
from projections.history.tables import HISTORY_GROUP, history_blocks, history_skus, history_slices
from projections.planning.run_writer import PlanningWriter
from projections.tables import movements

# A slice locks the position of its partition, and on SQLite the database, for some 50 ms.
RECORDS_A_SLICE: Final = 20_000
# Blocks of level 0 that are made at once.
BLOCKS_AT_A_TIME: Final = 64
SKUS_AT_A_TIME: Final = 1_000

_k, _b, _s, _m = history_skus.c, history_blocks.c, history_slices.c, movements.c
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Stock]).decode


class _Position(NamedTuple):
    """How far the counting is in a partition, and how far it can go."""

    partition: int
    target: int
    position: int


class _Due(NamedTuple):
    """A SKU that has movements for another block."""

    sku: str
    partition: int
    counted: int
    blocks: int
    accounts: str
    # The last exchange of views when this was read; the empty text where there was none.
    exchange: str


class _Exchanged(Exception):
    """Other views are live than those whose rows were read; nothing was written."""


async def catch_up(database: Database, *, records_max: int = RECORDS_A_SLICE) -> Mapping[int, int]:
    """Go as far as the views are now; the offset of the next record to count, by partition.

    Raises DatabaseUnavailable, WrongLedger.
    """
    url = database.url.render_as_string(hide_password=False)
    writer = PlanningWriter(url, keeps_connection=True)
    try:
        positions = await _positions(database)
        for one in positions:
            for first in range(one.position, one.target, records_max):
                until = min(first + records_max, one.target)
                if not await _count(writer, one.partition, first, until):
                    break  # somebody else counts this partition
        # What is exchanged has its own checkpoints, which are for the next time.
        with suppress(_Exchanged):
            await _make_blocks(database, writer)
    finally:
        await writer.close()
    return {one.partition: max(one.position, one.target) for one in positions}


async def _positions(database: Database) -> list[_Position]:
    async with database.reader() as reader:
        rows = await reader.all(text(_POSITIONS))
    if not all(row["same_ledger"] for row in rows):
        raise WrongLedger("the balance checkpoints were made from another ledger")
    return [_Position(row["partition"], row["target"], row["position"] or 0) for row in rows]


_POSITIONS: Final = f"""
SELECT core.partition, core.position AS target, mine.position AS position,
    mine.ledger_id IS NULL OR mine.ledger_id = core.ledger_id AS same_ledger
FROM view_positions AS core LEFT JOIN view_positions AS mine
    ON mine.partition = core.partition AND mine.view_group = '{HISTORY_GROUP}'
WHERE core.view_group = '{VIEW_GROUP}' ORDER BY core.partition
"""  # noqa: S608 - names of this package alone
_BEGIN: Final = f"""
INSERT INTO view_positions (view_group, partition, ledger_id, position, head, head_offset)
SELECT '{HISTORY_GROUP}', partition, ledger_id, 0, '', -1 FROM view_positions
WHERE view_group = '{VIEW_GROUP}' AND partition = :partition ON CONFLICT DO NOTHING
"""  # noqa: S608 - names of this package alone
_ADVANCE: Final = f"""
UPDATE view_positions SET position = :until
WHERE view_group = '{HISTORY_GROUP}' AND partition = :partition AND position = :first
    AND EXISTS (SELECT 1 FROM view_positions AS core WHERE core.view_group = '{VIEW_GROUP}'
        AND core.partition = :partition AND core.position >= :until
        AND core.ledger_id = view_positions.ledger_id)
"""  # noqa: S608 - names of this package alone
_COUNT: Final = """
INSERT INTO history_skus (sku, partition, counted, blocks, accounts)
SELECT sku, partition, count(*), 0, '[]' FROM movements
WHERE partition = :partition AND log_offset >= :first AND log_offset < :until
GROUP BY sku, partition ORDER BY sku
ON CONFLICT (sku) DO UPDATE SET counted = history_skus.counted + excluded.counted
"""


# Moving the position to where it is takes the right to move it. An exchange waits for that, or this
# for an exchange.
_HOLD: Final = f"""
UPDATE view_positions SET position = position
WHERE view_group = '{HISTORY_GROUP}' AND partition = :partition
"""  # noqa: S608 - names of this package alone
_EXCHANGE: Final = f"""
SELECT coalesce(max(ledger_id), '') FROM view_positions WHERE view_group = '{EXCHANGE_GROUP}'
"""  # noqa: S608 - names of this package alone


async def _count(writer: PlanningWriter, partition: int, first: int, until: int) -> bool:
    """Count the movements of a slice; False if the position is not where it starts."""
    part = {"partition": partition, "first": first, "until": until}
    async with writer.transaction() as connection:
        await connection.execute(text(_BEGIN), {"partition": partition})
        if (await connection.execute(text(_ADVANCE), part)).rowcount != 1:
            return False
        await connection.execute(text(_COUNT), part)
    return True


async def _make_blocks(database: Database, writer: PlanningWriter) -> None:
    """Make what can be made. What cannot, for want of rows, is left to the next time."""
    after = ""
    while due := await _due(database, after):
        for one in due:
            progress: _Due | None = one
            while progress is not None:
                progress = await _make_some(database, writer, progress)
        after = due[-1].sku


async def _due(database: Database, after: str) -> list[_Due]:
    """SKUs behind this one, in their order, that have enough for another block."""
    query = (
        select(
            _k.sku,
            _k.partition,
            _k.counted,
            _k.blocks,
            _k.accounts,
            text(f"({_EXCHANGE}) AS exchange"),
        )
        .where(_k.sku > after, _k.counted >= (_k.blocks + 1) * blocks.SHAPE.block)
        .order_by(_k.sku)
        .limit(SKUS_AT_A_TIME)
    )
    async with database.reader() as reader:
        return [_Due(**row) for row in await reader.all(query)]


async def _make_some(database: Database, writer: PlanningWriter, due: _Due) -> _Due | None:
    """Make the next blocks of a SKU. What is still due of it; None where nothing is."""
    wanted = min(due.counted // blocks.SHAPE.block - due.blocks, BLOCKS_AT_A_TIME)
    if wanted <= 0:
        return None
    rows = await _rows(database, due, wanted * blocks.SHAPE.block)
    wanted = len(rows) // blocks.SHAPE.block
    if not wanted:
        return None  # the views are being made anew
    children = await _children(database, due, wanted)
    accounts = _decode(due.accounts)
    made = await asyncio.to_thread(
        make, rows[: wanted * blocks.SHAPE.block], due.blocks, accounts, children
    )
    after = due._replace(blocks=due.blocks + wanted, accounts=_encode(made.accounts).decode())
    return after if await _write(writer, due, after, made) else None


async def _rows(database: Database, due: _Due, count: int) -> list[Any]:
    """The movements behind the SKU's last block, in the order of their offsets."""
    async with database.reader() as reader:
        last = await reader.first(
            select(_b.last_offset, _b.last_recorded_ms).where(
                _b.sku == due.sku, _b.number == due.blocks - 1
            )
        )
        query = select(
            _m.occurred_us, _m.log_offset, _m.recorded_ms, _m.quantity, _m.value, _m.lot,
            _m.source, _m.source_status, _m.target, _m.target_status,
        ).where(_m.sku == due.sku, _m.partition == due.partition)  # fmt: skip
        if last is not None:
            # The second condition follows from the first; it is what the index can use.
            query = query.where(
                _m.log_offset > last["last_offset"], _m.recorded_ms >= last["last_recorded_ms"]
            )
        query = query.order_by(_m.recorded_ms, _m.log_offset).limit(count)
        return [row async for part in reader.parts(query, {}, count) for row in part]


async def _children(database: Database, due: _Due, wanted: int) -> dict[tuple[int, int], Block]:
    """The blocks made earlier that the new ones are merged with."""
    found = {}
    async with database.reader() as reader:
        for level, number in missing_children(due.blocks, wanted):
            query = (
                select(_s.entries)
                .where(_s.sku == due.sku, _s.level == level, _s.number == number)
                .order_by(_s.slice)
            )
            found[level, number] = load([row["entries"] for row in await reader.all(query)])
    return found


async def _write(writer: PlanningWriter, before: _Due, after: _Due, made: Made) -> bool:
    """Write the blocks, unless somebody else has. Raises _Exchanged."""
    async with writer.transaction() as connection:
        await connection.execute(text(_HOLD), {"partition": before.partition})
        if (await connection.execute(text(_EXCHANGE))).scalar_one() != before.exchange:
            raise _Exchanged
        moved = await connection.execute(
            update(history_skus)
            .where(_k.sku == before.sku, _k.blocks == before.blocks)
            .values(blocks=after.blocks, accounts=after.accounts)
        )
        if moved.rowcount != 1:
            return False
        sku = before.sku
        await writer.insert(connection, history_slices, [(sku, *row) for row in made.slices])
        await writer.insert(connection, history_blocks, [(sku, *row) for row in made.blocks])
    return True
