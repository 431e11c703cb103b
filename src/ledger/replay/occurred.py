"""What had occurred by an instant: the same sums as a state, over movements in any order.

`evolve` takes balances as the record states them, which hold in the order of recording. A movement
that was recorded late belongs before others that were recorded earlier, so here quantities and
values are summed. A stock key may be negative on the way: it was picked before anybody said that
it had come.
"""

from ledger.domain.facts import Fact, LevelRaised, Moved, Opened
from ledger.domain.items import ItemDefined
from ledger.domain.stock import PartitionState, SkuState
from ledger.domain.supply import (
    OpenOrder,
    OrderReceived,
    SupplyOrderChanged,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)


class OccurredFold:
    """Sums what occurred at `occurred_us_max` (microseconds since 1970) or before.

    A supply order occurs when it is placed. What has no time of its own (descriptions of items,
    changes and the end of supply orders) occurs when it is recorded. Given everything, `state` is
    what `evolve` gives, but for ids and what was undone. `first_us` is when the first thing of all
    that was recorded occurred, None if there was none.
    """

    __slots__ = ("first_us", "occurred_us_max", "state")

    def __init__(self, occurred_us_max: int) -> None:
        """Nothing has occurred yet."""
        self.state = PartitionState()
        self.occurred_us_max = occurred_us_max
        self.first_us: int | None = None

    def __call__(self, fact: Fact) -> None:
        """Take the next fact, if it had occurred by then."""
        occurred_us = occurred(fact)
        if self.first_us is None or occurred_us < self.first_us:
            self.first_us = occurred_us
        if occurred_us > self.occurred_us_max:
            return
        if type(fact) is Moved:
            self._move(fact)
        elif type(fact) is ItemDefined:
            sku = self._sku(fact.sku, fact.item.scale)
            sku.item, sku.scale = fact.item, fact.item.scale
        elif isinstance(fact, SupplyOrderPlaced | SupplyOrderChanged | SupplyOrderClosed):
            self._order(fact)
        elif type(fact) is Opened:
            self.state.ledger_id, self.state.level = fact.ledger_id, fact.format
        elif type(fact) is LevelRaised:
            self.state.level = fact.level
        self.state.recorded_ms = max(self.state.recorded_ms, fact.recorded_ms)

    def reach(self, position: int) -> None:
        """All records before `position` were given."""
        self.state.offset = position

    def _sku(self, name: str, scale: int) -> SkuState:
        sku = self.state.skus.get(name)
        if sku is None:
            sku = self.state.skus[name] = SkuState({}, scale=scale)
        return sku

    def _move(self, fact: Moved) -> None:
        sku = self._sku(fact.sku, fact.scale)
        # Once anything has moved the scale is fixed, whatever the item said before.
        sku.moved, sku.scale = True, fact.scale
        _add(sku.levels, fact.source, -fact.quantity)
        _add(sku.levels, fact.target, fact.quantity)
        entered, quantity, value = crossing(fact)
        if entered:
            sku.quantity += quantity
            sku.value += value
        if fact.supply is not None:
            _receive(sku, fact.supply, fact.quantity_received)

    def _order(self, fact: SupplyOrderPlaced | SupplyOrderChanged | SupplyOrderClosed) -> None:
        sku = self._sku(fact.sku, fact.scale)
        lines = sku.supply or {}
        if isinstance(fact, SupplyOrderPlaced):
            lines[fact.id] = OpenOrder(
                fact.offset, fact.quantity, 0, fact.placed_us, fact.expected_us
            )
        elif (line := lines.pop(fact.command.supply_order, None)) is not None and isinstance(
            fact, SupplyOrderChanged
        ):
            lines[fact.command.supply_order] = OpenOrder(
                line.offset, fact.quantity, line.received, line.placed_us, fact.expected_us
            )
        sku.supply = lines or None


def occurred(fact: Fact) -> int:
    """When a fact occurred, in microseconds since 1970."""
    if type(fact) is Moved:
        return fact.occurred_us
    if type(fact) is SupplyOrderPlaced:
        return fact.placed_us
    return fact.recorded_ms * 1000


def crossing(fact: Moved) -> tuple[int, int, int]:
    """Whether a movement leads into stock (1), out of it (-1) or neither (0), and what it adds to
    the quantity and the value of its SKU."""
    source_virtual, target_virtual = fact.source[0] == "@", fact.target[0] == "@"
    if source_virtual == target_virtual:
        return 0, 0, 0
    sign = 1 if source_virtual else -1
    return sign, sign * fact.quantity, sign * fact.value


def _add(levels: dict[str, int], account: str, quantity: int) -> None:
    if account[0] == "@":
        return
    held = levels.get(account, 0) + quantity
    if held:
        levels[account] = held
    else:
        levels.pop(account, None)


def _receive(sku: SkuState, noted: OrderReceived, quantity: int) -> None:
    """Count what came of a line, unless it was not placed, or was closed, by then."""
    line = None if sku.supply is None else sku.supply.get(noted.id)
    if line is None or sku.supply is None or not noted.open:
        return
    sku.supply[noted.id] = OpenOrder(
        line.offset, line.ordered, line.received + quantity, line.placed_us, line.expected_us
    )
