"""The publisher: tells those outside what the log of its share of partitions has come to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ledger.ending import end
from ledger.errors import LedgerError, LogUnavailable, OutcomeUnknown
from ledger.log import EventLog
from ledger.ownership.group import Alone, Group
from projections.publishers.level_publisher import (
    Counts,
    LevelPublisher,
    LevelsLost,
    Overtaken,
)

BACKOFF_FIRST_SECONDS = 0.1
BACKOFF_MAX_SECONDS = 5.0
# Two publishers of one partition, which a rebalance may make for a while, take turns so slowly.
OVERTAKEN_PAUSE_SECONDS = 1.0

_PASSING = (LogUnavailable, OutcomeUnknown, OSError, TimeoutError)
_logger = logging.getLogger(__name__)

OpenTopic = Callable[[], Awaitable[EventLog]]


class TopicPlace:
    """The topic of levels: opened when it is first needed, and again where it was made anew."""

    def __init__(self, open_topic: OpenTopic) -> None:
        """`open_topic` gives a topic that is open; it makes one that is missing."""
        self._open_topic = open_topic
        self._topic: EventLog | None = None
        self._turn = asyncio.Lock()

    async def get(self) -> EventLog:
        """The topic. Raises LogUnavailable, LogMisconfigured."""
        async with self._turn:
            if self._topic is None:
                self._topic = await self._open_topic()
            return self._topic

    async def drop(self, topic: EventLog) -> None:
        """This one is not what it was: the next `get` opens the topic anew."""
        async with self._turn:
            if self._topic is topic:
                self._topic = None
                await topic.close()

    async def close(self) -> None:
        """Let go of the topic."""
        if self._topic is not None:
            await self.drop(self._topic)


class Publisher:
    """Publishes the levels of its share of partitions. Any number may run.

    `failures` names the partitions that are stopped: the offset that could not be read, and why.
    `counts` is what was published here.
    """

    def __init__(
        self, log: EventLog, open_topic: OpenTopic, instance: str, group: Group | None = None
    ) -> None:
        """`log` is open. `group` says which partitions are to be published; without one it is all
        of them. `instance` is named in what is published."""
        self.failures: dict[int, tuple[int, str]] = {}
        self.troubles: dict[int, str] = {}
        self.counts = Counts()
        self._log = log
        self._instance = instance
        self._group: Group = group or Alone(log.partitions)
        self._place = TopicPlace(open_topic)
        self._publishers: dict[int, LevelPublisher] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Publish until cancelled. A partition that cannot be read on stops alone."""
        try:
            await self._group.run(self.share)
        finally:
            await end(*self._tasks.values(), *self._ending)
            await self._place.close()

    def share(self, partitions: frozenset[int]) -> None:
        """Publish these partitions from now on, from where the topic has them."""
        if partitions != self.partitions:
            _logger.info("the levels of partitions %s are published here", sorted(partitions))
        for partition in self.partitions - partitions:
            self._let_go(partition)
        for partition in sorted(partitions - self.partitions):
            publisher = LevelPublisher(self._log, partition, self._instance, self.counts)
            self._publishers[partition] = publisher
            self._tasks[partition] = asyncio.create_task(
                self._drive(publisher), name=f"publisher-{partition}"
            )

    @property
    def partitions(self) -> frozenset[int]:
        """Those that are published here."""
        return frozenset(self._publishers)

    @property
    def trouble(self) -> str | None:
        """The errors of log and topic while they last."""
        return "; ".join(self.troubles.values()) or None

    @property
    def group_failure(self) -> str | None:
        """Why it is not in touch with the other publishers, if it is not."""
        return self._group.failure

    def lag(self) -> dict[int, int]:
        """How many offsets of each partition are not published yet, as last heard of."""
        return {one: publisher.lag for one, publisher in self._publishers.items()}

    def published(self) -> dict[int, int]:
        """The offset behind the last record whose levels are published, by partition."""
        return {one: publisher.published for one, publisher in self._publishers.items()}

    async def check(self) -> list[str]:
        """What is wrong with the topic now, each in a sentence. Raises LogUnavailable."""
        return await (await self._place.get()).check()

    def _let_go(self, partition: int) -> None:
        del self._publishers[partition]
        self.failures.pop(partition, None)
        self.troubles.pop(partition, None)
        task = self._tasks.pop(partition)
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _drive(self, publisher: LevelPublisher) -> None:
        delay = BACKOFF_FIRST_SECONDS
        while True:
            before = publisher.position
            try:
                await self._run_once(publisher)
            except Exception as error:  # noqa: BLE001 - whatever it is, it stops this one alone
                self._fail(publisher, error)
                return
            if publisher.position > before:
                delay = BACKOFF_FIRST_SECONDS
            await asyncio.sleep(delay)
            delay = min(delay * 2, BACKOFF_MAX_SECONDS)

    async def _run_once(self, publisher: LevelPublisher) -> None:
        """Until something passing happens. Raises what does not pass."""
        partition = publisher.partition
        topic: EventLog | None = None
        try:
            topic = await self._place.get()
            self.troubles.pop(partition, None)
            await publisher.run(topic)
        except Overtaken as error:
            _logger.info("%s", error)
            await asyncio.sleep(OVERTAKEN_PAUSE_SECONDS)
        except LevelsLost as error:
            _logger.warning("the levels of partition %d are published anew: %s", partition, error)
            if topic is not None:
                await self._place.drop(topic)
        except _PASSING as error:
            self.troubles[partition] = f"partition {partition}: {error}"
            _logger.warning("publishing is interrupted: partition %d: %s", partition, error)
            if topic is not None:
                await self._look_at(topic)

    async def _look_at(self, topic: EventLog) -> None:
        """Whatever failed may have failed because the topic is gone, or is set to something else.

        Opening it makes it again, or says what is wrong with it.
        """
        with suppress(*_PASSING):
            if await topic.check():
                await self._place.drop(topic)

    def _fail(self, publisher: LevelPublisher, error: Exception) -> None:
        """Stop this partition, and only it."""
        partition = publisher.partition
        if self._publishers.get(partition) is not publisher:
            return
        text = str(error) if isinstance(error, LedgerError) else repr(error)
        self.failures[partition] = (publisher.position, text)
        self.troubles.pop(partition, None)
        _logger.error(
            "the levels of partition %d stop at offset %d: %s",
            partition,
            publisher.position,
            text,
            exc_info=None if isinstance(error, LedgerError) else error,
        )
