"""What time it is by the cluster, asked without writing anything.

No answer of Kafka says the time, but the controller says when each voter of its quorum caught up
last, and of itself that is now (KIP-836; brokers from 3.3 on answer it).
"""

from typing import Any, ClassVar

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from ledger.adapters.kafka_reader import KafkaReader

QUORUM_KEY = 55
QUORUM_VERSION = 1
QUORUM_TOPIC = "__cluster_metadata"

_REPLICAS = CompactArray(
    ("replica_id", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_timestamp", Int64),
    ("last_caught_up_timestamp", Int64),
    ("tags", TaggedFields),
)


class QuorumAnswer(Response):  # type: ignore[misc]
    """The state of the controllers' quorum."""

    API_KEY: ClassVar[int] = QUORUM_KEY
    API_VERSION: ClassVar[int] = QUORUM_VERSION
    SCHEMA: ClassVar[Schema] = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", _REPLICAS),
                        ("observers", _REPLICAS),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class QuorumQuestion(RequestStruct):  # type: ignore[misc]
    """Ask for the state of the quorum."""

    API_KEY: ClassVar[int] = QUORUM_KEY
    API_VERSION: ClassVar[int] = QUORUM_VERSION
    FLEXIBLE_VERSION: ClassVar[bool] = True
    RESPONSE_TYPE: ClassVar[type[Response]] = QuorumAnswer
    SCHEMA: ClassVar[Schema] = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(("partition", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class QuorumRequest(Request[QuorumQuestion]):  # type: ignore[misc]
    """The question, as aiokafka's client sends it."""

    API_KEY: ClassVar[int] = QUORUM_KEY

    def build(self, request_struct_class: type[QuorumQuestion]) -> QuorumQuestion:
        """Make the request in the one version there is."""
        return request_struct_class([(QUORUM_TOPIC, [(0, {})], {})], {})

    def prepare(self, versions: dict[int, tuple[int, int]]) -> QuorumQuestion:
        """Raise IncompatibleBrokerVersion if the broker does not tell."""
        lowest, highest = versions.get(QUORUM_KEY, (0, 0))
        if not lowest <= QUORUM_VERSION <= highest:
            raise IncompatibleBrokerVersion("this broker does not tell of its quorum")
        return self.build(QuorumQuestion)


async def cluster_time_ms(reader: KafkaReader) -> int | None:
    """Milliseconds since 1970 by the controller's clock; None where it is not told or not allowed.

    Raises LogUnavailable.
    """
    try:
        answer: Any = await reader.send(QuorumRequest())
    except IncompatibleBrokerVersion:
        return None
    if answer.error_code != 0 or not answer.topics:
        return None
    _, code, leader, _, _, voters, *_ = answer.topics[0][1][0]
    times = [caught_up for replica, _, _, caught_up, _ in voters if replica == leader]
    return times[0] if code == 0 and times and times[0] > 0 else None
