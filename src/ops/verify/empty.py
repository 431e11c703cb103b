"""Partitions that are empty: nothing of them can be verified, but what lies beside them may tell
that they were not always so."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from ledger.config import Settings
from ledger.config.publishing import open_levels
from ledger.errors import LedgerError, LogMisconfigured
from ledger.replay.reading import ends
from ops.existing_log import existing_log
from ops.findings import Finding
from ops.verify.partition import PartitionReport

# The partition, and what tells that it was not always empty.
Trace = tuple[int, Finding]

_AHEAD: Final = "ahead_of_log"


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
    found: list[Trace] = [*_opened_beside(reports, empty)]
    if levels:
        found += await _published(settings, empty)
    if not found:
        return []
    # Whoever opened the ledger meanwhile may have left all this by now.
    async with existing_log(settings) as log:
        now = await ends(log, empty)
    return [one for partition, one in found if not now[partition]]


def _opened_beside(reports: Sequence[PartitionReport], empty: Sequence[int]) -> Iterator[Trace]:
    """A ledger is opened in all of its partitions before anything else is recorded."""
    beside = next((one for one in reports if one.records > 1), None)
    if beside is None:
        return
    text = (
        f"the partition is empty; its ledger was opened in all of them before the records of "
        f"partition {beside.partition} were written"
    )
    for partition in empty:
        yield partition, Finding("gap", f"{partition}:0", text)


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
