"""Kafka's consumer group as the one who shares out partitions. Nothing is consumed through it."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError

from ledger.adapters.kafka_topics import Cluster

Assigned = Callable[[frozenset[int]], None]

HEARTBEATS_PER_SESSION = 5
# A member that does not come back to a rebalance in time is left behind.
REBALANCE_SECONDS = 10
# How long one idle poll waits. Polling is what tells the client that its user is alive.
POLL_SECONDS = 5
RETRY_SECONDS = 1.0
# A member that leaves answers late or never only while the broker is gone.
LEAVE_SECONDS = 3.0


class KafkaGroup:
    """Membership in a consumer group of the log's topic. Correctness never depends on it."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        group: str,
        *,
        session_seconds: float,
        static_id: str | None = None,
    ) -> None:
        """`static_id` (KIP-345): come back within a session and have the same share again."""
        self.failure: str | None = "the group has not been joined yet"
        self._topic = topic
        self._consumer: AIOKafkaConsumer | None = None
        self._leaving = False
        session_ms = int(session_seconds * 1000)
        self._arguments: dict[str, Any] = {
            **cluster.arguments(),
            "group_id": group,
            "group_instance_id": static_id,
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": max(100, session_ms // HEARTBEATS_PER_SESSION),
            "rebalance_timeout_ms": REBALANCE_SECONDS * 1000,
            # The assignor remembers in its class what it has assigned: a class for each group.
            "partition_assignment_strategy": (type("Sticky", (StickyPartitionAssignor,), {}),),
            "enable_auto_commit": False,
            "auto_offset_reset": "latest",
        }
        # A join waits for the others as long as a rebalance may take.
        self._arguments["request_timeout_ms"] = int(
            max(cluster.timeout_seconds, session_seconds + 1, REBALANCE_SECONDS + 1) * 1000
        )

    async def run(self, assigned: Assigned) -> None:
        """Take part until cancelled; join again after every failure.

        While the brokers are away the share stays as it was: who writes on cannot do harm.
        """
        while not self._leaving:
            try:
                await self._take_part(assigned)
            except (KafkaError, OSError, TimeoutError) as error:
                self.failure = f"the group cannot be joined: {error!r}"
                await asyncio.sleep(RETRY_SECONDS)
        assigned(frozenset())
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Tell the coordinator, so that the others need not wait for the session to run out."""
        self._leaving = True
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _stop(consumer)

    async def _take_part(self, assigned: Assigned) -> None:
        consumer = AIOKafkaConsumer(**self._arguments)
        self._consumer = consumer
        listener = _Listener(self, consumer, assigned)
        try:
            consumer.subscribe([self._topic], listener=listener)
            await consumer.start()
            while self._consumer is consumer:
                # All partitions are paused, so that nothing ever comes; errors do.
                await consumer.getmany(timeout_ms=POLL_SECONDS * 1000)
        finally:
            if self._consumer is consumer:
                self._consumer = None
                await _stop(consumer)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(LEAVE_SECONDS):
            await consumer.stop()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hears of a new share. Does nothing that takes time: heartbeats stop meanwhile."""

    def __init__(self, group: KafkaGroup, consumer: AIOKafkaConsumer, assigned: Assigned) -> None:
        self._group = group
        self._consumer = consumer
        self._assigned = assigned

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing: the protocol takes everything away at each rebalance and gives most of it back.

        Who writes on meanwhile does no harm, and nobody is kept waiting.
        """

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """The whole share, from now on."""
        self._consumer.pause(*assigned)
        self._group.failure = None
        self._assigned(frozenset(each.partition for each in assigned))
