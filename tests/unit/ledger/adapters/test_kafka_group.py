"""When a member of a group takes its own identity to be used twice. Nothing is connected."""

import pytest

from ledger.adapters.kafka_group import KafkaGroup
from ledger.adapters.kafka_rejoins import REJOINS_MAX
from ledger.adapters.kafka_topics import Cluster, KafkaSecurity

SHARE = frozenset({0, 1})
OFTEN = 3 * REJOINS_MAX


def member(static_id: str | None) -> KafkaGroup:
    """Not started."""
    cluster = Cluster("127.0.0.1:9", KafkaSecurity(), 1.0, "test")
    return KafkaGroup(cluster, "topic", "group", session_seconds=6.0, static_id=static_id)


@pytest.mark.parametrize("static_id", [None, "one"])
async def test_only_a_static_identity_can_be_used_twice(static_id: str | None) -> None:
    """The others join with every member that comes and goes, and stay."""
    group = member(static_id)
    welcome = [group.joined(SHARE) for _ in range(OFTEN)]
    assert welcome == [static_id is None or number < REJOINS_MAX for number in range(OFTEN)]
    assert group.failure is None
