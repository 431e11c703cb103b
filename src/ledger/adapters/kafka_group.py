"""Kafka's consumer group as the one who shares out partitions. Nothing is consumed through it."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import ConsumerStoppedError, KafkaError

from ledger.adapters.kafka_members import members
from ledger.adapters.kafka_rejoins import Rejoins
from ledger.adapters.kafka_topics import Cluster
from ledger.ending import end
from ledger.errors import LogUnavailable

Assigned = Callable[[frozenset[int]], None]

HEARTBEATS_PER_SESSION = 5
# A member that does not come back to a rebalance in time is left behind.
REBALANCE_SECONDS = 10
# How long one idle poll waits. Polling is what tells the client that its user is alive.
POLL_SECONDS = 5
RETRY_SECONDS = 1.0
# A member that leaves answers late or never only while the broker is gone.
LEAVE_SECONDS = 3.0
# And after that it is left alone.
GIVE_UP_SECONDS = 1.0
# How often one that has left looks whether others are there.
LOOK_SECONDS = 0.25

_FAULTS = (KafkaError, ConsumerStoppedError, OSError, TimeoutError)
_log = logging.getLogger(__name__)


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
        # In public: it names no host. The log does.
        self.failure: str | None = "the group has not been joined yet"
        self._topic = topic
        self._cluster = cluster
        self._group = group
        self._static_id = static_id
        self._rejoins = Rejoins()
        self._running = False
        self._leaving = asyncio.Event()
        self._left = asyncio.Event()
        # Set where taking part is no longer any good.
        self._enough = asyncio.Event()
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
        # In a task of its own: the client may swallow a cancellation, which is then repeated.
        member = asyncio.create_task(self._run(assigned), name="group-member")
        try:
            await asyncio.shield(member)
        finally:
            await end(member)

    async def _run(self, assigned: Assigned) -> None:
        self._running = True
        try:
            while not self._leaving.is_set():
                await self._pause(await self._take_part(assigned))
        finally:
            self._running = False
            self._left.set()
        assigned(frozenset())
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Tell the coordinator, so that the others need not wait for the session to run out."""
        self._leaving.set()
        self._enough.set()
        if self._running:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await self._left.wait()

    async def deserted(self) -> None:
        """Look again and again who is in the group, until nobody is."""
        while True:
            # Who is told to stop at the same time leaves by then.
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(LogUnavailable):
                if not await members(self._cluster, self._group):
                    return

    def joined(self, share: frozenset[int]) -> bool:
        """A new share has come; False if it had better be given back.

        Only a static identity can be another's too. All others are told of every member that comes
        and goes, and often have the same share as before.
        """
        now = asyncio.get_running_loop().time()
        if self._static_id is not None and self._rejoins.joined(now, share):
            self._enough.set()
            return False
        if not self._rejoins.troubled:
            self._note(None)
        return True

    async def _take_part(self, assigned: Assigned) -> float:
        """Be a member for as long as that is any good; how many seconds to pause afterwards."""
        self._enough.clear()
        consumer = AIOKafkaConsumer(**self._arguments)
        try:
            consumer.subscribe([self._topic], listener=_Listener(self, consumer, assigned))
            await consumer.start()
            while not self._enough.is_set():
                await self._poll(consumer)
        except _FAULTS as error:
            self._note(f"the group cannot be joined: {type(error).__name__}", str(error))
            return RETRY_SECONDS
        finally:
            await _stop(consumer)
        if self._leaving.is_set():
            return 0.0
        pause = self._rejoins.pause()
        self._note(
            "the group is joined again and again: does another instance have the same instance_id?",
            f"instance_id {self._static_id}, next attempt in about {pause:g} seconds",
        )
        # At random, so that two that fight do not come back together.
        return pause * random.uniform(0.5, 1.5)  # noqa: S311 - no secret

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Be alive for a while. All partitions are paused, so that nothing comes; errors do."""
        polled = asyncio.ensure_future(consumer.getmany(timeout_ms=POLL_SECONDS * 1000))
        enough = asyncio.ensure_future(self._enough.wait())
        try:
            await asyncio.wait((polled, enough), return_when=asyncio.FIRST_COMPLETED)
            if polled.done():
                polled.result()
        finally:
            polled.cancel()
            enough.cancel()
            await asyncio.gather(polled, enough, return_exceptions=True)
        if self._rejoins.troubled and self._rejoins.quiet(asyncio.get_running_loop().time()):
            self._note(None)

    async def _pause(self, seconds: float) -> None:
        """Stay away so long, unless this member leaves for good."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leaving.wait()

    def _note(self, failure: str | None, detail: str = "") -> None:
        """Say it in the log when it changes."""
        if failure == self.failure:
            return
        self.failure = failure
        if failure is None:
            _log.info("the group is joined")
        else:
            _log.warning("%s (%s)", failure, detail)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Leave the group, if the broker answers; the client's own end can hang if it does not."""
    stopping = asyncio.ensure_future(consumer.stop())
    stopping.add_done_callback(_looked_at)
    _, late = await asyncio.wait((stopping,), timeout=LEAVE_SECONDS)
    if late:
        stopping.cancel()
        await asyncio.wait((stopping,), timeout=GIVE_UP_SECONDS)


def _looked_at(stopped: "asyncio.Future[None]") -> None:
    """What goes wrong at the end is of no interest, and no warning either."""
    if not stopped.cancelled():
        stopped.exception()


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
        share = frozenset(each.partition for each in assigned)
        if self._group.joined(share):
            self._assigned(share)
