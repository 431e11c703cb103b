"""Who holds which partition in the end, and whether every way to its state leads to the same."""

import random
from collections.abc import Iterator, Mapping, Sequence

from ledger.domain.stock import PartitionState, SkuState, split_key
from ledger.errors import LedgerError
from ledger.log import EventLog
from ledger.writer.pace import Pace
from ledger.writer.recovery import recover
from tests.simulation.auditor import Audit
from tests.simulation.faulty_log import FaultySnapshots
from tests.simulation.group import SimulatedGroup
from tests.simulation.instance import WINDOW_IDS, Instance


def problems_of_holders(
    instances: Sequence[Instance],
    owners: Sequence[SimulatedGroup | None] | None,
    audits: Sequence[Audit],
) -> Iterator[str]:
    """Every partition has one owner, the one that the group wants, and it knows everything."""
    for audit in audits:
        partition = audit.partition
        holders = [one for one in instances if partition in one.ledger._desks.held]
        claims = [one for one in audit.by_offset.values() if one["type"] == _CLAIMED]
        if len(holders) != 1:
            yield f"partition {partition} has {len(holders)} owners in the quiet"
        for holder in holders:
            if owners is not None and owners[partition] is not holder.member:
                yield f"partition {partition} is held by {holder.url}, against the group"
            if claims and claims[-1]["data"]["url"] != holder.url and owners is not None:
                yield f"partition {partition} is held by {holder.url}, which has not claimed it"
            writer = holder.ledger._desks.writers.get(partition)
            if writer is None:
                yield f"partition {partition} is held by {holder.url}, which has no writer for it"
            else:
                yield from _differences(f"{holder.url} holds", audit, writer.state)


async def problems_of_recovery(
    log: EventLog, store: FaultySnapshots, audits: Sequence[Audit]
) -> list[str]:
    """Replay, and snapshot and tail, give the state that the model has."""
    problems: list[str] = []
    empty = FaultySnapshots(random.Random(0))
    for audit in audits:
        for name, some in (("replay gives", empty), ("recovery gives", store)):
            try:
                recovered = await recover(
                    audit.partition, log, some, window_ids=WINDOW_IDS // len(audits), pace=Pace()
                )
            except LedgerError as error:
                problems.append(f"partition {audit.partition}: {name} {type(error).__name__}")
            else:
                problems += _differences(name, audit, recovered.state)
    return problems


_CLAIMED = "stock.writer_claimed.v1"


def _differences(who: str, audit: Audit, state: PartitionState) -> Iterator[str]:
    """Where a state is not what the model says."""
    skus: Mapping[str, SkuState] = state.skus
    for name, stock in audit.stock.items():
        held = skus.get(name) or SkuState({})
        unit = 10**stock.scale
        says = {split_key(key): amount for key, amount in held.levels.items() if amount}
        model = {key: int(amount * unit) for key, amount in stock.levels.items() if amount}
        quantity, value = sum(model.values()), int(stock.value * 10**6)
        if (says, held.quantity, held.value) != (model, quantity, value):
            yield f"{name}: {who} {says} of value {held.value}, the log {model} of value {value}"
        lines = {
            key: (one.offset, one.ordered, one.received) for key, one in (held.supply or {}).items()
        }
        known = stock.supply.scaled(stock.scale)
        if lines != known:
            yield f"{name}: {who} the supply orders {lines}, the log {known}"
    if state.reversed != audit.reversed:
        yield f"partition {audit.partition}: {who} other reversals than the log"
    for identity, offset in state.ids.items():
        if identity in audit.by_id and audit.by_id[identity][0] != offset:
            yield f"{identity}: {who} it at {offset}, the log at {audit.by_id[identity][0]}"
