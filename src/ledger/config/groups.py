"""The group in which projectors share out partitions, as settings choose it."""

from hashlib import sha256
from typing import Final

from ledger.config.parts import _security
from ledger.config.settings import Settings
from ledger.ownership.group import Group

# One request to the brokers about the group.
TIMEOUT_SECONDS: Final = 10.0
_HASH_CHARACTERS: Final = 12


def projector_group_id(settings: Settings, database: str) -> str:
    """The consumer group of all projectors into one database.

    `database` names it without user and password; a hash of it is part of the id, since projectors
    into different databases must not share the work.
    """
    of_database = sha256(database.encode()).hexdigest()[:_HASH_CHARACTERS]
    return f"{settings.topic_prefix}.projectors.{of_database}"


def open_projector_group(settings: Settings, database: str | None) -> Group | None:
    """The projectors into the same database; None if there are no others to share with.

    `database` is None where the views lie in a file: each instance keeps its own then.
    """
    bootstrap = settings.kafka_bootstrap
    if bootstrap is None or database is None:
        return None
    from ledger.adapters.kafka_group import KafkaGroup
    from ledger.adapters.kafka_topics import Cluster

    client = f"stockledger-projector-{settings.instance_id}"
    return KafkaGroup(
        Cluster(bootstrap, _security(settings), TIMEOUT_SECONDS, client),
        settings.movements_topic,
        projector_group_id(settings, database),
        session_seconds=settings.group_session_seconds,
    )
