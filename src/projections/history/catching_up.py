"""Bringing balance checkpoints as far as the views.

They are not written with the views, so that a projector does no more than before, but made behind
it from the rows of `movements`: first the new movements of each SKU are counted, slice by slice of
the log; then a block is made wherever a SKU has enough (`new_blocks`). A slice and the position it
leads to are one transaction, and so are blocks and the number of them, each begun by a comparison
with what is stored: of two who do the same, the second changes nothing.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from sqlalchemy import text

from ledger.errors import WrongLedger
from projections.checkpoints import VIEW_GROUP
from projections.database import Database
from projections.history.new_blocks import Exchanged, make_blocks
from projections.history.tables import HISTORY_GROUP
from projections.planning.run_writer import PlanningWriter

# A slice locks the position of its partition, and on SQLite the database, for some 50 ms.
RECORDS_A_SLICE: Final = 20_000


class _Position(NamedTuple):
    """How far the counting is in a partition, and how far it can go."""

    partition: int
    target: int
    position: int


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
        with suppress(Exchanged):
            await make_blocks(database, writer)
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


async def _count(writer: PlanningWriter, partition: int, first: int, until: int) -> bool:
    """Count the movements of a slice; False if the position is not where it starts."""
    part = {"partition": partition, "first": first, "until": until}
    async with writer.transaction() as connection:
        await connection.execute(text(_BEGIN), {"partition": partition})
        if (await connection.execute(text(_ADVANCE), part)).rowcount != 1:
            return False
        await connection.execute(text(_COUNT), part)
    return True
