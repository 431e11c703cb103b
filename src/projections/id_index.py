"""Ids of long ago, for the writer: in which record was this id used?"""

from collections.abc import Sequence

from sqlalchemy import func, select, text, union_all

from ledger.errors import WrongLedger
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, storable
from projections.identity import views_ledger_ids
from projections.tables import (
    MOVEMENTS_BY_ID,
    item_definitions,
    movements,
    refusals,
    supply_changes,
    view_positions,
)

IDS_AT_A_TIME = 500


class ViewIdIndex:
    """Every id that ever counted in a partition, as far as the views have read.

    `ledger_id` is the ledger that asks. Until it is set, and where the views are of another one,
    nothing is known.
    """

    def __init__(self, database: Database) -> None:
        """Read from this database, which is open."""
        self.ledger_id = ""
        self._database = database

    async def position(self, partition: int) -> int:
        """The offset up to which (not including) `find` knows every id.

        0 while a rebuild has not made the index over ids yet, for without it every question
        would read the whole table. Raises DatabaseUnavailable.
        """
        if not self.ledger_id:
            return 0
        query = select(view_positions.c.position).where(
            view_positions.c.view_group == VIEW_GROUP,
            view_positions.c.partition == partition,
            view_positions.c.ledger_id == self.ledger_id,
        )
        async with self._database.reader() as reader:
            row = await reader.first(query)
            if row is None:
                return 0
            if not self._database.is_sqlite:
                index = await reader.first(
                    select(func.to_regclass(text(f"'{MOVEMENTS_BY_ID.name}'")).label("found"))
                )
                if index is None or index["found"] is None:
                    return 0
            return int(row["position"])

    async def find(self, partition: int, ids: Sequence[str]) -> dict[str, int]:
        """The offset of the first record of the partition that used each id; unknown ids missing.

        Covers movements, refusals, definitions of items and supply orders. Raises
        DatabaseUnavailable, and WrongLedger where the views are of another ledger.
        """
        found: dict[str, int] = {}
        async with self._database.reader() as reader:
            if await views_ledger_ids(reader) - {self.ledger_id}:
                raise WrongLedger
            for start in range(0, len(ids), IDS_AT_A_TIME):
                wanted = list(filter(storable, ids[start : start + IDS_AT_A_TIME]))
                query = union_all(
                    *(
                        select(table.c.id, table.c.log_offset).where(
                            table.c.partition == partition, table.c.id.in_(wanted)
                        )
                        for table in (movements, refusals, item_definitions, supply_changes)
                    )
                )
                for row in await reader.all(query):
                    offset = int(row["log_offset"])
                    found[row["id"]] = min(offset, found.get(row["id"], offset))
        return found
