"""What only Kafka does: answers that never come, wrong topics, clocks, sequence numbers."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiokafka.client
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder

from ledger.adapters import kafka, kafka_producer
from ledger.adapters.kafka import KafkaLog
from ledger.adapters.kafka_reader import stated_offset
from ledger.errors import (
    ClockSkewed,
    LogMisconfigured,
    LogUnavailable,
    OutcomeUnknown,
)
from ledger.log import BATCH_BYTES_MAX, NewRecord
from tests.contract.log_cases import KafkaPlace, counting, read_all, records
from tests.tcp_proxy import TcpProxy, through_proxy

PROXIED = "proxied"
TIMEOUT_SECONDS = 1.0


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
    until = time.monotonic() + 1.5  # aiokafka tries again every 0.1 s
    while time.monotonic() < until:
        assert await witness.end(0) == 1
        await asyncio.sleep(0.05)
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
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        assert await witness.end(0) == 35
        await asyncio.sleep(0.05)


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
    assert time.monotonic() - started < 15 * TIMEOUT_SECONDS
    proxy.heal()
    end = await proxied.end(0)
    assert await proxied.append(0, end, records("c")) == end


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
    await kafka_place.create(**settings)
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
    assert log.clock_skew_seconds == pytest.approx(ahead_seconds, abs=2)
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


def test_the_fast_way_makes_the_same_bytes_as_the_public_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`build_batch` uses parts of aiokafka that are not public; this pins what it relies on."""

    class Kafka:
        def __init__(self, builder: type[BatchBuilder]) -> None:
            self.builder = builder

        def create_batch(self) -> BatchBuilder:
            return self.builder(BATCH_BYTES_MAX, 0)

    class Hidden(BatchBuilder):  # type: ignore[misc]
        """A builder whose parts have other names."""

        def __init__(self, *arguments: int) -> None:
            super().__init__(*arguments)
            self.kept = self.__dict__.pop("_builder")

        def append(self, **record: object) -> object:
            self._builder = self.kept
            try:
                return super().append(**record)
            finally:
                del self._builder

        def size(self) -> int:
            return int(self.kept.size())

    monkeypatch.setattr(kafka_producer.time, "time_ns", lambda: 1_700_000_000_000_000_000)
    batch = [NewRecord(b"k%d" % one, b"v" * one, b"t" if one % 3 else None) for one in range(300)]
    fast = kafka_producer.build_batch(Kafka(BatchBuilder), 17, batch)
    public = kafka_producer.build_batch(Kafka(Hidden), 17, batch)
    assert "_builder" not in public.__dict__
    public._builder = public.kept
    assert fast.record_count() == public.record_count() == 300
    assert fast.append(timestamp=None, key=b"", value=b"") is None
    assert bytes(fast._build()) == bytes(public._build())


@pytest.mark.parametrize(
    ("headers", "stated"),
    [
        ([("ledger-offset", b"0")], 0),
        ([("ledger-offset", b"17"), ("content-type", b"x")], 17),
        ([("content-type", b"x"), ("ledger-offset", b"17")], 17),
        ([], None),
        ([("Ledger-Offset", b"17")], None),
        ([("ledger-offset", b"17"), ("ledger-offset", b"17")], None),
        ([("ledger-offset", b"17"), ("ledger-offset", b"18")], None),
        ([("ledger-offset", None)], None),
        *[
            ([("ledger-offset", odd)], None)
            for odd in (b"", b"017", b"00", b"+17", b"-1", b"1_7", b" 17", b"17 ", b"17\n")
        ],
        *[([("ledger-offset", odd)], None) for odd in (b"1.0", b"0x1", "१७".encode(), b"9" * 20)],
    ],
)
def test_only_one_canonical_header_states_an_offset(
    headers: list[tuple[str, bytes | None]], stated: int | None
) -> None:
    """Whatever merely parses to a number states nothing."""
    assert stated_offset(headers) == stated


async def test_headers_are_judged_the_same_when_read(kafka_place: KafkaPlace) -> None:
    """The fast way of reading agrees with the careful one."""
    log = await kafka_place.open_log()
    await kafka_place.send(
        0,
        [
            [("ledger-offset", b"0")],
            [("ledger-offset", b"1"), ("ledger-offset", b"1")],
            [("ledger-offset", b"2"), ("other", b"")],
            [("other", b""), ("ledger-offset", b"3")],
            [("ledger-offset", b"04"), ("other", b"")],
            [("ledger-offset", b"4"), ("other", b"")],
        ],
    )
    assert [one.stated for one in await read_all(log, 0)] == [0, None, 2, 3, None, 4]
