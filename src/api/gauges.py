"""The ledger's and the views' numbers for Prometheus."""

import asyncio
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import select

from ledger.errors import LedgerError
from ledger.log import EventLog
from ledger.service import Ledger
from projections.checkpoints import VIEW_GROUP
from projections.database import Database
from projections.history.tables import HISTORY_GROUP
from projections.planning.demand_statements import DEMAND_GROUP
from projections.runner import Projector
from projections.tables import view_positions

# What is made from the views, behind them, by the group of its positions.
_BEHIND = {
    DEMAND_GROUP: (
        "demand_lag_records",
        "Records of the views that the demand view has not read yet.",
    ),
    HISTORY_GROUP: (
        "history_lag_records",
        "Records of the views that the balance checkpoints have not counted yet.",
    ),
}
_COUNTED = {
    "appended": "Records appended that count.",
    "claims": "Claims of a partition written.",
    "index_lookups": "Older ids looked up in the views.",
    "refused": "Commands refused because of the state they met.",
    "replayed": "Commands answered again.",
    "snapshots": "Snapshots taken.",
    "snapshots_failed": "Snapshots given up because of a failure.",
    "snapshots_ignored": "Snapshots that were not used.",
    "unknown_outcomes": "Batches of which the log did not say in time whether it took them.",
    "void_batches": "Batches that landed void and were decided again.",
    "void_records_seen": "Void records read.",
}


class LedgerCollector(Collector):
    """Reads the writers' counters when somebody asks."""

    def __init__(self, ledger: Ledger) -> None:
        """Of this instance's writers."""
        self._ledger = ledger

    def describe(self) -> Iterable[Metric]:
        """Nothing: the families are made when they are asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The families for Prometheus."""
        for name, count in sorted(self._ledger.metrics.read().items()):
            text = _COUNTED.get(name, name.replace("_", " "))
            yield CounterMetricFamily(f"stockledger_writer_{name}", text, value=count)
        waiting = _by_partition("writer_queue_commands", "Commands that wait to be decided.")
        held = _by_partition("writer_held", "1 if this instance decides the partition's commands.")
        recovered = _by_partition("writer_recovered", "1 if the writer has read its partition.")
        stopped = _by_partition("writer_stopped", "1 if the partition is stopped by a fault.")
        failing = _by_partition("writer_snapshot_failing", "1 if the last snapshot was given up.")
        for writer in self._ledger.writers:
            label = [str(writer.partition)]
            waiting.add_metric(label, writer.queue.waiting)
            held.add_metric(label, int(writer.partition in self._ledger.held))
            recovered.add_metric(label, int(writer.recovered.is_set()))
            stopped.add_metric(label, int(writer.failure is not None))
            failing.add_metric(label, int(writer.snapshot_failure is not None))
        yield from (waiting, held, recovered, stopped, failing)


class ProjectorCollector(Collector):
    """What the projector of this process does, when somebody asks."""

    def __init__(self, projector: Projector, partitions: int) -> None:
        """`partitions` is how many the log has."""
        self._projector = projector
        self._partitions = partitions

    def describe(self) -> Iterable[Metric]:
        """Nothing: the families are made when they are asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The families for Prometheus."""
        follows = _by_partition("projector_follows", "1 if this process keeps these views.")
        stopped = _by_partition("projector_stopped", "1 if it is stopped by a record or a fault.")
        for partition in range(self._partitions):
            label = [str(partition)]
            follows.add_metric(label, int(partition in self._projector.partitions))
            stopped.add_metric(label, int(partition in self._projector.failures))
        yield from (follows, stopped, self._failures())

    def _failures(self) -> Metric:
        names = ["partition", "offset", "fault", "type", "id", "sku"]
        failure = GaugeMetricFamily(
            "stockledger_projector_failure",
            "1 for the record that stopped the views.",
            labels=names,
        )
        for partition, one in sorted(self._projector.failures.items()):
            record = one.record
            named = ("", "", "") if record is None else (record.type, record.id, record.sku)
            labels = (str(partition), str(one.offset), one.fault, *(name or "" for name in named))
            failure.add_metric(labels, 1)
        return failure


class ViewLag(Collector):
    """How far the views are behind the log; looked up before each collection."""

    def __init__(self, log: EventLog, database: Database) -> None:
        """Both are open when it is asked."""
        self._log = log
        self._database = database
        self._lags: dict[int, int] = {}
        self._behind: dict[str, dict[int, int]] = {}

    async def refresh(self) -> None:
        """Look it up. What cannot be looked up is left out: an old number would look fine."""
        self._lags, self._behind = {}, {}
        try:
            async with self._database.reader() as reader:
                rows = await reader.all(select(view_positions))
            ends = await asyncio.gather(
                *(self._log.end(partition) for partition in range(self._log.partitions))
            )
        except LedgerError:
            return
        found = {(row["view_group"], row["partition"]): row["position"] for row in rows}
        positions = {
            one: position for (group, one), position in found.items() if group == VIEW_GROUP
        }
        self._behind = {
            group: {
                one: max(0, position - found.get((group, one), 0))
                for one, position in positions.items()
            }
            for group in _BEHIND
        }
        self._lags = {
            partition: max(0, end - positions.get(partition, 0))
            for partition, end in enumerate(ends)
        }

    def describe(self) -> Iterable[Metric]:
        """Nothing: the families are made when they are asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The family for Prometheus."""
        lag = _by_partition("view_lag_records", "Records that the views have not read yet.")
        for partition, count in sorted(self._lags.items()):
            lag.add_metric([str(partition)], count)
        yield lag
        for group, (name, description) in _BEHIND.items():
            behind = _by_partition(name, description)
            for partition, count in sorted(self._behind.get(group, {}).items()):
                behind.add_metric([str(partition)], count)
            yield behind


def _by_partition(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"stockledger_{name}", text, labels=["partition"])
