"""The publishers of a process: started, and made to show in readiness and metrics."""

from collections.abc import Iterable, Iterator
from functools import partial

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from api.readiness import LogWatch, Parts
from ledger.config import Settings
from ledger.config.publishing import open_alerts, open_levels, open_publisher_group
from ledger.log import EventLog, EventSink
from projections.database import Database
from projections.publishers.alert_keeper import AlertKeeper, Share
from projections.publishers.alert_relay import AlertRelay
from projections.publishers.looking import Work, keep_looking
from projections.publishers.publisher import Publisher
from projections.publishers.reorder_alerts import ReorderAlerts


def start_publishers(
    settings: Settings, instance: str, stores: tuple[EventLog, Database], parts: Parts
) -> None:
    """Keep alerts; and publish levels, if there is a broker. `instance` is named in what is
    published."""
    log, database = stores
    publisher = _start_levels(settings, instance, log, parts)
    share: Share | None = None
    if publisher is not None and database.address is not None:
        # Views that lie in a file are this process's own, and so are alerts of all partitions.
        share = partial(getattr, publisher, "partitions")
    keeper = AlertKeeper(database, share)
    _start(keeper, parts, "alerts")
    reorder = ReorderAlerts(database, log.partitions, share)
    _start(reorder, parts, "reorder-alerts")
    relay = None
    if publisher is not None:
        shared = partial(getattr, publisher, "partitions")
        relay = AlertRelay(database, partial(_open_sink, settings), log.partitions, shared)
        _start(relay, parts, "alerts-relay")
    parts.registry.register(AlertCollector(keeper, reorder, relay))


def _start(work: Work, parts: Parts, name: str) -> None:
    parts.readiness.add(partial(reasons_of, work))
    parts.tasks.start(keep_looking(work), name)


async def _open_sink(settings: Settings) -> EventSink:
    sink = open_alerts(settings)
    assert sink is not None
    await sink.open()
    return sink


def _start_levels(
    settings: Settings, instance: str, log: EventLog, parts: Parts
) -> Publisher | None:
    if settings.kafka_bootstrap is None:
        return None

    async def open_topic() -> EventLog:
        topic = open_levels(settings)
        assert topic is not None
        await topic.open()
        return topic

    publisher = Publisher(log, open_topic, instance, open_publisher_group(settings))
    watch = LogWatch(publisher)
    parts.readiness.add(partial(publisher_reasons, publisher))
    parts.readiness.add(watch.wrong)
    parts.tasks.start(publisher.run(), "publisher")
    parts.tasks.start(watch.run(), "levels-watch")
    parts.registry.register(PublisherCollector(publisher, log.partitions))
    return publisher


def reasons_of(work: Work) -> list[str]:
    """What keeps this process from its work on alerts."""
    if work.failure is not None:
        return [f"{work.name} stopped: {work.failure}"]
    if work.trouble is not None:
        return [f"{work.name} have to wait at the moment"]
    return []


def publisher_reasons(publisher: Publisher) -> list[str]:
    """What keeps this process from publishing."""
    reasons = [
        f"the levels stopped at {partition}:{offset}: {why}"
        for partition, (offset, why) in sorted(publisher.failures.items())
    ]
    # Readiness is open to everybody, and what a broker says may name hosts.
    if publisher.trouble is not None:
        reasons.append("the levels cannot be published at the moment")
    if publisher.group_failure is not None:
        reasons.append("the publishers' group is not joined")
    return reasons


class PublisherCollector(Collector):
    """What the publisher of this process does, when somebody asks."""

    def __init__(self, publisher: Publisher, partitions: int) -> None:
        """`partitions` is how many the log has."""
        self._publisher = publisher
        self._partitions = partitions

    def describe(self) -> Iterable[Metric]:
        """Nothing: the families are made when they are asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The families for Prometheus."""
        publisher = self._publisher
        follows = _gauge("follows", "1 if this process publishes these levels.")
        stopped = _gauge("stopped", "1 if it is stopped by a record or a fault.")
        lag = _gauge("lag_records", "Records of the log whose levels are not published yet.")
        for partition in range(self._partitions):
            follows.add_metric([str(partition)], int(partition in publisher.partitions))
            stopped.add_metric([str(partition)], int(partition in publisher.failures))
        for partition, count in sorted(publisher.lag().items()):
            lag.add_metric([str(partition)], count)
        counts = publisher.counts
        yield from (follows, stopped, lag)
        yield CounterMetricFamily(
            "stockledger_publisher_published",
            "Levels and tombstones published.",
            value=counts.published,
        )
        yield CounterMetricFamily(
            "stockledger_publisher_republished",
            "Levels published again because an older record came to lie after them.",
            value=counts.republished,
        )


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"stockledger_publisher_{name}", text, labels=["partition"])


class AlertCollector(Collector):
    """What is done about alerts in this process, when somebody asks."""

    def __init__(
        self, keeper: AlertKeeper, reorder: ReorderAlerts, relay: AlertRelay | None
    ) -> None:
        """Who keeps them, and who sends them."""
        self._keeper = keeper
        self._reorder = reorder
        self._relay = relay

    def describe(self) -> Iterable[Metric]:
        """Nothing: the families are made when they are asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The families for Prometheus."""
        keeper = self._keeper
        works = (keeper, self._reorder, self._relay)
        lag = GaugeMetricFamily(
            "stockledger_alerts_lag_records",
            "Records in the views that alerts are not made from yet.",
            labels=["partition"],
        )
        for partition, count in sorted(keeper.lag.items()):
            lag.add_metric([str(partition)], count)
        yield lag
        yield GaugeMetricFamily(
            "stockledger_alerts_stopped",
            "1 if alerts are stopped by a fault.",
            value=int(any(one and one.failure is not None for one in works)),
        )
        yield CounterMetricFamily(
            "stockledger_alerts_sent",
            "Alerts and events of planning runs sent to the topic by this process.",
            value=self._relay.sent if self._relay else 0,
        )
        yield CounterMetricFamily(
            "stockledger_alerts_raised",
            "Alerts kept by this process.",
            value=keeper.raised + self._reorder.raised,
        )
