"""The id that a Kafka cluster gives to a topic when it is created.

A topic that was deleted and created again has the old name and another id, even if it has more
records than the old one had. aiokafka 0.14 asks for metadata in versions that do not have the id,
so this module has the one request that does (version 10; brokers from 2.8 on answer it).
"""

from io import BytesIO
from typing import Any, ClassVar

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from ledger.adapters.kafka_reader import KafkaReader

METADATA_KEY = 3
METADATA_VERSION = 10
ID_BYTES = 16
NO_ID = bytes(ID_BYTES)


class Uuid:
    """Sixteen bytes as they are, in the manner of aiokafka's types."""

    @staticmethod
    def encode(value: bytes) -> bytes:
        """Return the bytes to send."""
        return value

    @staticmethod
    def decode(data: BytesIO) -> bytes:
        """Take the bytes from an answer."""
        return data.read(ID_BYTES)


class TopicIdAnswer(Response):  # type: ignore[misc]
    """Metadata with topic ids."""

    API_KEY: ClassVar[int] = METADATA_KEY
    API_VERSION: ClassVar[int] = METADATA_VERSION
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class TopicIdQuestion(RequestStruct):  # type: ignore[misc]
    """Ask for the metadata of topics by name."""

    API_KEY: ClassVar[int] = METADATA_KEY
    API_VERSION: ClassVar[int] = METADATA_VERSION
    FLEXIBLE_VERSION: ClassVar[bool] = True
    RESPONSE_TYPE: ClassVar[type[Response]] = TopicIdAnswer
    SCHEMA: ClassVar[Schema] = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIdRequest(Request[TopicIdQuestion]):  # type: ignore[misc]
    """The question about one topic, as aiokafka's client sends it."""

    API_KEY: ClassVar[int] = METADATA_KEY

    def __init__(self, topic: str) -> None:
        """Ask for the topic of that name; it is not created."""
        self._topic = topic

    def build(self, request_struct_class: type[TopicIdQuestion]) -> TopicIdQuestion:
        """Make the request in the one version there is."""
        return request_struct_class([(NO_ID, self._topic, {})], False, False, False, {})

    def prepare(self, versions: dict[int, tuple[int, int]]) -> TopicIdQuestion:
        """Raise IncompatibleBrokerVersion if the broker is too old to know ids."""
        lowest, highest = versions.get(METADATA_KEY, (0, 0))
        if not lowest <= METADATA_VERSION <= highest:
            raise IncompatibleBrokerVersion("this broker gives its topics no ids")
        return self.build(TopicIdQuestion)


async def topic_id(reader: KafkaReader, topic: str) -> bytes | None:
    """Return the id of a topic; None if it does not exist or the broker knows no ids.

    Raises LogUnavailable.
    """
    try:
        answer: Any = await reader.send(TopicIdRequest(topic))
    except IncompatibleBrokerVersion:
        return None
    code, _, found, *_ = answer.topics[0]
    return bytes(found) if code == 0 and found != NO_ID else None
