"""What a run of records of one partition does to the views: rows, ready to be written."""

from collections.abc import Callable

from ledger.domain.facts import Fact, Moved, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.supply import SUPPLY_FACTS
from ledger.events.decoding import CommandBytes
from ledger.log import Record
from projections.checkpoints import Advance, Checkpoint
from projections.views.items import definition_row, item_row
from projections.views.movement_rows import refusal_row
from projections.views.stock import StockChanges
from projections.views.supply import SupplyChanges
from projections.views.voids import void_row

Row = tuple[object, ...]
# A row in the form that the store writes fastest.
MovementRow = Callable[[int, Moved, CommandBytes], Row | bytes]


class Changes:
    """Grows by one fact after the other. `before` and `after` say from where to where it leads.

    `records` counts the records read, void ones included.
    """

    __slots__ = (
        "_movement_row",
        "after",
        "before",
        "definitions",
        "items",
        "movements",
        "partition",
        "records",
        "refusals",
        "reversals",
        "stock",
        "supply",
        "voids",
    )

    def __init__(self, partition: int, before: Checkpoint, movement_row: MovementRow) -> None:
        """Nothing read yet beyond `before`."""
        self._movement_row = movement_row
        self.partition = partition
        self.before = before
        self.after = before
        self.records = 0
        self.movements: list[Row | bytes] = []
        self.refusals: list[Row] = []
        self.voids: list[Row] = []
        self.definitions: list[Row] = []
        # The last description of each SKU.
        self.items: dict[str, Row] = {}
        # Offset of a reversal, partition, offset of the movement it undoes.
        self.reversals: list[tuple[int, int, int]] = []
        self.stock = StockChanges()
        self.supply = SupplyChanges()

    def add_void(self, record: Record) -> None:
        """Take in a record that does not count."""
        self.voids.append(void_row(self.partition, record))

    @property
    def advance(self) -> Advance:
        """The step that is saved together with the rows."""
        return Advance(self.partition, self.before, self.after)

    def add(self, fact: Fact, command: CommandBytes) -> None:
        """Take in one fact, and the command of a movement as the log has it.

        Facts about the ledger itself show in no view.
        """
        partition = self.partition
        if type(fact) is Moved:
            self.movements.append(self._movement_row(partition, fact, command))
            self.stock.add(fact)
            if fact.reverses_offset >= 0:
                self.reversals.append((fact.offset, partition, fact.reverses_offset))
            if fact.supply is not None:
                self.supply.receive(partition, fact)
        elif type(fact) is Refused:
            self.refusals.append(refusal_row(partition, fact))
        elif type(fact) is ItemDefined:
            self.definitions.append(definition_row(partition, fact))
            self.items[fact.sku] = item_row(partition, fact)
        elif isinstance(fact, SUPPLY_FACTS):
            self.supply.add(partition, fact)
