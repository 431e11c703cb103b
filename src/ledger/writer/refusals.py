"""What is written and answered where a command is refused."""

from ledger.domain.context import Context
from ledger.domain.facts import Command, RaiseLevel, Refused, Resolved
from ledger.domain.items import DefineItem, normalise_item
from ledger.domain.movements import MovementCommand, Reversal, normalise
from ledger.domain.rejections import Rejected
from ledger.domain.supply import (
    SUPPLY_COMMANDS,
    CloseSupplyOrder,
    SupplyCommand,
    normalise_supply,
)
from ledger.events import envelope
from ledger.events.codec import command_type, fingerprint
from ledger.events.levels import event_type_of


def level_too_low(level: int) -> Rejected:
    """The refusal of what may not be written before the log is raised."""
    return Rejected("level_too_low", f"the log is at level {level}; its operator raises it")


def refusal(offset: int, command: Command, rejected: Rejected, context: Context) -> Refused:
    """The record of a refusal: what was asked for, why not, and the fingerprint of the command."""
    asked = command.command if type(command) is Resolved else command
    if type(asked) is DefineItem or type(asked) is RaiseLevel:
        return Refused(
            offset,
            asked.id,
            asked.sku,
            envelope.ITEM_DEFINED if type(asked) is DefineItem else envelope.LEVEL_RAISED,
            fingerprint(normalise_item(asked)) if type(asked) is DefineItem else "",
            rejected.code,
            rejected.detail,
            rejected.numbers,
            context.recorded_ms,
            actor=context.actor,
            trail=context.trail,
        )
    if isinstance(asked, SUPPLY_COMMANDS):
        return _refused_supply(offset, asked, rejected, context)
    normalise(asked)  # type: ignore[arg-type]
    return Refused(
        offset,
        asked.id or "",
        asked.sku,
        command_type(asked),  # type: ignore[arg-type]
        fingerprint(asked),  # type: ignore[arg-type]
        rejected.code,
        rejected.detail,
        rejected.numbers,
        context.recorded_ms,
        _asked_quantity(asked),  # type: ignore[arg-type]
        getattr(asked, "location", getattr(asked, "from_location", None)),
        context.actor,
        context.trail,
    )


def _refused_supply(
    offset: int, asked: SupplyCommand, rejected: Rejected, context: Context
) -> Refused:
    normalise_supply(asked)
    quantity = None if isinstance(asked, CloseSupplyOrder) else asked.quantity
    return Refused(
        offset,
        asked.id or "",
        asked.sku,
        event_type_of(type(asked)),
        fingerprint(asked),
        rejected.code,
        rejected.detail,
        rejected.numbers,
        context.recorded_ms,
        None if quantity is None else str(quantity),
        getattr(asked, "location", None),
        context.actor,
        context.trail,
    )


def _asked_quantity(command: MovementCommand | Reversal) -> str | None:
    return None if type(command) is Reversal else str(command.quantity)  # type: ignore[union-attr]
