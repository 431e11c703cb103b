"""How to connect to a cluster, how topics are created, and what is wrong with them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from ledger.adapters.kafka_denials import why_denied
from ledger.errors import LogDenied, LogMisconfigured, LogUnavailable
from ledger.log import BATCH_BYTES_MAX

# Room for the broker's own framing above the batch it is sent.
MESSAGE_BYTES_MAX = BATCH_BYTES_MAX + 64 * 1024
REPLICATION_SAFE = 3
IN_SYNC_SAFE = 2
POLL_SECONDS = 0.05
REFUSED_FOR_GOOD = (
    InvalidReplicationFactorError,
    PolicyViolationError,
    TopicAuthorizationFailedError,
)


@dataclass(frozen=True, kw_only=True)
class KafkaSecurity:
    """How to prove who we are; the defaults suit a broker that does not ask."""

    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_plain_username: str | None = None
    sasl_plain_password: str | None = field(default=None, repr=False)
    sasl_oauth_token_provider: AbstractTokenProvider | None = None
    ssl_context: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Cluster:
    """A Kafka cluster as a client sees it. `timeout_seconds` bounds one request."""

    bootstrap: str
    security: KafkaSecurity
    timeout_seconds: float
    client_id: str

    def arguments(self) -> dict[str, Any]:
        """What every client of aiokafka is made with."""
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": self.client_id,
            "request_timeout_ms": int(self.timeout_seconds * 1000),
            **vars(self.security),
        }

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """Connect for questions about topics; what fails inside becomes LogUnavailable."""
        client = AIOKafkaAdminClient(**self.arguments())
        try:
            async with asyncio.timeout(3 * self.timeout_seconds):
                await client.start()
                yield client
        except (KafkaError, TimeoutError, OSError) as error:
            raise await self.unavailable(error) from error
        finally:
            await client.close()

    async def unavailable(self, error: Exception) -> LogUnavailable:
        """What to raise after a client could not connect: LogDenied if the brokers did not let it.

        A client that waited in vain is not followed by another one that waits.
        """
        if isinstance(error, KafkaConnectionError | NodeNotReadyError):
            reason = await why_denied(self.arguments())
            if reason is not None:
                return LogDenied(f"Kafka at {reason}")
        return LogUnavailable(f"Kafka at {self.bootstrap} does not answer: {error!r}")


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic as the ledger needs it. `dev` allows fewer copies than are safe.

    It is a log that is kept for ever, unless it is `compacted` or has a time, `kept_ms`, after
    which records may go; somebody may choose another time.
    """

    name: str
    partitions: int
    replication: int
    dev: bool
    compacted: bool = False
    kept_ms: int | None = None

    def settings(self) -> dict[str, str]:
        """What the topic is created with."""
        if self.compacted:
            kind = {
                "cleanup.policy": "compact",
                "min.cleanable.dirty.ratio": "0.1",
                "segment.ms": "3600000",  # only closed segments are compacted
            }
        elif self.kept_ms is not None:
            kind = {"cleanup.policy": "delete", "retention.ms": str(self.kept_ms)}
        else:
            kind = {
                "cleanup.policy": "delete",
                "retention.ms": "-1",
                "retention.bytes": "-1",
                "message.timestamp.type": "LogAppendTime",
            }
        in_sync = min(self.replication, IN_SYNC_SAFE)
        return kind | {
            "max.message.bytes": str(MESSAGE_BYTES_MAX),
            "unclean.leader.election.enable": "false",
            "min.insync.replicas": str(in_sync),
        }

    @property
    def _is_log(self) -> bool:
        return not self.compacted and self.kept_ms is None

    def violations(self, found: Mapping[str, str]) -> list[str]:
        """Compare a topic's effective settings with what the ledger needs; a sentence each."""
        exact = {
            name: value
            for name, value in self.settings().items()
            if name in MEANING and (self._is_log or name in ALWAYS)
        }
        wrong = [
            f"{self.name}: {name} is {found.get(name)}, not {value}: {MEANING[name]}."
            for name, value in exact.items()
            if found.get(name) != value
        ]
        if int(found.get("max.message.bytes", "0")) < MESSAGE_BYTES_MAX:
            wrong.append(
                f"{self.name}: max.message.bytes is {found.get('max.message.bytes')}, less than "
                f"{MESSAGE_BYTES_MAX}: the ledger's batches would be refused."
            )
        in_sync = int(found.get("min.insync.replicas", "1"))
        if in_sync < IN_SYNC_SAFE and not self.dev:
            wrong.append(
                f"{self.name}: min.insync.replicas is {in_sync}, less than {IN_SYNC_SAFE}: an "
                "acknowledged batch could be lost with one machine."
            )
        return wrong


# What a wrong setting would do to the ledger.
MEANING = {
    "cleanup.policy": "history would be lost or rewritten",
    "retention.ms": "history would be deleted by age",
    "retention.bytes": "history would be deleted by size",
    "message.timestamp.type": "the broker's clock could not be compared with the writer's",
    "unclean.leader.election.enable": "an acknowledged batch could be lost at a failover",
}
ALWAYS = {"cleanup.policy", "unclean.leader.election.enable"}


async def create_missing(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """Create the topics that do not exist and wait for their leaders.

    Another process may do the same at the same moment. Raises LogMisconfigured if the cluster
    refuses for good, TimeoutError if leaders do not appear within the time of `Cluster.admin`.
    """
    metadata = await describe(admin, topics)
    missing = [topic for topic in topics if topic.name not in metadata]
    if missing:
        brokers = len((await admin.describe_cluster())["brokers"])
        await _create(admin, missing, brokers)
    led = False
    while not led:
        led = _all_led(await describe(admin, topics), topics)
        await asyncio.sleep(0 if led else POLL_SECONDS)


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], brokers: int) -> None:
    wanted = [
        NewTopic(
            topic.name,
            topic.partitions,
            min(topic.replication, brokers) if topic.dev else topic.replication,
            topic_configs=topic.settings() | ({"min.insync.replicas": "1"} if topic.dev else {}),
        )
        for topic in topics
    ]
    answer = await admin.create_topics(wanted)
    for name, code, *more in answer.topic_errors:
        error = for_code(code)
        if code == 0 or error is TopicAlreadyExistsError:
            continue
        if error in REFUSED_FOR_GOOD:
            raise LogMisconfigured(f"topic {name} cannot be created: {error.__name__} {more}")
        raise error(f"topic {name}: {more}")


async def check_topic(
    admin: AIOKafkaAdminClient,
    topic: Topic,
    starts: Mapping[int, int],
    *,
    must_be_told: bool = True,
) -> list[str]:
    """List what is wrong with a topic, each in a sentence.

    `starts` has the first offset of each partition, where the topic must start at 0. Unless it
    `must_be_told`, settings that this user may not see are left out.
    """
    metadata = (await describe(admin, [topic])).get(topic.name)
    if metadata is None:
        return [f"{topic.name}: the topic does not exist."]
    wrong = []
    if len(metadata) != topic.partitions:
        wrong.append(
            f"{topic.name}: {len(metadata)} partitions, not {topic.partitions}: SKUs would be "
            "looked for where they are not."
        )
    copies = min(len(one["replicas"]) for one in metadata)
    if copies < REPLICATION_SAFE and not topic.dev:
        wrong.append(
            f"{topic.name}: {copies} replicas, less than {REPLICATION_SAFE}: acknowledged "
            "history could be lost with one machine."
        )
    try:
        wrong += topic.violations(await _settings(admin, topic.name))
    except TopicAuthorizationFailedError:
        if must_be_told:
            raise
    wrong += [
        f"{topic.name}: partition {partition} starts at offset {start}, not 0: its history has "
        "been deleted."
        for partition, start in sorted(starts.items())
        if start != 0
    ]
    return wrong


async def _settings(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    """Read the effective settings of a topic, the broker's defaults included."""
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    found: dict[str, str] = {}
    for answer in await admin.describe_configs([resource]):
        for code, message, _, _, entries in answer.resources:
            if code != 0:
                raise for_code(code)(message)
            found |= {entry[0]: entry[1] for entry in entries}
    return found


async def describe(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic]
) -> dict[str, list[dict[str, Any]]]:
    """Return the partitions by topic, of those topics that exist."""
    # Not `describe_topics`: that lets a broker create the topic with settings of its own.
    names = [topic.name for topic in topics]
    request = MetadataRequest(names, allow_auto_topic_creation=False)
    client = admin._client
    answer = await client.send(client.get_random_node(), request)
    described = answer.to_object()["topics"]
    return {one["topic"]: one["partitions"] for one in described if one["partitions"]}


def _all_led(metadata: Mapping[str, list[dict[str, Any]]], topics: Sequence[Topic]) -> bool:
    return all(
        topic.name in metadata and all(one["leader"] >= 0 for one in metadata[topic.name])
        for topic in topics
    )
