"""Supply orders as rows: lines as they are now, what changed them, and what came of them."""

from typing import NamedTuple

from ledger.domain import quantities
from ledger.domain.facts import Moved
from ledger.domain.supply import (
    SupplyFact,
    SupplyOrderChanged,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)
from projections.views.movement_rows import trail_text

Row = tuple[object, ...]
OPEN, CLOSED = "open", "closed"


class Statement(NamedTuple):
    """The same for both databases: one row at a time, and one array a column."""

    sqlite: str
    postgresql: str


# Columns: quantity, expected_us, state, close_reason, closed_ms, changed_offset, partition,
# log_offset. A close leaves what is expected as it was.
UPDATE_ORDERS = Statement(
    "UPDATE supply_orders SET quantity = ?, expected_us = coalesce(?, expected_us), state = ?,"
    " close_reason = ?, closed_ms = ?, changed_offset = ? WHERE partition = ? AND log_offset = ?",
    "UPDATE supply_orders SET quantity = step.quantity,"
    " expected_us = coalesce(step.expected_us, supply_orders.expected_us), state = step.state,"
    " close_reason = step.close_reason, closed_ms = step.closed_ms,"
    " changed_offset = step.changed_offset"
    " FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],"
    " $7::integer[], $8::bigint[]) AS step (quantity, expected_us, state, close_reason, closed_ms,"
    " changed_offset, partition, log_offset) WHERE supply_orders.partition = step.partition"
    " AND supply_orders.log_offset = step.log_offset",
)
_OF_ORDER = (
    "FROM supply_receipts AS came WHERE came.partition = supply_orders.partition"
    " AND came.order_offset = supply_orders.log_offset"
)
# What was reversed did not come: here it is in one group with its reversal. Each receipt of a line
# is read once; to look for the reversal of each would be to read all of them each time.
_STANDING = (
    f"FROM (SELECT max(came.occurred_us) AS occurred_us {_OF_ORDER}"
    " GROUP BY coalesce(came.reverses_offset, came.log_offset) HAVING count(*) = 1) AS stood"
)
_RECEIVED = (
    f"UPDATE supply_orders SET received = (SELECT coalesce(sum(came.quantity), 0) {_OF_ORDER}),"  # noqa: S608
    f" first_received_us = (SELECT min(stood.occurred_us) {_STANDING}),"
    f" last_received_us = (SELECT max(stood.occurred_us) {_STANDING})"
)
# Summed up anew from all receipts of the line. Columns: changed_offset, partition, log_offset.
UPDATE_RECEIVED = Statement(
    f"{_RECEIVED}, changed_offset = ? WHERE partition = ? AND log_offset = ?",
    f"{_RECEIVED}, changed_offset = step.changed_offset"
    " FROM unnest($1::bigint[], $2::integer[], $3::bigint[])"
    " AS step (changed_offset, partition, log_offset) WHERE supply_orders.partition ="
    " step.partition AND supply_orders.log_offset = step.log_offset",
)


class _Line(NamedTuple):
    quantity: int
    expected_us: int | None
    reason: str | None
    closed_ms: int | None
    changed_offset: int


class SupplyChanges:
    """What a run of records of one partition does to supply orders."""

    __slots__ = ("_lines", "_touched", "changes", "orders", "receipts")

    def __init__(self) -> None:
        """Nothing yet."""
        # Rows of the tables `supply_orders`, `supply_changes` and `supply_receipts`.
        self.orders: list[Row] = []
        self.changes: list[Row] = []
        self.receipts: list[Row] = []
        # Offset of a line's placing → how it is now; the last record that names it.
        self._lines: dict[int, _Line] = {}
        self._touched: dict[int, int] = {}

    def add(self, partition: int, fact: SupplyFact) -> None:
        """Count one fact about a line. They come in the order of their offsets."""
        self.changes.append(_change_row(partition, fact))
        if isinstance(fact, SupplyOrderPlaced):
            self.orders.append(_order_row(partition, fact))
            return
        before = self._lines.get(fact.order_offset)
        reason = closed_ms = None
        expected_us = None if before is None else before.expected_us
        if isinstance(fact, SupplyOrderClosed):
            reason, closed_ms = fact.command.reason, fact.recorded_ms
        else:
            expected_us = fact.expected_us
        self._lines[fact.order_offset] = _Line(
            fact.quantity, expected_us, reason, closed_ms, fact.offset
        )

    def receive(self, partition: int, moved: Moved) -> None:
        """Count a receipt that names a line, or the reversal of one."""
        noted = moved.supply
        assert noted is not None
        self._touched[noted.order_offset] = moved.offset
        self.receipts.append(
            (
                partition,
                moved.offset,
                noted.order_offset,
                moved.recorded_ms,
                moved.occurred_us,
                moved.quantity_received,
                moved.scale,
                moved.sku,
                None if moved.reverses_offset < 0 else moved.reverses_offset,
            )
        )

    def order_updates(self, partition: int) -> list[Row]:
        """Rows for `UPDATE_ORDERS`."""
        return [
            (
                line.quantity,
                line.expected_us,
                OPEN if line.reason is None else CLOSED,
                line.reason,
                line.closed_ms,
                line.changed_offset,
                partition,
                offset,
            )
            for offset, line in self._lines.items()
        ]

    def received_updates(self, partition: int) -> list[Row]:
        """Rows for `UPDATE_RECEIVED`."""
        changed = {
            offset: max(last, self._lines[offset].changed_offset) if offset in self._lines else last
            for offset, last in self._touched.items()
        }
        return [(last, partition, offset) for offset, last in changed.items()]


def _order_row(partition: int, placed: SupplyOrderPlaced) -> Row:
    command = placed.command
    cost = None if command.unit_cost is None else quantities.cost(command.unit_cost)
    return (
        partition,
        placed.offset,
        placed.recorded_ms,
        placed.placed_us,
        placed.expected_us,
        placed.quantity,
        0,
        placed.scale,
        OPEN,
        placed.id,
        placed.sku,
        command.supplier,
        command.location,
        command.order,
        # The line was decided with it, so that it is well formed.
        cost[0] if isinstance(cost, tuple) else None,
        command.note,
        placed.actor,
        None,
        None,
        None,
        None,
        placed.offset,
    )


_KINDS: dict[type, str] = {
    SupplyOrderPlaced: "placed",
    SupplyOrderChanged: "changed",
    SupplyOrderClosed: "closed",
}


def _change_row(partition: int, fact: SupplyFact) -> Row:
    placed = isinstance(fact, SupplyOrderPlaced)
    return (
        partition,
        fact.offset,
        fact.offset if placed else fact.order_offset,  # type: ignore[union-attr]
        fact.recorded_ms,
        _KINDS[type(fact)],
        fact.id,
        fact.sku,
        fact.quantity,
        None if isinstance(fact, SupplyOrderClosed) else fact.expected_us,
        fact.command.reason if isinstance(fact, SupplyOrderClosed) else None,
        fact.actor,
        trail_text(fact.trail),
    )
