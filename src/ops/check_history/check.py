"""All checks on one log, in order. Time and memory grow with the operations and the ids."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from ledger.log import EventLog
from ledger.replay.reading import ends, read_records
from ops.check_history import checks_ids, checks_order
from ops.check_history.checks_state import Snapshot, Stop, ViewRows, check_view, snapshot_stops
from ops.check_history.findings import CODES
from ops.check_history.fold import PartitionFold
from ops.check_history.history import History
from ops.check_history.walk import Walk
from ops.findings import Finding, Findings

KEPT_MAX_DEFAULT = 20


@dataclass
class Stored:
    """What was stored of the state: views and snapshots. Read before the log is."""

    views: list[ViewRows] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)

    def stops(self, partition: int) -> Iterator[Stop]:
        """Where it is compared."""
        for rows in self.views:
            if rows.partition == partition:
                yield _view_stop(rows)
        for snapshot in self.snapshots:
            if snapshot.partition == partition:
                yield from snapshot_stops(snapshot)


def _view_stop(rows: ViewRows) -> Stop:
    def check(fold: PartitionFold, head: str) -> Iterator[Finding]:
        return check_view(rows, fold, head)

    return Stop(rows.position, check, f"views of partition {rows.partition}")


@dataclass(frozen=True)
class Terms:
    """`complete` says that no client wrote but those of the history; `scale_default` is that of
    SKUs that no item describes; `kept_max` findings of each code are kept."""

    complete: bool = True
    scale_default: int = 0
    kept_max: int = KEPT_MAX_DEFAULT


@dataclass
class Result:
    """What came of it. `unjudged` refusals are those that too little is known about."""

    findings: Findings
    operations: int
    walks: list[Walk]
    unjudged: int

    @property
    def folds(self) -> Mapping[int, PartitionFold]:
        """By partition."""
        return {walk.fold.partition: walk.fold for walk in self.walks}


async def check_log(
    log: EventLog, history: History, stored: Stored, terms: Terms = Terms()
) -> Result:
    """Check everything. What the history says of single places is used up. Raises what the log
    raises."""
    findings = Findings(CODES, terms.kept_max)
    interval = checks_order.Interval(checks_order.unplaced_refusals(history))
    walks = []
    for partition in range(log.partitions):
        walk = Walk(PartitionFold(partition, terms.scale_default), history, interval)
        walk.stop_at(stored.stops(partition))
        await _read(log, walk, findings)
        walks.append(walk)
    unjudged = sum(walk.unjudged for walk in walks)
    result = Result(findings, len(history.operations), walks, unjudged)
    findings.take(interval.finish(PartitionFold(-1, terms.scale_default), interval.left))
    findings.take(_beyond(history))
    findings.take(_over_all(history, result.folds, complete=terms.complete))
    result.unjudged += interval.unjudged
    return result


async def _read(log: EventLog, walk: Walk, findings: Findings) -> None:
    partition = walk.fold.partition
    until = (await ends(log, [partition]))[partition]
    async with aclosing(read_records(log, partition, until=until)) as slices:
        async for records in slices:
            for record in records:
                findings.take(walk.take(record))
    findings.take(walk.finish())


def _beyond(history: History) -> Iterator[Finding]:
    """What was told of places that no record lies at; all others were taken on the way."""
    for (partition, offset), told in history.told_at.items():
        for call in told:
            text = f"it states {partition}:{offset}, where nothing lies"
            yield Finding("ahead_of_log", call.where, text)


def _over_all(
    history: History, folds: Mapping[int, PartitionFold], *, complete: bool
) -> Iterable[Finding]:
    homes = checks_ids.partitions_of(folds)
    yield from checks_ids.check_homes(folds)
    yield from checks_ids.check_acknowledged(history, folds, homes)
    yield from checks_ids.check_firsts(history)
    yield from checks_ids.check_reused(history, folds, homes)
    yield from checks_order.check_order(history, folds, homes)
    yield from checks_order.check_bulks(history, complete=complete)
    yield from checks_order.check_reads(history)
    yield from checks_order.check_never_heard_of(history)
    if complete:
        yield from checks_ids.check_told_no(history, folds, homes)
        yield from checks_ids.check_unsent(history, folds)
