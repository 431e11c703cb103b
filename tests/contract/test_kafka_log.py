"""What only Kafka does: answers that never come, wrong topics, clocks, sequence numbers."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiokafka.client
import pytest

from ledger.adapters import kafka, kafka_producer
from ledger.adapters.kafka import KafkaLog
from ledger.errors import (
    ClockSkewed,
    LogMisconfigured,
    LogRegressed,
    LogUnavailable,
    OutcomeUnknown,
)
from ledger.log import EventLog, NewRecord
from tests.contract.log_cases import PARTITIONS, KafkaPlace, counting, read_all, records
from tests.tcp_proxy import TcpProxy, through_proxy

PROXIED = "proxied"
# Long enough for a slow machine to make a new producer, since several tests wait for it to pass.
TIMEOUT_SECONDS = 3.0
# How long a test looks on where nothing may happen; aiokafka would try again every 0.1 s.
SILENT_SECONDS = 1.5


@pytest.fixture
async def proxy(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TcpProxy]:
    """A proxy that all connections of the client `PROXIED` go through."""
    async with TcpProxy(kafka_bootstrap) as made:
        create_conn = through_proxy(PROXIED, made, aiokafka.client.create_conn)
        monkeypatch.setattr(aiokafka.client, "create_conn", create_conn)
        yield made


@pytest.fixture
async def proxied(kafka_place: KafkaPlace, proxy: TcpProxy) -> KafkaLog:
    """A log that sees the broker through the proxy, and waits for an answer only shortly."""
    log = kafka_place.log(client_id=PROXIED, append_timeout_seconds=TIMEOUT_SECONDS)
    await log.open()
    return log


async def stays(witness: EventLog, end: int) -> None:
    """Look on while nothing happens. A slow machine can make this miss a fault, never find one."""
    until = time.monotonic() + SILENT_SECONDS
    while time.monotonic() < until:
        assert await witness.end(0) == end
        await asyncio.sleep(0.05)


async def test_an_answer_that_is_lost_leaves_the_outcome_unknown(
    kafka_place: KafkaPlace, proxied: KafkaLog, proxy: TcpProxy
) -> None:
    """The batch has landed; the log can tell, and goes on with a new producer."""
    await proxied.append(0, 0, records("a"))
    proxy.lose_answers = True
    with pytest.raises(OutcomeUnknown):
        await proxied.append(0, 1, records("b"))
    proxy.cut()
    proxy.heal()
    assert await proxied.end(0) == 2
    assert await proxied.append(0, 2, records("c")) == 2
    assert counting(await read_all(proxied, 0)) == ["a", "b", "c"]


async def test_a_connection_cut_before_the_answer_is_settled_by_the_retry(
    kafka_place: KafkaPlace, proxied: KafkaLog, proxy: TcpProxy
) -> None:
    """The same producer sends again; the broker knows the batch and says where it lies."""
    await proxied.append(0, 0, records("a"))
    proxy.lose_answers = True
    appending = asyncio.create_task(proxied.append(0, 1, records("b")))
    await proxy.answer_lost.wait()
    proxy.heal()
    proxy.cut()
    assert await appending == 1
    assert counting(await read_all(await kafka_place.open_log(), 0)) == ["a", "b"]


async def test_a_discarded_producer_is_silent(
    kafka_place: KafkaPlace, proxied: KafkaLog, proxy: TcpProxy
) -> None:
    """A batch lost on its way is not sent again once the network is well."""
    witness = await kafka_place.open_log()
    await proxied.append(0, 0, records("a"))
    proxy.lose_requests = True
    with pytest.raises(OutcomeUnknown):
        await proxied.append(0, 1, records("b"))
    assert proxy.request_lost.is_set()
    proxy.cut()
    proxy.heal()
    await stays(witness, 1)
    assert await proxied.append(0, 1, records("c")) == 1


async def test_a_discarded_producer_does_not_flush(
    kafka_place: KafkaPlace, proxied: KafkaLog, proxy: TcpProxy
) -> None:
    """A large batch that is half on its way never becomes a whole one."""
    witness = await kafka_place.open_log()
    large = [NewRecord(b"k", b"x" * 100_000)] * 35
    await proxied.append(0, 0, large)
    proxy.flowing.clear()  # connections stay open, and nothing passes
    with pytest.raises(OutcomeUnknown):
        await proxied.append(0, 35, large)
    proxy.heal()
    await stays(witness, 35)


async def test_what_is_in_flight_beside_an_unknown_outcome_is_unknown_too(
    proxied: KafkaLog, proxy: TcpProxy
) -> None:
    """All share one producer, which is discarded once."""
    await asyncio.gather(*(proxied.append(one, 0, records("a")) for one in range(12)))
    proxy.lose_answers = True
    outcomes = await asyncio.gather(
        *(proxied.append(one, 1, records("b")) for one in range(12)), return_exceptions=True
    )
    assert {type(one) for one in outcomes} <= {OutcomeUnknown, LogUnavailable}
    assert OutcomeUnknown in {type(one) for one in outcomes}
    proxy.cut()
    proxy.heal()
    for partition, outcome in enumerate(outcomes):
        end = await proxied.end(partition)
        if isinstance(outcome, LogUnavailable):
            assert end == 1  # "surely not" is sure
        assert await proxied.append(partition, end, records("c")) == end


@pytest.mark.parametrize("appends", [True, False])
async def test_a_topic_made_anew_is_known_by_its_id(
    kafka_place: KafkaPlace, monkeypatch: pytest.MonkeyPatch, appends: bool
) -> None:
    """By the next append or read alone, also if nothing was under way and no offset tells."""
    log = await kafka_place.open_log()
    await log.append(0, 0, records("a", "b"))
    await kafka_place.recreate(9)
    log._topic_id_asked_at = 0.0  # type: ignore[attr-defined]
    with pytest.raises(LogRegressed, match="deleted and created again"):
        await (log.append(0, 2, records("c")) if appends else log.read(0, 2))


async def test_a_broker_that_is_gone_is_told_in_bounded_time(
    proxied: KafkaLog, proxy: TcpProxy
) -> None:
    """Nothing hangs; and all works again when the broker is back."""
    await proxied.append(0, 0, records("a"))
    proxy.refusing = True
    proxy.cut()
    started = time.monotonic()
    with pytest.raises((LogUnavailable, OutcomeUnknown)):
        await proxied.append(0, 1, records("b"))
    with pytest.raises(LogUnavailable):
        await proxied.append(0, 1, records("b"))
    with pytest.raises(LogUnavailable):
        await proxied.read(0, 1, wait_seconds=0.5)
    with pytest.raises(LogUnavailable):
        await proxied.end(0)
    with pytest.raises(LogUnavailable):
        await proxied.check()
    assert time.monotonic() - started < 20 * TIMEOUT_SECONDS
    proxy.heal()
    end = await proxied.end(0)
    assert await proxied.append(0, end, records("c")) == end


async def test_a_closed_log_connects_to_nothing_for_a_check(kafka_place: KafkaPlace) -> None:
    """Nobody would close that. It can be opened again."""
    log = kafka_place.log()
    assert await log.check() != []
    await log.open()
    assert await log.check() == []
    await log.close()
    with pytest.raises(LogUnavailable):
        await log.check()
    await log.open()
    assert await log.check() == []


async def test_a_broker_that_is_not_there_is_told_at_open(kafka_place: KafkaPlace) -> None:
    """The address is in the message."""
    log = KafkaLog("127.0.0.1:1", append_timeout_seconds=TIMEOUT_SECONDS)
    with pytest.raises(LogUnavailable, match=r"127\.0\.0\.1:1"):
        await log.open()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cleanup_policy": "compact"}, "cleanup.policy is compact"),
        ({"cleanup_policy": "compact,delete"}, "cleanup.policy is compact,delete"),
        ({"retention_ms": "604800000"}, "retention.ms is 604800000"),
        ({"retention_bytes": "1000000"}, "retention.bytes is 1000000"),
        ({"message_timestamp_type": "CreateTime"}, "message.timestamp.type is CreateTime"),
        ({"unclean_leader_election_enable": "true"}, "unclean.leader.election.enable is true"),
        ({"max_message_bytes": "1048588"}, "max.message.bytes is 1048588"),
    ],
)
async def test_a_wrong_topic_is_refused(
    kafka_place: KafkaPlace, settings: dict[str, str], message: str
) -> None:
    """With a sentence that names the setting."""
    await kafka_place.create(PARTITIONS, **settings)
    log = kafka_place.log()
    assert [message in sentence for sentence in await log.check()] == [True]
    with pytest.raises(LogMisconfigured, match=message.replace(".", r"\.")):
        await log.open()


async def test_too_few_copies_are_refused_unless_it_is_for_development(
    kafka_place: KafkaPlace,
) -> None:
    """And all that is wrong is listed at once."""
    await kafka_place.create(11, retention_ms="1")
    log = KafkaLog(kafka_place.bootstrap, topic=kafka_place.topic)
    kafka_place.made.append(log)
    with pytest.raises(LogMisconfigured) as caught:
        await log.open()
    for part in ("11 partitions", "1 replicas", "min.insync.replicas is 1", "retention.ms is 1"):
        assert part in str(caught.value)


async def test_a_topic_that_cannot_be_made_safe_is_not_made(kafka_place: KafkaPlace) -> None:
    """One broker cannot hold three copies."""
    log = KafkaLog(kafka_place.bootstrap, topic=kafka_place.topic)
    with pytest.raises(LogMisconfigured, match="cannot be created"):
        await log.open()
    with pytest.raises(LogMisconfigured, match="does not exist"):
        await kafka_place.log(create=False).open()


async def test_many_processes_may_create_the_topic_at_once(kafka_place: KafkaPlace) -> None:
    """One makes it, and all find it ready."""
    logs = [kafka_place.log() for _ in range(6)]
    await asyncio.gather(*(log.open() for log in logs))
    for partition in range(12):
        assert await logs[partition % 6].append(partition, 0, records("a")) == 0


@pytest.mark.parametrize("ahead_seconds", [-60.0, 60.0])
async def test_a_clock_that_is_off_stops_the_next_append(
    kafka_place: KafkaPlace, monkeypatch: pytest.MonkeyPatch, ahead_seconds: float
) -> None:
    """The first batch is durable and counts; a later probe finds the clock right again."""
    off = ahead_seconds
    log = kafka_place.log(clock=lambda: time.time() + off)
    await log.open()
    assert await log.append(0, 0, records("a")) == 0
    assert log.clock_skew_seconds == pytest.approx(ahead_seconds, abs=4)
    with pytest.raises(ClockSkewed):
        await log.append(0, 1, records("b"))
    off = 0.0
    with pytest.raises(ClockSkewed):
        await log.append(0, 1, records("b"))
    monkeypatch.setattr(kafka, "CLOCK_PROBE_SECONDS", 0.0)
    assert await log.append(0, 1, records("b")) == 1
    monkeypatch.setattr(kafka, "CLOCK_PROBE_SECONDS", 1_000.0)
    assert await log.append(0, 2, records("c")) == 2
    assert counting(await read_all(log, 0)) == ["a", "b", "c"]


async def test_the_producer_is_renewed_before_its_numbers_end(
    kafka_place: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while batches of other partitions are in flight."""
    monkeypatch.setattr(kafka_producer, "SEQUENCE_MAX", 10)
    log = await kafka_place.open_log()
    assert isinstance(log, KafkaLog)
    producers = {id(log._producer): log._producer}

    async def write(partition: int, size: int) -> None:
        for number in range(6):
            batch = records(*(f"{number}.{part}" for part in range(size)))
            assert await log.append(partition, number * size, batch) == number * size
            producers[id(log._producer)] = log._producer

    await asyncio.gather(write(0, 4), write(1, 1), write(2, 3))
    assert len(producers) > 2
    assert len(counting(await read_all(log, 0))) == 24
    assert [one.discarded for one in producers.values() if one is not None].count(False) == 1
