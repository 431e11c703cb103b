"""The parts of the write side that settings choose.

Only here an adapter is named, and only inside a function, so that the embedded default never
imports a Kafka client.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.config.settings import Settings
from ledger.domain.context import Rules
from ledger.errors import LogMisconfigured
from ledger.log import FillableLog, SnapshotStore

if TYPE_CHECKING:
    from ssl import SSLContext

    from ledger.adapters.kafka import KafkaSecurity
    from ledger.ownership.group import Group
    from ledger.ownership.instances import Instances

# One request to the brokers about the group.
GROUP_TIMEOUT_SECONDS: Final = 10.0


def rules(settings: Settings) -> Rules:
    """The rules of stock as the operator chose them."""
    return Rules(
        strict_items=settings.strict_items,
        scale_default=settings.scale_default,
        future_tolerance_us=settings.future_tolerance_seconds * 1_000_000,
        backdate_limit_us=settings.backdate_limit_days * 86_400_000_000,
        late_after_us=settings.late_after_seconds * 1_000_000,
    )


def open_log(
    settings: Settings, *, create: bool = True, read_only: bool = False, process: bool = False
) -> FillableLog:
    """The log the settings choose, not connected yet: Kafka if there are brokers, else SQLite.

    `create` allows it to make a topic or file that is missing. A `read_only` log makes nothing and
    needs no right to write. `process`: one of its own writes a SQLite log.
    """
    if settings.kafka_bootstrap is None:
        from ledger.adapters.sqlite import SqliteLog

        return SqliteLog(
            settings.log_path,
            settings.partitions,
            read_only=read_only,
            process=process,
        )
    from ledger.adapters.kafka import KafkaLog

    return KafkaLog(
        settings.kafka_bootstrap,
        settings.movements_topic,
        partitions=settings.partitions,
        replication=settings.replication,
        dev=settings.dev,
        create=create,
        read_only=read_only,
        security=_security(settings),
    )


def open_snapshots(
    settings: Settings, *, create: bool = True, read_only: bool = False
) -> SnapshotStore:
    """The store of snapshots beside that log, not connected yet."""
    if settings.kafka_bootstrap is None:
        from ledger.adapters.sqlite import SqliteSnapshots

        return SqliteSnapshots(settings.snapshots_path, read_only=read_only)
    from ledger.adapters.kafka import KafkaSnapshots

    return KafkaSnapshots(
        settings.kafka_bootstrap,
        settings.snapshots_topic,
        partitions=settings.partitions,
        replication=settings.replication,
        dev=settings.dev,
        create=create,
        read_only=read_only,
        security=_security(settings),
    )


def open_instances(settings: Settings, name: str) -> "Instances | None":
    """The other instances on the same log; None if there cannot be any, or none that matter here.

    `name` is that of this process in its claims. Without the role `writer` it takes no share, and
    everything is forwarded.
    """
    bootstrap = settings.kafka_bootstrap
    if not settings.shared:
        return None
    from ledger.adapters.http_peers import HttpPeers
    from ledger.ownership.group import Alone, Bystander

    # It brings all that writes, which commands that only read do without.
    from ledger.ownership.instances import Instances

    secret = settings.cluster_secret
    peers = HttpPeers(None if secret is None else secret.get_secret_value())
    group: Group = Bystander()
    if bootstrap is None:
        # Processes at one file: each has every n-th partition, for ever.
        if "writer" in settings.roles:
            number, count = settings.process_number, settings.processes
            group = Alone(settings.partitions, number=number, of=count)
    elif "writer" in settings.roles:
        from ledger.adapters.kafka_group import KafkaGroup
        from ledger.adapters.kafka_topics import Cluster

        group = KafkaGroup(
            Cluster(bootstrap, _security(settings), GROUP_TIMEOUT_SECONDS, f"stockledger-{name}"),
            settings.movements_topic,
            settings.group_id,
            session_seconds=settings.group_session_seconds,
            static_id=settings.instance_id if settings.static_membership else None,
        )
    return Instances(group, peers, own_url=settings.public_url, sender=name)


async def joined_writers(settings: Settings) -> list[str]:
    """The instances that are in the writers' group now, by client and address; none on SQLite.

    Raises LogUnavailable.
    """
    if settings.kafka_bootstrap is None:
        return []
    from ledger.adapters.kafka_members import members
    from ledger.adapters.kafka_topics import Cluster

    cluster = Cluster(
        settings.kafka_bootstrap, _security(settings), GROUP_TIMEOUT_SECONDS, "stockledger-look"
    )
    return await members(cluster, settings.group_id)


def _security(settings: Settings) -> "KafkaSecurity":
    """Raises LogMisconfigured if the certificates to trust cannot be had."""
    from ledger.adapters.kafka import KafkaSecurity

    protocol = settings.kafka_security_protocol
    password = settings.kafka_sasl_password
    return KafkaSecurity(
        security_protocol=protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_plain_username=settings.kafka_sasl_username,
        sasl_plain_password=None if password is None else password.get_secret_value(),
        ssl_context=_trusting(settings.kafka_ssl_cafile) if protocol.endswith("SSL") else None,
    )


def _trusting(cafile: Path | None) -> "SSLContext":
    """Trust these certificates and no others; what the system trusts if there are none."""
    import ssl

    try:
        return ssl.create_default_context(cafile=cafile)
    except ssl.SSLError as error:
        raise LogMisconfigured(f"kafka_ssl_cafile: {cafile} holds no certificate as PEM") from error
    except OSError as error:
        raise LogMisconfigured(f"kafka_ssl_cafile: {cafile}: {error.strerror}") from error
