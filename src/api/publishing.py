"""The publisher of a process: started, and made to show in readiness and metrics."""

from collections.abc import Iterable, Iterator
from functools import partial

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from api.readiness import LogWatch, Parts
from ledger.config import Settings
from ledger.config.publishing import open_levels, open_publisher_group
from ledger.log import EventLog
from projections.publishers.publisher import Publisher


def start_publisher(settings: Settings, instance: str, log: EventLog, parts: Parts) -> None:
    """Start publishing, if there is a broker to publish on. `instance` is named in the marks."""
    if settings.kafka_bootstrap is None:
        return

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
