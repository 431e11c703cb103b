"""Faults of machines and processes. Each begins, lasts, and ends; nothing of it stays."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from typing import ClassVar

from aiokafka.admin import AIOKafkaAdminClient

from tests.chaos.instance import Instance
from tests.servers import KafkaCluster, KafkaServer, PostgresServer


class Fault:
    """One kind of fault. `seconds` is the shortest and the longest time that it lasts."""

    kind: str
    # What it was done to, once it has begun.
    target: str = ""
    seconds: ClassVar[tuple[float, float]] = (0.5, 3.0)

    async def begin(self) -> None:
        """Break something."""
        raise AssertionError("each kind says how it begins")

    async def end(self) -> None:
        """Put it right. What was broken may need a while to recover."""


class InstanceKilled(Fault):
    """`kill -9` of a server, which is started again."""

    kind = "instance killed"

    def __init__(self, instances: Sequence[Instance], chance: random.Random) -> None:
        """Any of these."""
        self._instances, self._chance = instances, chance

    async def begin(self) -> None:
        """Kill one."""
        self._killed = self._chance.choice(self._instances)
        self.target = self._killed.name
        await self._killed.kill()

    async def end(self) -> None:
        """Start it."""
        await self._killed.start()


class InstancePaused(Fault):
    """SIGSTOP for longer than the session timeout, then SIGCONT: it wakes up with old news."""

    kind = "instance paused"
    seconds = (7.0, 10.0)

    def __init__(self, instances: Sequence[Instance], chance: random.Random) -> None:
        """Any of these."""
        self._instances, self._chance = instances, chance

    async def begin(self) -> None:
        """Pause one."""
        self._paused = self._chance.choice(self._instances)
        self.target = self._paused.name
        self._paused.pause()

    async def end(self) -> None:
        """Wake it up."""
        self._paused.resume()


class Rebalances(Fault):
    """One more server joins and leaves, in order or killed, again and again."""

    kind = "instances come and go"
    seconds = (12.0, 20.0)

    def __init__(self, extra: Instance, chance: random.Random) -> None:
        """`extra` runs only during the fault."""
        self._extra, self._chance = extra, chance

    async def begin(self) -> None:
        """Begin to come and go."""
        self._task = asyncio.create_task(self._come_and_go())

    async def end(self) -> None:
        """Leave for good."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._extra.kill()

    async def _come_and_go(self) -> None:
        while True:
            # Not to be left halfway: the process would stay.
            await asyncio.shield(asyncio.ensure_future(self._extra.start()))
            await asyncio.sleep(self._chance.uniform(0.0, 2.0))
            await (self._extra.kill() if self._chance.random() < 0.5 else self._extra.stop())


class BrokerKilled(Fault):
    """`kill -9` of the only broker, which is started again on the same data."""

    kind = "broker killed"

    def __init__(self, broker: KafkaServer) -> None:
        """This one."""
        self._broker = broker

    async def begin(self) -> None:
        """Kill it."""
        await asyncio.to_thread(self._broker.kill)

    async def end(self) -> None:
        """Start it."""
        await asyncio.to_thread(self._broker.start)


class BrokerPaused(Fault):
    """A broker that holds its connections and answers nothing, until it does."""

    kind = "broker paused"
    seconds = (3.0, 12.0)

    def __init__(self, brokers: Sequence[KafkaServer], chance: random.Random) -> None:
        """Any of these."""
        self._brokers, self._chance = brokers, chance

    async def begin(self) -> None:
        """Pause it."""
        self._paused = self._chance.choice(self._brokers)
        self.target = self._paused.bootstrap
        self._paused.pause()

    async def end(self) -> None:
        """Let it go on."""
        self._paused.resume()


class LeaderKilled(Fault):
    """`kill -9` of the broker that leads a partition of the log; the others elect another."""

    kind = "leader killed"
    seconds = (8.0, 14.0)

    def __init__(self, cluster: KafkaCluster, topic: str, chance: random.Random) -> None:
        """The leader of a partition of `topic`."""
        self._cluster, self._topic, self._chance = cluster, topic, chance

    async def begin(self) -> None:
        """Find it and kill it."""
        leaders = sorted(await leaders_of(self._cluster.bootstrap, self._topic))
        self._killed = self._cluster.nodes[self._chance.choice(leaders)]
        self.target = self._killed.bootstrap
        await asyncio.to_thread(self._killed.kill)

    async def end(self) -> None:
        """Start it: it has to cut off what only it had."""
        await asyncio.to_thread(self._killed.start)


class DatabaseRestarted(Fault):
    """PostgreSQL ends at once, as in a crash, and recovers from its log."""

    kind = "database restarted"

    def __init__(self, database: PostgresServer) -> None:
        """This one."""
        self._database = database

    async def begin(self) -> None:
        """End it."""
        await asyncio.to_thread(self._database.kill)

    async def end(self) -> None:
        """Start it."""
        await asyncio.to_thread(self._database.start)


async def leaders_of(bootstrap: str, topic: str) -> set[int]:
    """The brokers that lead partitions of a topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return {one["leader"] for one in found["partitions"] if one["leader"] >= 0}
