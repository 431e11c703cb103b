"""Where publishers write, as settings choose it."""

from typing import TYPE_CHECKING, Final

from ledger.config.parts import _security
from ledger.config.settings import Settings
from ledger.log import EventLog
from ledger.ownership.group import Group

if TYPE_CHECKING:
    from ledger.adapters.kafka_events import KafkaEvents

# One request to the brokers about the group.
TIMEOUT_SECONDS: Final = 10.0


def levels_topic(settings: Settings) -> str:
    """The compacted topic of levels."""
    return f"{settings.topic_prefix}.levels.v1"


def alerts_topic(settings: Settings) -> str:
    """The topic of alerts, and of what planning runs changed."""
    return f"{settings.topic_prefix}.alerts.v1"


def open_alerts(settings: Settings, *, create: bool = True) -> "KafkaEvents | None":
    """Where alerts are sent, not connected yet; None where there are no brokers."""
    bootstrap = settings.kafka_bootstrap
    if bootstrap is None:
        return None
    from ledger.adapters.kafka_events import KafkaEvents

    return KafkaEvents(
        bootstrap,
        alerts_topic(settings),
        partitions=settings.partitions,
        replication=settings.replication,
        dev=settings.dev,
        create=create,
        security=_security(settings),
    )


def publisher_group_id(settings: Settings) -> str:
    """The consumer group by which publishers share out the partitions."""
    return f"{settings.topic_prefix}.publishers"


def open_levels(
    settings: Settings, *, create: bool = True, read_only: bool = False
) -> EventLog | None:
    """The topic of levels, not connected yet; None where there are no brokers.

    It has the port of a log because it is written like one: what is appended states its offset.
    """
    bootstrap = settings.kafka_bootstrap
    if bootstrap is None:
        return None
    from ledger.adapters.kafka import KafkaLog

    return KafkaLog(
        bootstrap,
        levels_topic(settings),
        partitions=settings.partitions,
        replication=settings.replication,
        dev=settings.dev,
        create=create,
        read_only=read_only,
        derived=True,
        security=_security(settings),
        client_id="stockledger-publisher",
    )


def open_publisher_group(settings: Settings) -> Group | None:
    """The publishers of the same log; None if there are no others to share with."""
    bootstrap = settings.kafka_bootstrap
    if bootstrap is None:
        return None
    from ledger.adapters.kafka_group import KafkaGroup
    from ledger.adapters.kafka_topics import Cluster

    client = f"stockledger-publisher-{settings.instance_id}"
    return KafkaGroup(
        Cluster(bootstrap, _security(settings), TIMEOUT_SECONDS, client),
        settings.movements_topic,
        publisher_group_id(settings),
        session_seconds=settings.group_session_seconds,
    )
