"""The whole audit: what there is to verify, partition by partition, and what concerns them all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ledger.config import Settings, open_snapshots
from ledger.errors import LedgerError, LogMisconfigured, LogUnavailable
from ledger.replay.reading import ends, is_damage
from ops.console import CommandError
from ops.existing_log import existing_log
from ops.findings import Finding, Findings
from ops.verify.codes import CODES, KEPT_MAX_DEFAULT
from ops.verify.empty import check_empty
from ops.verify.left_out import (
    SEAL,
    LeftOut,
    has_snapshots,
    has_views,
    levels_left_out,
    partitions_left_out,
    snapshots_left_out,
    views_left_out,
)
from ops.verify.levels import check_levels
from ops.verify.partition import PartitionReport, SealWatch, Sources, verify_partition
from ops.verify.report import Report
from ops.verify.strays import check_strays
from projections.database import Database

Progress = Callable[[int, int], None]


class Seals(Protocol):
    """Seals of one ledger, checked without the log; can be sent to another process."""

    def other_ledger(self, ledger_id: str, partitions: int) -> str | None:
        """A sentence if they are of another ledger or layout."""
        ...

    def watch(self, partition: int) -> SealWatch:
        """What follows the walk through a partition."""
        ...

    def document(self) -> dict[str, Any]:
        """What is said of them."""
        ...


@dataclass(frozen=True)
class Order:
    """What to hold against the log, and which partitions; None: all of them.

    `kept_max` findings of each code are kept.
    """

    views: bool = True
    snapshots: bool = True
    levels: bool = True
    partitions: Sequence[int] | None = None
    seal: Path | None = None
    public_keys: Sequence[Path] = ()
    kept_max: int = KEPT_MAX_DEFAULT


@dataclass
class Target:
    """What there is to verify: the partitions with their ends, when the audit began."""

    partitions: int
    ends: Mapping[int, int]
    seals: Seals | None = None
    notes: list[str] = field(default_factory=list)


async def look(settings: Settings, order: Order) -> Target:
    """What is to be done. Raises CommandError, LedgerError."""
    seals = None
    if order.seal is not None:
        from ops.seals.check import read_seals

        seals = read_seals(order.seal, order.public_keys)
    async with existing_log(settings) as log:
        wanted = range(log.partitions) if order.partitions is None else order.partitions
        for partition in wanted:
            if partition >= log.partitions:
                raise CommandError(f"there is no partition {partition}: it has {log.partitions}")
        return Target(log.partitions, await ends(log, wanted), seals)


async def verify_some(
    settings: Settings, order: Order, target: Target, partitions: Sequence[int], told: Progress
) -> list[PartitionReport]:
    """The reports of some partitions. `told` is given partition and offset now and then."""
    reports = []
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(existing_log(settings))
        database = await _database(stack, settings, order)
        damaged, notes, snapshots = await _snapshots(stack, settings, order)
        for partition in partitions:
            sources = Sources(
                log,
                database,
                snapshots,
                None if target.seals is None else target.seals.watch(partition),
                order.kept_max,
                lambda offset, partition=partition: told(partition, offset),  # type: ignore[misc]
            )
            report = await verify_partition(sources, partition)
            report.notes += notes
            where = f"snapshot of partition {partition}"
            report.findings.take(Finding("unreadable", where, text) for text in damaged)
            reports.append(report)
    return reports


async def _database(stack: AsyncExitStack, settings: Settings, order: Order) -> Database | None:
    if not order.views or not has_views(settings):
        return None
    database = Database(settings.views_url, read_only=True)
    stack.push_async_callback(database.close)
    await database.open()
    return database


async def _snapshots(
    stack: AsyncExitStack, settings: Settings, order: Order
) -> tuple[list[str], list[str], Any]:
    """The store if there is one; in front of it what is damaged, and why it is left out."""
    if not order.snapshots or not has_snapshots(settings):
        return [], [], None
    store = open_snapshots(settings, read_only=True)
    stack.push_async_callback(_close, store)
    try:
        await store.open()
    except LogMisconfigured as error:
        # They are a cache: a ledger may go without, and so may an audit.
        return [], [f"no snapshots are compared: {error}"], None
    except LogUnavailable as error:
        if not is_damage(error):
            raise
        return [str(error)], [], None
    return [], [], store


async def _close(store: Any) -> None:
    # What failed before is what matters.
    with suppress(LedgerError, OSError):
        await store.close()


async def verify_together(
    settings: Settings, order: Order, target: Target, reports: Sequence[PartitionReport]
) -> Report:
    """The report of all, with what can only be seen of all together."""
    report = Report(Findings(CODES, order.kept_max), sorted(reports, key=lambda one: one.partition))
    for one in report.partitions:
        report.findings.merge(one.findings)
    report.findings.take(_ledgers(report, target))
    if target.seals is not None:
        report.seal = target.seals.document()
    async with AsyncExitStack() as stack:
        database = await _database(stack, settings, order)
        if database is not None:
            report.findings.take(await check_strays(database, target.partitions))
            if order.levels:
                await _levels(settings, database, report)
    report.findings.take(await check_empty(settings, report.partitions, levels=order.levels))
    report.left_out += _left_out(settings, order, target, report)
    return report


async def _levels(settings: Settings, database: Database, report: Report) -> None:
    """Of partitions that are not empty: beside an empty one there is nothing to compare with."""
    filled = [one.partition for one in report.partitions if one.end]
    if not filled:
        return
    checked = await check_levels(settings, database, filled)
    report.findings.take(checked.findings)
    report.levels = checked.counts
    report.notes += checked.notes


def _left_out(
    settings: Settings, order: Order, target: Target, report: Report
) -> Iterator[LeftOut]:
    views = order.views and has_views(settings)
    yield from partitions_left_out(report.partitions, target.partitions)
    yield from views_left_out(settings, wanted=order.views)
    yield from snapshots_left_out(settings, report.partitions, wanted=order.snapshots)
    yield from levels_left_out(settings, wanted=order.levels, views=views)
    if target.seals is None:
        yield SEAL


def _ledgers(report: Report, target: Target) -> Iterator[Finding]:
    """All partitions, and the seal, are of one ledger."""
    first = report.ledger_id
    for one in report.partitions:
        where = f"{one.partition}:0"
        if one.end and one.ledger_id is None:
            yield Finding("other_ledger", where, "the partition does not begin with its opening")
        elif one.ledger_id not in (None, first):
            yield Finding("other_ledger", where, f"it is of ledger {one.ledger_id}, not {first}")
    if target.seals is not None:
        # Of an empty log nothing is known but that it is shorter, which is said of its partitions.
        own = first or (target.seals.document()["ledger_id"] if report.is_empty else "")
        text = target.seals.other_ledger(own, target.partitions)
        if text is not None:
            yield Finding("other_ledger", "seal", text)
