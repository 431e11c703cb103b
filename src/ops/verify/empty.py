"""Partitions that are empty: nothing of them can be verified, but what lies beside them may tell
that they were not always so."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ledger.config import Settings
from ledger.config.publishing import open_levels
from ledger.errors import LedgerError, LogMisconfigured
from ledger.log import EventLog
from ledger.replay.reading import ends
from ops.existing_log import existing_log
from ops.findings import Finding
from ops.verify.partition import PartitionReport

# The partition, and what tells that it was not always empty.
Trace = tuple[int, Finding]

_AHEAD: Final = "ahead_of_log"
# Enough to pass over what several instances wrote that opened a ledger at once.
_LOOKED_AT: Final = 100


async def check_empty(
    settings: Settings, reports: Sequence[PartitionReport], *, levels: bool
) -> list[Finding]:
    """What tells of records that the empty ones among these partitions once had.

    Views, snapshots and seals of a partition were held against it before; this is about the others
    and about levels. Raises what reading a log raises.
    """
    empty = [one.partition for one in reports if not one.end]
    if not empty:
        return []
    found = await _published(settings, empty) if levels else []
    async with existing_log(settings) as log:
        beside = await _begun(log, reports)
        if beside is not None:
            found += [(one, _gap(one, beside)) for one in empty]
        # Whoever opened the ledger meanwhile may have left all this by now.
        now = await ends(log, empty)
    return [one for partition, one in found if not now[partition]]


async def _begun(log: EventLog, reports: Sequence[PartitionReport]) -> int | None:
    """A partition that has more than its opening, perhaps one that was not to be verified."""
    for one in reports:
        if one.records > 1:
            return one.partition
    read = {one.partition for one in reports}
    for partition in range(log.partitions):
        if partition in read:
            continue
        part = await log.read(partition, 1, records_max=_LOOKED_AT)
        if any(record.counts for record in part.records):
            return partition
    return None


def _gap(partition: int, beside: int) -> Finding:
    """A ledger is opened in all of its partitions before anything else is recorded."""
    text = (
        f"the partition is empty; its ledger was opened in all of them before the records of "
        f"partition {beside} were written"
    )
    return Finding("gap", f"{partition}:0", text)


async def _published(settings: Settings, empty: Sequence[int]) -> list[Trace]:
    topic = open_levels(settings, read_only=True)
    if topic is None:
        return []
    # Only here the publisher's code is needed.
    from projections.publishers.level_topic import read_topic

    found: list[Trace] = []
    # Where there is no such topic nothing was published.
    with suppress(LogMisconfigured):
        try:
            await topic.open()
            for partition in empty:
                reached = (await read_topic(topic, partition)).reached
                if reached:
                    text = f"levels are published up to offset {reached - 1}, the log ends at 0"
                    found.append((partition, Finding(_AHEAD, f"levels {partition}", text)))
        finally:
            with suppress(LedgerError, OSError):
                await topic.close()
    return found
