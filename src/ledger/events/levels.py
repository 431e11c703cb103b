"""Which level of events a log must have been raised to before a command may be carried out.

Older instances stop at what they cannot read. So what came later is not only refused as an event:
nothing of it, not even its refusal, is recorded before all of them are gone.
"""

from collections.abc import Iterable
from functools import lru_cache

from ledger.domain.decider import PLAIN
from ledger.domain.facts import Command, RaiseLevel, Resolved
from ledger.domain.items import DefineItem
from ledger.domain.movements import Receipt
from ledger.events import envelope as shape


def level_needed(command: Command, type_levels: dict[str, int]) -> int:
    """The level of everything that the command could lead to. `type_levels` are those of events."""
    asked = command.command if isinstance(command, Resolved) else command
    if isinstance(asked, RaiseLevel):
        return 1
    level = type_levels.get(event_type_of(type(asked)), 1)
    later = (isinstance(asked, Receipt) and asked.supply_order is not None) or (
        isinstance(asked, DefineItem) and asked.item.has_supply_terms
    )
    return max(level, shape.SUPPLY_LEVEL) if later else level


@lru_cache(maxsize=64)
def event_type_of(kind: type) -> str:
    """The type of event that commands of a class lead to; not for RaiseLevel."""
    if kind in shape.SUPPLY_TYPES:
        return shape.SUPPLY_TYPES[kind]
    if kind is DefineItem:
        return shape.ITEM_DEFINED
    return f"stock.{kind.__struct_config__.tag}.v1"  # type: ignore[attr-defined]


# Movements that were there from the first level on, whatever is in them.
_FIRST = frozenset(
    kind for kind in PLAIN if kind is not Receipt and shape.TYPE_LEVELS[event_type_of(kind)] == 1
)


def level_of_all(commands: Iterable[Command]) -> int:
    """The level of everything that any of them could lead to; hardly anything for a movement."""
    others = [
        one
        for one in commands
        if type(one) not in _FIRST and (type(one) is not Receipt or one.supply_order is not None)
    ]
    return max((level_needed(one, shape.TYPE_LEVELS) for one in others), default=1)
