"""Lines of supply orders as the rows of their view, kept as the log goes on."""

from typing import Any

from ledger.domain.facts import Moved
from ledger.domain.supply import SupplyFact, SupplyOrderClosed, SupplyOrderPlaced
from projections.statements import column_names
from projections.supply_tables import supply_orders
from projections.views.supply import CLOSED, SupplyChanges

_COLUMNS = column_names(supply_orders)


class OrderRows:
    """The rows of one partition, by the offset of their placing."""

    def __init__(self, partition: int) -> None:
        """None yet."""
        self._partition = partition
        self.rows: dict[int, dict[str, Any]] = {}
        # Of each line the receipts that stand: their offset, and when they occurred.
        self._standing: dict[int, dict[int, int]] = {}

    def add(self, fact: SupplyFact) -> None:
        """A line was placed, changed or closed."""
        if isinstance(fact, SupplyOrderPlaced):
            made = SupplyChanges()
            made.add(self._partition, fact)
            self.rows[fact.offset] = dict(zip(_COLUMNS, made.orders[0], strict=True))
            return
        row = self.rows[fact.order_offset]
        row.update(quantity=fact.quantity, changed_offset=fact.offset)
        if isinstance(fact, SupplyOrderClosed):
            row.update(state=CLOSED, close_reason=fact.command.reason, closed_ms=fact.recorded_ms)
        else:
            row["expected_us"] = fact.expected_us

    def receive(self, moved: Moved) -> None:
        """A receipt that names a line, or the reversal of one."""
        noted = moved.supply
        assert noted is not None
        row = self.rows[noted.order_offset]
        standing = self._standing.setdefault(noted.order_offset, {})
        if moved.reverses_offset >= 0:
            standing.pop(moved.reverses_offset, None)
        else:
            standing[moved.offset] = moved.occurred_us
        row.update(
            received=row["received"] + moved.quantity_received,
            changed_offset=moved.offset,
            first_received_us=min(standing.values(), default=None),
            last_received_us=max(standing.values(), default=None),
        )

    def tuples(self) -> dict[tuple[object, ...], tuple[object, ...]]:
        """Every row in the order of the table's columns, by its key."""
        return {
            (self._partition, offset): tuple(row[name] for name in _COLUMNS)
            for offset, row in self.rows.items()
        }
