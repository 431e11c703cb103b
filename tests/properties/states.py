"""Pictures of a state, and states that are the same but for the order of their dictionaries."""

from typing import Any

from ledger.domain.stock import PartitionState, SkuState


def picture(state: PartitionState) -> dict[str, Any]:
    """Everything in a state, comparable and independent of it."""
    return {
        "skus": {
            name: (
                dict(sku.levels),
                sku.quantity,
                sku.value,
                sku.scale,
                sku.item,
                sku.moved,
                None if sku.supply is None else dict(sku.supply),
            )
            for name, sku in state.skus.items()
        },
        "ids": dict(state.ids),
        "reversed": dict(state.reversed),
        "returned": dict(state.returned),
        "rest": (state.offset, state.recorded_ms, state.level, state.ledger_id),
    }


def shuffled(state: PartitionState) -> PartitionState:
    """The same state with every dictionary in the opposite order."""
    other = PartitionState()
    for name, sku in reversed(state.skus.items()):
        levels = dict(reversed(sku.levels.items()))
        supply = None if sku.supply is None else dict(reversed(sku.supply.items()))
        other.skus[name] = SkuState(
            levels, sku.quantity, sku.value, sku.scale, sku.item, sku.moved, supply
        )
    other.ids = dict(reversed(state.ids.items()))
    other.reversed = dict(reversed(state.reversed.items()))
    other.returned = dict(reversed(state.returned.items()))
    other.offset, other.recorded_ms = state.offset, state.recorded_ms
    other.level, other.ledger_id = state.level, state.ledger_id
    return other
