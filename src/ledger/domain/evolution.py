"""evolve: what a fact does to the state, and how to take it back when its batch was void."""

from ledger.domain.facts import Fact, LevelRaised, Moved, Opened, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.stock import PartitionState, SkuState
from ledger.domain.supply import SUPPLY_FACTS
from ledger.domain.supply_evolution import count_received, evolve_supply, undo_supply

# What `undo` cannot tell from the fact: for a movement of a SKU that had moved before, only when
# the record in front of it was made.
Undo = int | tuple[object, ...]


def evolve(state: PartitionState, fact: Fact) -> Undo:
    """Apply a fact to the state in place; `undo` wants the answer. Cannot fail."""
    kind = type(fact)
    if kind is Moved:
        return evolve_moved(state, fact)  # type: ignore[arg-type]
    state.offset = fact.offset + 1
    undo: Undo = (state.recorded_ms, state.level)
    if kind is ItemDefined:
        before = state.skus.get(fact.sku)  # type: ignore[union-attr]
        undo = (state.recorded_ms, state.level, before)
        _describe(state, before, fact)  # type: ignore[arg-type]
        state.ids[fact.id] = fact.offset  # type: ignore[union-attr]
    elif kind is Refused:
        state.ids[fact.id] = fact.offset  # type: ignore[union-attr]
    elif isinstance(fact, SUPPLY_FACTS):
        undo = (state.recorded_ms, state.level, evolve_supply(state, fact))
        state.ids[fact.id] = fact.offset
    elif kind is LevelRaised:
        state.level = fact.level  # type: ignore[union-attr]
    elif kind is Opened:
        state.ledger_id = fact.ledger_id  # type: ignore[union-attr]
        state.level = fact.format  # type: ignore[union-attr]
    state.recorded_ms = fact.recorded_ms
    return undo


def _describe(state: PartitionState, before: SkuState | None, fact: ItemDefined) -> None:
    if before is None:
        state.skus[fact.sku] = SkuState({}, scale=fact.item.scale, item=fact.item)
        return
    # A copy, so that undoing puts the old object back untouched. `levels` is shared on purpose.
    state.skus[fact.sku] = SkuState(
        before.levels,
        before.quantity,
        before.value,
        fact.item.scale,
        fact.item,
        before.moved,
        before.supply,
    )


def evolve_moved(  # noqa: C901 - on the path of every movement
    state: PartitionState, fact: Moved
) -> Undo:
    """Apply a movement; what `evolve` does for this kind of fact, without the choice."""
    state.offset = fact.offset + 1
    sku = state.skus.get(fact.sku)
    undo: Undo = state.recorded_ms
    if sku is None:
        undo = (undo, True)
        sku = state.skus[fact.sku] = SkuState({}, scale=fact.scale, moved=True)
    elif not sku.moved:
        undo = (undo, False)
        sku.moved = True
    levels = sku.levels
    source, target = fact.source, fact.target
    if source[0] != "@":
        if fact.source_after:
            levels[source] = fact.source_after
        else:
            levels.pop(source, None)
        if target[0] == "@":
            sku.quantity -= fact.quantity
            sku.value -= fact.value
    elif target[0] != "@":
        sku.quantity += fact.quantity
        sku.value += fact.value
    if target[0] != "@":
        levels[target] = fact.target_after
    if fact.reverses_offset >= 0:
        state.reversed[fact.reverses_offset] = fact.offset
    if fact.original_offset >= 0:
        state.come_back(fact.original_offset, fact.quantity_back)
    if fact.supply is not None:
        count_received(sku, fact.supply, fact.quantity_received)
    state.ids[fact.id] = fact.offset
    state.recorded_ms = fact.recorded_ms
    return undo


def undo(state: PartitionState, fact: Fact, token: Undo) -> None:
    """Take back the newest fact that `evolve` applied; `token` is what it answered."""
    state.offset = fact.offset
    if isinstance(fact, Moved):
        _undo_moved(state, fact, token)
        return
    assert isinstance(token, tuple)
    state.recorded_ms, state.level, *rest = token  # type: ignore[assignment]
    if isinstance(fact, ItemDefined):
        del state.ids[fact.id]
        (before,) = rest
        if isinstance(before, SkuState):
            # Of all that the two share only this may have been made anew meanwhile.
            before.supply = state.skus[fact.sku].supply
            state.skus[fact.sku] = before
        else:
            del state.skus[fact.sku]
    elif isinstance(fact, SUPPLY_FACTS):
        del state.ids[fact.id]
        undo_supply(state, fact, rest[0])  # type: ignore[arg-type]
    elif isinstance(fact, Refused):
        del state.ids[fact.id]


def _undo_moved(  # noqa: C901 - as evolve_moved
    state: PartitionState, fact: Moved, token: Undo
) -> None:
    del state.ids[fact.id]
    if fact.reverses_offset >= 0:
        del state.reversed[fact.reverses_offset]
    if fact.original_offset >= 0:
        state.come_back(fact.original_offset, -fact.quantity_back)
    sku = state.skus[fact.sku]
    if fact.supply is not None:
        count_received(sku, fact.supply, -fact.quantity_received)
    if isinstance(token, tuple):
        sku.moved = False
        token, created = token  # type: ignore[assignment]
        if created:
            del state.skus[fact.sku]
    state.recorded_ms = token  # type: ignore[assignment]
    if fact.source[0] == "@":
        if fact.target[0] != "@":
            sku.quantity -= fact.quantity
            sku.value -= fact.value
    elif fact.target[0] == "@":
        sku.quantity += fact.quantity
        sku.value += fact.value
    _restore(sku.levels, fact.source, fact.source_after + fact.quantity)
    _restore(sku.levels, fact.target, fact.target_after - fact.quantity)


def _restore(levels: dict[str, int], account: str, quantity: int) -> None:
    if account[0] == "@":
        return
    if quantity:
        levels[account] = quantity
    else:
        levels.pop(account, None)
