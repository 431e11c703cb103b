"""Shares of a real consumer group: two members, one that leaves, two with one identity."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from ledger.adapters.kafka_group import KafkaGroup
from ledger.adapters.kafka_topics import Cluster, KafkaSecurity
from ledger.config import Settings, open_log
from tests.waiting import SECONDS_MAX, eventually

PARTITIONS = 4
ALL = frozenset(range(PARTITIONS))


class Member:
    """A member and the share that it was told last."""

    def __init__(self, bootstrap: str, prefix: str, static_id: str | None = None) -> None:
        """Not started."""
        cluster = Cluster(bootstrap, KafkaSecurity(), 10.0, "test")
        self.share: frozenset[int] | None = None
        # How often it was told one.
        self.told = 0
        self.group = KafkaGroup(
            cluster, f"{prefix}.movements.v1", f"{prefix}.writers",
            session_seconds=6.0, static_id=static_id,
        )  # fmt: skip
        self.task: asyncio.Task[None] | None = None

    def start(self) -> "Member":
        """Take part."""
        self.task = asyncio.create_task(self.group.run(self._assigned))
        return self

    async def stop(self) -> None:
        """End."""
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    def _assigned(self, share: frozenset[int]) -> None:
        self.share = share
        self.told += 1


class Members(list[Member]):
    """Makes members of one group of their own."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        """None yet."""
        super().__init__()
        self._place = bootstrap, prefix

    def start(self, static_id: str | None = None) -> Member:
        """One more."""
        self.append(Member(*self._place, static_id).start())
        return self[-1]


@pytest.fixture
async def members(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Members]:
    """A topic, and members of its group; all end with the test."""
    settings = Settings(
        kafka_bootstrap=kafka_bootstrap, topic_prefix=topic_prefix, partitions=PARTITIONS,
        replication=1, dev=True,
    )  # fmt: skip
    log = open_log(settings)
    await log.open()
    await log.close()
    made = Members(kafka_bootstrap, topic_prefix)
    yield made
    for member in made:
        await member.stop()


async def test_one_leaves_and_the_other_has_all(members: Members) -> None:
    """Shares are disjoint and together everything; who leaves is left nothing."""
    one, two = members.start(), members.start()
    await eventually(lambda: one.share and two.share and not one.share & two.share)
    assert one.share | two.share == ALL  # type: ignore[operator]
    assert one.group.failure is two.group.failure is None
    await one.group.leave()
    await eventually(lambda: one.share == frozenset())
    await eventually(lambda: two.share == ALL)
    assert one.task is not None
    assert not one.task.done(), "it goes on without a share"


async def test_who_leaves_knows_whether_others_are_there(members: Members) -> None:
    """Where all leave at the same time nobody waits for another."""
    one, two = members.start(), members.start()
    await eventually(lambda: one.share and two.share and not one.share & two.share)
    await one.group.leave()
    waiting = asyncio.create_task(one.group.deserted())
    await eventually(lambda: two.share == ALL)
    await asyncio.sleep(1.0)
    assert not waiting.done()
    await two.group.leave()
    async with asyncio.timeout(SECONDS_MAX):
        await waiting
        await two.group.deserted()


async def test_a_static_member_comes_back_to_its_share(members: Members) -> None:
    """As in a rolling restart: within the session nobody gets its partitions meanwhile, and nobody
    else is disturbed."""
    one, two = members.start("one"), members.start("two")
    await eventually(lambda: one.share and two.share and not one.share & two.share)
    told = two.told
    await one.stop()
    again = members.start("one")
    await eventually(lambda: again.share is not None)
    assert again.share == one.share
    assert (two.told, two.group.failure) == (told, None)


async def test_two_with_one_identity_say_so_and_stay_away(members: Members) -> None:
    """Each takes the membership from the other; both notice, and join less and less often."""
    one, two = members.start("same"), members.start("same")
    await eventually(lambda: "again and again" in f"{one.group.failure}{two.group.failure}")
    # Whoever is left alone keeps the share: nobody needs to stop writing.
    await eventually(lambda: ALL in (one.share, two.share))


async def test_leaving_does_not_wait_for_brokers_that_are_gone(topic_prefix: str) -> None:
    """A process that ends cannot wait for a join that never comes."""
    member = Member("127.0.0.1:9", topic_prefix).start()
    await eventually(lambda: "cannot be joined" in (member.group.failure or ""))
    await asyncio.wait_for(member.group.leave(), SECONDS_MAX)
    await eventually(lambda: member.share == frozenset())
    await member.stop()
