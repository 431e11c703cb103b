"""Events for whoever listens, on a Kafka topic that forgets them after a while."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ledger.adapters.kafka_batches import CONTENT_TYPE_HEADER
from ledger.adapters.kafka_topics import (
    MESSAGE_BYTES_MAX,
    Cluster,
    KafkaSecurity,
    Topic,
    check_topic,
    create_missing,
)
from ledger.errors import LogMisconfigured, LogUnavailable

KEPT_DAYS = 30
_DAY_MS = 86_400_000


@dataclass(eq=False)
class KafkaEvents:
    """An `EventSink` on one Kafka topic. For use in one event loop."""

    bootstrap: str
    topic: str = "stock.alerts.v1"
    partitions: int = 12
    replication: int = 3
    dev: bool = False
    create: bool = True
    security: KafkaSecurity = field(default_factory=KafkaSecurity)
    timeout_seconds: float = 10.0
    client_id: str = "stockledger-publisher"

    def __post_init__(self) -> None:
        """Prepare; nothing connects before `open`."""
        self._cluster = Cluster(self.bootstrap, self.security, self.timeout_seconds, self.client_id)
        self._topic = Topic(
            name=self.topic,
            partitions=self.partitions,
            replication=self.replication,
            dev=self.dev,
            kept_ms=KEPT_DAYS * _DAY_MS,
        )
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Create the topic if it is missing and may be made, check it, connect."""
        async with self._cluster.admin() as admin:
            if self.create:
                await create_missing(admin, [self._topic])
        wrong = await self.check()
        if wrong:
            raise LogMisconfigured(" ".join(wrong))
        self._producer = AIOKafkaProducer(
            **self._cluster.arguments(),
            acks="all",
            enable_idempotence=True,
            max_request_size=MESSAGE_BYTES_MAX,
        )
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await self._producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            await self.close()
            raise LogUnavailable(f"{self.topic} cannot be written: {error!r}") from error

    async def close(self) -> None:
        """Stop; what is on its way may arrive or not."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                async with asyncio.timeout(self.timeout_seconds):
                    await producer.stop()

    async def check(self) -> list[str]:
        """What is wrong with the topic now, each in a sentence."""
        async with self._cluster.admin() as admin:
            return await check_topic(admin, self._topic, {})

    async def send(self, events: Sequence[tuple[int, bytes, bytes]]) -> None:
        """Deliver all of them, as `EventSink.send` says."""
        if self._producer is None:
            raise LogUnavailable(f"{self.topic} is not open")
        try:
            async with asyncio.timeout(self.timeout_seconds):
                sent = [
                    await self._producer.send(
                        self.topic, document, key, partition, headers=[CONTENT_TYPE_HEADER]
                    )
                    for partition, key, document in events
                ]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError, OSError) as error:
            raise LogUnavailable(f"{self.topic} cannot be written: {error!r}") from error
