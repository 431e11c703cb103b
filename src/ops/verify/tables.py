"""Which tables of the views are held against the log, and how; and which are not made from it.

A test fails while a table of the views is neither here nor there.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Table

from ledger.domain.facts import Moved, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.supply import SUPPLY_FACTS
from ledger.log import Record
from ops.verify.rows import Row, Shape
from ops.verify.walk import Counted
from projections import tables
from projections.history.tables import history_blocks, history_skus, history_slices
from projections.views.items import definition_row
from projections.views.movement_rows import movement_row, refusal_row
from projections.views.supply import SupplyChanges
from projections.views.voids import void_row

# What becomes of a record after it was written, which is compared when all is read.
LATER: Final = ("reversed_by",)


def _movement(partition: int, one: Counted) -> Row | None:
    _, fact, command = one
    return movement_row(partition, fact, command) if type(fact) is Moved else None


def _refusal(partition: int, one: Counted) -> Row | None:
    return refusal_row(partition, one[1]) if type(one[1]) is Refused else None


def _definition(partition: int, one: Counted) -> Row | None:
    return definition_row(partition, one[1]) if type(one[1]) is ItemDefined else None


def _supply_change(partition: int, one: Counted) -> Row | None:
    if not isinstance(one[1], SUPPLY_FACTS):
        return None
    made = SupplyChanges()
    made.add(partition, one[1])
    return made.changes[0]


def _supply_receipt(partition: int, one: Counted) -> Row | None:
    fact = one[1]
    if type(fact) is not Moved or fact.supply is None:
        return None
    made = SupplyChanges()
    made.receive(partition, fact)
    return made.receipts[0]


class Placed:
    """A table with one row for each record of a kind, at the record's place in the log."""

    def __init__(self, table: Table, make: Callable[[int, Counted], Row | None]) -> None:
        """`make` gives the row of a record in the order of the table's columns."""
        self.shape = Shape.of(table, without=LATER)
        self._order = self.shape.order(table)
        self._make = make

    def row(self, partition: int, one: Counted) -> Row | None:
        """The row that a record makes, in the order of `shape`."""
        row = self._make(partition, one)
        return None if row is None else tuple([row[at] for at in self._order])


PLACED: Final = (
    Placed(tables.movements, _movement),
    Placed(tables.refusals, _refusal),
    Placed(tables.item_definitions, _definition),
    Placed(tables.supply_changes, _supply_change),
    Placed(tables.supply_receipts, _supply_receipt),
)


class Voids:
    """The table of records that do not count: a row for each of them."""

    shape = Shape.of(tables.void_records)

    def row(self, partition: int, record: Record) -> Row:
        """The row of a record, in the order of `shape`."""
        return void_row(partition, record)


VOIDS: Final = Voids()
STOCK: Final = Shape.of(tables.stock)
TOTALS: Final = Shape.of(tables.sku_totals)
ITEMS: Final = Shape.of(tables.items)
ORDERS: Final = Shape.of(tables.supply_orders)
REVERSED: Final = Shape("movements", ("partition", "log_offset", "reversed_by"), 2)

# Every table that names the partition its rows are of.
WITH_PARTITION: Final[tuple[Table, ...]] = (
    tables.movements,
    tables.refusals,
    tables.item_definitions,
    tables.supply_changes,
    tables.supply_receipts,
    tables.void_records,
    tables.supply_orders,
    tables.stock,
    tables.sku_totals,
    tables.items,
    tables.sku_sites,
    history_skus,
)
# Made again from the rows they were made from (history.py).
HISTORY: Final[tuple[Table, ...]] = (history_skus, history_blocks, history_slices)
# Held against the rows they are summed up from, once those are held against the log (demand.py).
DEMAND: Final[tuple[Table, ...]] = (tables.sku_sites, tables.sku_days, tables.reason_days)
# Tables of planning runs, which can be made again and compared: `stockledger plan --repeat`.
PLANNING: Final = "planning_"
# Why another table of the views is not held against the log.
NOT_VERIFIED: Final[dict[str, str]] = {
    "view_positions": "positions are what the comparison goes by; their heads are compared",
    "view_failures": "what stopped a projector, for people to read",
    "site_levels": "what alerts were raised by, at the position of a publisher of its own",
    "alerts": "raised by publishers as stock was when they looked",
}
