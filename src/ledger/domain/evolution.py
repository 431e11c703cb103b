"""evolve: what a fact does to the state, and how to take it back when its batch was void."""

from ledger.domain.facts import Fact, LevelRaised, Moved, Opened, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.stock import PartitionState, SkuState

Undo = tuple[object, ...]


def evolve(state: PartitionState, fact: Fact) -> Undo:
    """Apply a fact to the state in place; the answer undoes it (`undo`). Cannot fail."""
    kind = type(fact)
    if kind is Moved:
        return evolve_moved(state, fact)  # type: ignore[arg-type]
    state.offset = fact.offset + 1
    undo: Undo = (None, fact, state.level, state.recorded_ms)
    if kind is ItemDefined:
        before = state.skus.get(fact.sku)  # type: ignore[union-attr]
        undo = (None, fact, state.level, state.recorded_ms, before)
        _describe(state, before, fact)  # type: ignore[arg-type]
        state.ids[fact.id] = fact.offset  # type: ignore[union-attr]
    elif kind is Refused:
        state.ids[fact.id] = fact.offset  # type: ignore[union-attr]
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
        before.levels, before.quantity, before.value, fact.item.scale, fact.item, before.moved
    )


def evolve_moved(  # noqa: C901 - on the path of every movement
    state: PartitionState, fact: Moved
) -> Undo:
    """Apply a movement; what `evolve` does for this kind of fact, without the choice."""
    state.offset = fact.offset + 1
    sku = state.skus.get(fact.sku)
    created = sku is None
    if sku is None:
        sku = state.skus[fact.sku] = SkuState({}, scale=fact.scale)
    undo = (sku, fact, sku.quantity, sku.value, sku.moved, created, state.recorded_ms)
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
    sku.moved = True
    if fact.reverses_offset >= 0:
        state.reversed[fact.reverses_offset] = fact.offset
    if fact.original_offset >= 0:
        state.come_back(fact.original_offset, fact.quantity_back)
    state.ids[fact.id] = fact.offset
    state.recorded_ms = fact.recorded_ms
    return undo


def undo(state: PartitionState, token: Undo) -> None:
    """Take back the newest fact that `evolve` applied."""
    sku, fact = token[0], token[1]
    state.offset = fact.offset  # type: ignore[attr-defined]
    if isinstance(sku, SkuState) and isinstance(fact, Moved):
        _undo_moved(state, sku, fact, token)
        return
    state.level, state.recorded_ms = token[2], token[3]  # type: ignore[assignment]
    if isinstance(fact, ItemDefined):
        del state.ids[fact.id]
        before = token[4]
        if isinstance(before, SkuState):
            state.skus[fact.sku] = before
        else:
            del state.skus[fact.sku]
    elif isinstance(fact, Refused):
        del state.ids[fact.id]


def _undo_moved(state: PartitionState, sku: SkuState, fact: Moved, token: Undo) -> None:
    del state.ids[fact.id]
    if fact.reverses_offset >= 0:
        del state.reversed[fact.reverses_offset]
    if fact.original_offset >= 0:
        state.come_back(fact.original_offset, -fact.quantity_back)
    _, _, sku.quantity, sku.value, sku.moved, created, state.recorded_ms = token  # type: ignore[assignment]
    if created:
        del state.skus[fact.sku]
        return
    _restore(sku.levels, fact.source, fact.source_after + fact.quantity)
    _restore(sku.levels, fact.target, fact.target_after - fact.quantity)


def _restore(levels: dict[str, int], account: str, quantity: int) -> None:
    if account[0] == "@":
        return
    if quantity:
        levels[account] = quantity
    else:
        levels.pop(account, None)
