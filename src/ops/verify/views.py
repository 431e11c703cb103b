"""The views of one partition, held against the log row by row, all in one reading transaction.

Its position is taken first, so that the log holds at least what the views were made of. Projectors
may go on writing: the transaction shows the views as they were at that position. Rows that each
come from one record are compared as the log is read; sums when the log is read up to the position.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Table, select, text

from ledger.domain.facts import Moved
from ledger.domain.items import ItemDefined
from ledger.domain.supply import SUPPLY_FACTS
from ledger.log import Record
from ops.findings import Finding, Findings
from ops.verify.accounts import place_of
from ops.verify.orders import OrderRows
from ops.verify.rows import Row, Rows, Shape, compare, differing
from ops.verify.tables import (
    ITEMS,
    ORDERS,
    PLACED,
    REVERSED,
    STOCK,
    TOTALS,
    VOIDS,
    WITH_PARTITION,
)
from ops.verify.walk import Counted, Walk
from projections.checkpoints import VIEW_GROUP, Checkpoint, from_rows
from projections.database import ReadConnection
from projections.history.tables import HISTORY_GROUP, history_skus
from projections.planning.demand_statements import DEMAND_GROUP
from projections.tables import OVERFLOW_UNIT, sku_sites, view_positions
from projections.views.items import item_row

# The tables that show whether views of a group were ever made of a partition.
_GROUPS: Final[Mapping[str, Sequence[Table]]] = {
    VIEW_GROUP: WITH_PARTITION,
    DEMAND_GROUP: (sku_sites,),
    HISTORY_GROUP: (history_skus,),
}


class ViewPositions(NamedTuple):
    """How far views have read a partition: those of the log, of demand, and of history."""

    core: Checkpoint
    demand: Checkpoint | None
    history: Checkpoint | None


async def read_view_positions(reader: ReadConnection, partition: int) -> ViewPositions | None:
    """Where the views of a partition are; None if they never read it."""
    found: dict[str, Checkpoint] = {}
    columns = view_positions.c
    for group in (VIEW_GROUP, DEMAND_GROUP, HISTORY_GROUP):
        query = select(
            columns.partition, columns.ledger_id, columns.position, columns.head,
            columns.head_offset,
        ).where(columns.view_group == group, columns.partition == partition)  # fmt: skip
        rows = await reader.all(query)
        checkpoints = from_rows(tuple(row.values()) for row in rows)
        if partition in checkpoints:
            found[group] = checkpoints[partition]
    core = found.get(VIEW_GROUP)
    if core is None:
        return None
    return ViewPositions(core, found.get(DEMAND_GROUP), found.get(HISTORY_GROUP))


async def check_nowhere(rows: Rows, partition: int, group: str) -> list[Finding]:
    """Views that have no position are sound if they have no rows either."""
    for table in _GROUPS[group]:
        rows.where = table.name
        sql = f"SELECT partition FROM {table.name} WHERE partition = {partition:d} LIMIT 1"  # noqa: S608 - names alone
        if await rows.reader.first(text(sql)) is not None:
            what = f"the row is missing, and {table.name} has rows of the partition"
            return [Finding("view_differs", f"view_positions '{group}', {partition}", what)]
    return []


async def check_unread(rows: Rows, partition: int) -> list[Finding]:
    """Where the views of the log have read nothing, those made from them have not either."""
    found = await check_nowhere(rows, partition, VIEW_GROUP)
    if found:
        return found
    columns = view_positions.c
    query = select(columns.view_group, columns.position).where(
        columns.partition == partition,
        columns.view_group.in_((DEMAND_GROUP, HISTORY_GROUP)),
        columns.position > 0,
    )
    return [
        Finding(
            "view_differs",
            f"view_positions '{row['view_group']}', {partition}",
            f"it is at {row['position']}, and the views have read nothing",
        )
        for row in await rows.reader.all(query.order_by(columns.view_group))
    ]


class ViewCheck:
    """Grows with the walk through the partition, up to the position of the views."""

    def __init__(
        self, partition: int, rows: Rows, position: Checkpoint, findings: Findings
    ) -> None:
        """Nothing compared yet."""
        self.partition = partition
        self.position = position
        # Up to where rows were compared that come from one record each.
        self.compared_until = 0
        self._rows = rows
        self._findings = findings
        self._orders = OrderRows(partition)
        # The record that described a SKU last.
        self._items: dict[str, ItemDefined] = {}

    async def follow(self, counted: Sequence[Counted], voids: Sequence[Record], until: int) -> None:
        """Compare the rows of the next records in front of `until`; what lies behind is left out,
        since a record counts until the next one tells that it was changed."""
        first, self.compared_until = self.compared_until, until
        if counted and counted[-1][0].offset >= until:
            counted = [one for one in counted if one[0].offset < until]
        for _, fact, _ in counted:
            if type(fact) is Moved:
                if fact.supply is not None:
                    self._orders.receive(fact)
            elif type(fact) is ItemDefined:
                self._items[fact.sku] = fact
            elif isinstance(fact, SUPPLY_FACTS):
                self._orders.add(fact)
        for placed in PLACED:
            made = [row for one in counted if (row := placed.row(self.partition, one)) is not None]
            await self._compare(placed.shape, self._between(first, until), made)
        made = [VOIDS.row(self.partition, one) for one in voids if one.offset < until]
        await self._compare(VOIDS.shape, self._between(first, until), made)

    async def _compare(self, shape: Shape, condition: str, made: Sequence[Row]) -> None:
        there = await self._rows.all(shape, condition)
        if there != made:
            by_key = {row[: shape.key]: row for row in made}
            self._findings.take(differing(shape, there, by_key))

    async def finish(self, walk: Walk) -> None:
        """Compare what is summed up; the walk stands at the position of the views."""
        self._check_position(walk)
        await self._check_reversed(walk.fold.links.undone)
        await self._check_stock(walk)
        await self._check_totals(walk)
        items: dict[Row, Row] = {
            (sku,): item_row(self.partition, fact) for sku, fact in self._items.items()
        }
        await self._check_table(ITEMS, items)
        await self._check_table(ORDERS, self._orders.tuples())
        # What lies behind the position, or before the log begins, was made by nobody.
        beyond = f"partition = {self.partition:d} AND log_offset"
        for shape in (VOIDS.shape, *(placed.shape for placed in PLACED)):
            for outside in ("< 0", f">= {self.position.position:d}"):
                await self._compare(shape, f"{beyond} {outside}", ())

    def _between(self, first: int, until: int) -> str:
        return (
            f"partition = {self.partition:d} AND log_offset >= {first:d}"
            f" AND log_offset < {until:d} ORDER BY log_offset"
        )

    def _check_position(self, walk: Walk) -> None:
        there = (self.position.head_offset, self.position.head)
        if there != (walk.head_offset, walk.head):
            text = (
                f"they continue {there[1][:12]}… at {there[0]}, where the log has"
                f" {walk.head[:12]}… at {walk.head_offset}"
            )
            where = f"view_positions '{VIEW_GROUP}', {self.partition}"
            self._findings.take((Finding("view_differs", where, text),))
        opened = walk.fold.opened
        if opened is not None and opened.ledger_id != self.position.ledger_id:
            text = f"they are of the ledger {self.position.ledger_id}"
            self._findings.take((Finding("other_ledger", f"views of {self.partition}", text),))

    async def _check_reversed(self, undone: Mapping[int, int]) -> None:
        made: dict[Row, Row] = {
            (self.partition, offset): (self.partition, offset, reversal)
            for offset, reversal in undone.items()
        }
        there = await self._rows.all(
            REVERSED, f"partition = {self.partition:d} AND reversed_by IS NOT NULL"
        )
        self._findings.take(differing(REVERSED, there, made))

    async def _check_stock(self, walk: Walk) -> None:
        """Every account that was ever used has a row. Amounts beyond 64 bits are in two columns."""
        left = {
            (sku, *place_of(account)): (stock.scale, amount, stock.last[account])
            for sku, stock in walk.fold.skus.items()
            for account, amount in stock.accounts.items()
        }
        async for part in self._rows.of(STOCK, f"partition = {self.partition:d}"):
            for row in part:
                said = dict(zip(STOCK.columns, row, strict=True))
                amount = said["on_hand"] + said["overflows"] * OVERFLOW_UNIT  # type: ignore[operator]
                true = left.pop(row[: STOCK.key], None)  # type: ignore[arg-type]
                if true is None or (said["scale"], amount, said["log_offset"]) != true:
                    self._differs(row, amount, true)
        for key, true in left.items():
            made = (*key, *true)
            self._findings.take(compare(_AMOUNTS, None, made))

    def _differs(self, row: Row, amount: object, true: tuple[int, int, int] | None) -> None:
        key = row[: STOCK.key]
        scale, offset = row[STOCK.columns.index("scale")], row[STOCK.columns.index("log_offset")]
        made = None if true is None else (*key, *true)
        self._findings.take(compare(_AMOUNTS, (*key, scale, amount, offset), made))

    async def _check_totals(self, walk: Walk) -> None:
        made: dict[Row, Row] = {}
        for sku, stock in walk.fold.skus.items():
            if not stock.moved:
                continue
            unavailable = sum(
                amount
                for account, amount in stock.real.items()
                if place_of(account)[2] != "available"
            )
            made[sku,] = (
                sku, stock.scale, stock.total, unavailable, stock.value, self.partition,
                max(stock.last.values()),
            )  # fmt: skip
        await self._check_table(TOTALS, made)

    async def _check_table(self, shape: Shape, made: dict[Row, Row]) -> None:
        """Rows of the partition; `made` is used up."""
        async for part in self._rows.of(shape, f"partition = {self.partition:d}"):
            for row in part:
                true = made.pop(row[: shape.key], None)
                if row != true:
                    self._findings.take(compare(shape, row, true))
        for row in made.values():
            self._findings.take(compare(shape, None, row))


# A row of the view of stock, its amount in one number.
_AMOUNTS = Shape("stock", ("sku", "account", "lot", "status", "scale", "amount", "log_offset"), 4)
