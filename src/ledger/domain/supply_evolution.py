"""Supply orders: what their facts do to the state of a SKU, and how that is taken back."""

from ledger.domain.stock import PartitionState, SkuState
from ledger.domain.supply import (
    OpenOrder,
    OrderReceived,
    SupplyFact,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)

# What is put back when a fact is undone: the SKU was new, or the line as it was.
Before = bool | OpenOrder | None


def evolve_supply(state: PartitionState, fact: SupplyFact) -> Before:
    """Apply a fact about a line to its SKU. Cannot fail."""
    sku = state.skus.get(fact.sku)
    if isinstance(fact, SupplyOrderPlaced):
        created = sku is None
        if sku is None:
            sku = state.skus[fact.sku] = SkuState({}, scale=fact.scale)
        order = OpenOrder(fact.offset, fact.quantity, 0, fact.placed_us, fact.expected_us)
        _put(sku, fact.id, order)
        return created
    assert sku is not None
    name = fact.command.supply_order
    before = (sku.supply or {})[name]
    if isinstance(fact, SupplyOrderClosed):
        _put(sku, name, None)
    else:
        after = OpenOrder(
            before.offset, fact.quantity, before.received, before.placed_us, fact.expected_us
        )
        _put(sku, name, after)
    return before


def undo_supply(state: PartitionState, fact: SupplyFact, before: Before) -> None:
    """Take back the newest fact about a line."""
    sku = state.skus[fact.sku]
    if not isinstance(fact, SupplyOrderPlaced):
        assert isinstance(before, OpenOrder)
        _put(sku, fact.command.supply_order, before)
        return
    _put(sku, fact.id, None)
    if before is True:
        del state.skus[fact.sku]


def count_received(sku: SkuState, noted: OrderReceived, quantity: int) -> None:
    """So much came of a line, or went back where negative. Nothing is kept of a closed one."""
    if not noted.open:
        return
    before = (sku.supply or {})[noted.id]
    received = before.received + quantity
    after = OpenOrder(before.offset, before.ordered, received, before.placed_us, before.expected_us)
    _put(sku, noted.id, after)


def _put(sku: SkuState, name: str, order: OpenOrder | None) -> None:
    """The line is so from now on; None: it is not open any more."""
    supply = {} if sku.supply is None else sku.supply
    if order is None:
        del supply[name]
    else:
        supply[name] = order
    # Most SKUs have no open line most of the time.
    sku.supply = supply or None
