"""Questions about a partition that its owner answers from what it knows now."""

from ledger.domain.context import Context
from ledger.domain.decider import decide
from ledger.domain.facts import Command, Fact, Moved, Resolved
from ledger.domain.items import ItemDefined
from ledger.domain.rejections import Rejected
from ledger.domain.supply import SUPPLY_FACTS, SupplyFact
from ledger.errors import LedgerError
from ledger.events.levels import level_needed
from ledger.writer.batch import needs_original, original_name
from ledger.writer.options import Options
from ledger.writer.outcomes import Replayed
from ledger.writer.partition import PartitionWriter
from ledger.writer.refusals import level_too_low
from ledger.writer.replies import key_reused, same

Preview = Moved | ItemDefined | SupplyFact | Rejected | Replayed
PREVIEWS = (Moved, ItemDefined, *SUPPLY_FACTS, Rejected, Replayed)


class StateUnknown(LedgerError):
    """This instance does not know the newest state of the stock at the moment; try again."""


def knows(writer: PartitionWriter) -> bool:
    """Whether the writer has read its partition and goes on doing so."""
    return writer.failure is None and writer.recovered.is_set()


async def preview(
    writer: PartitionWriter, command: Command, actor: str | None, options: Options
) -> Preview:
    """What would become of a command on the state as the writer knows it now.

    Raises StateUnknown while the partition recovers and once it is stopped, LogUnavailable.
    """
    if not knows(writer):
        raise StateUnknown
    fact: Fact | None = await writer.find(command.id or "")
    if fact is not None:
        if same(command, fact):  # type: ignore[arg-type]
            return Replayed(fact)  # type: ignore[arg-type]
        return key_reused(command)
    if level_needed(command, options.type_levels) > writer.state.level:
        return level_too_low(writer.state.level)
    if needs_original(command):
        original = await writer.find(original_name(command))
        command = Resolved(command, original if type(original) is Moved else None)  # type: ignore[arg-type]
    if not knows(writer):
        # It was stopped meanwhile.
        raise StateUnknown
    now_ms = max(options.clock_ms(), writer.state.recorded_ms)
    return decide(writer.state, command, Context(options.rules, now_ms, actor))  # type: ignore[return-value]
