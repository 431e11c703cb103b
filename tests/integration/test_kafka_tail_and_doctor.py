"""`stockledger tail` and `doctor` against a real broker: restarts, void records, topics, clocks."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from ledger.config import Settings, open_log
from ledger.config.probing import cluster_clock
from ledger.errors import LogUnavailable
from ledger.log import EventLog
from ops.health import stores
from ops.health.finding import State
from ops.tailing import follow
from ops.tailing.follow import Tail
from ops.tailing.places import places
from ops.tailing.wanted import Wanted
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.servers_kafka import KafkaServer
from tests.unit.ops.test_tail import Seen
from tests.waiting import eventually

pytestmark = pytest.mark.kafka


def _settings(bootstrap: str, prefix: str) -> Settings:
    return Settings(
        _env_file=None, kafka_bootstrap=bootstrap, topic_prefix=prefix, partitions=1, dev=True,
        replication=1,
    )  # fmt: skip


async def _opened(log: EventLog) -> bool:
    """Whether it can be opened: a broker that has just started may lead no partition yet."""
    try:
        await log.open()
    except LogUnavailable:
        return False
    return True


async def test_tail_waits_for_a_broker_that_is_started_again(
    kafka_server: KafkaServer, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is shown once, before and after; what does not count is told apart."""
    monkeypatch.setattr(follow, "READ_WAIT_SECONDS", 0.5)
    settings = _settings(kafka_server.bootstrap, topic_prefix)
    memory = MemoryLog(1)
    teller = Teller(memory)
    teller.tell(receipt("a", "A"))
    # What lies at offset 2 was decided for another place.
    teller.void()
    teller.tell(receipt("b", "A"))
    new = [(record.key, record.value, None) for record in memory.records[0]]
    async with AsyncExitStack() as stack:
        log = open_log(settings)
        stack.push_async_callback(log.close)
        await log.open()
        assert await log.append(0, 0, new[:2]) == 0
        assert await log.append(0, 1, new[2:3]) == 2
        seen = Seen(3)
        begin = await places(log, "start", [0])
        tail = asyncio.create_task(Tail(log, Wanted(voids=True), seen.ports()).run(begin))
        await eventually(lambda: seen.ids == ["a", "void"])
        await asyncio.to_thread(kafka_server.stop)
        await eventually(lambda: seen.said)
        await asyncio.to_thread(kafka_server.start)
        await eventually(lambda: "over" in seen.said)
        writer = open_log(settings)
        stack.push_async_callback(writer.close)
        await eventually(lambda: _opened(writer))
        assert await writer.append(0, 3, new[3:4]) == 3
        await asyncio.wait_for(tail, 30)
    assert seen.ids == ["a", "void", "b"]
    assert len([one for one in seen.said if one != "over"]) == 1


async def test_the_clock_of_the_cluster(kafka_bootstrap: str, topic_prefix: str) -> None:
    """The broker is on this machine, so both clocks are one."""
    clock = await cluster_clock(_settings(kafka_bootstrap, topic_prefix))
    assert clock is not None
    assert abs(clock.ahead_seconds) < clock.unsure_seconds + 0.1


async def test_topics_that_are_not_as_they_must_be(kafka_bootstrap: str, topic_prefix: str) -> None:
    """Missing, and then with another number of partitions; nothing is made by looking."""
    settings = _settings(kafka_bootstrap, topic_prefix)
    async with AsyncExitStack() as stack:
        ((missing,), none) = await stores.check_log(settings, stack)
        assert (missing.state, none) == (State.BAD, None)
        assert "does not exist" in missing.text
        ((again,), _) = await stores.check_log(settings, stack)
        assert again.text == missing.text
        log = open_log(settings)
        stack.push_async_callback(log.close)
        await log.open()
        ((empty,), found) = await stores.check_log(settings, stack)
        assert (empty.state, found is not None) == (State.WARN, True)
        other = settings.model_copy(update={"partitions": 3})
        (findings, _) = await stores.check_log(other, stack)
        assert any("1 partitions, not 3" in one.text for one in findings)
    assert [one.state async for one in stores.check_clock(settings)] == [State.GOOD]
