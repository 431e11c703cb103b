"""The servers of the tests are real, reachable and apart from each other."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.servers import KafkaServer, run_sql


async def _create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def _consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        records = [await asyncio.wait_for(consumer.getone(), 60) for _ in range(count)]
        return [record.value for record in records if record.value is not None]
    finally:
        await consumer.stop()


async def test_a_record_goes_through_the_broker(kafka_bootstrap: str, topic_prefix: str) -> None:
    """What is produced is consumed."""
    topic = f"{topic_prefix}-records"
    await _create_topic(kafka_bootstrap, topic)
    await _produce(kafka_bootstrap, topic, b"one")
    assert await _consume(kafka_bootstrap, topic, 1) == [b"one"]


async def test_a_killed_broker_comes_back_with_its_records(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """The fault tests may kill the broker: address and data stay."""
    topic = f"{topic_prefix}-records"
    await _create_topic(kafka_server.bootstrap, topic)
    await _produce(kafka_server.bootstrap, topic, b"before")
    await asyncio.to_thread(kafka_server.kill)
    assert not kafka_server.running
    await asyncio.to_thread(kafka_server.start)
    await _produce(kafka_server.bootstrap, topic, b"after")
    assert await _consume(kafka_server.bootstrap, topic, 2) == [b"before", b"after"]


async def test_a_paused_broker_answers_after_the_pause(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """A pause holds an answer back and loses nothing."""
    topic = f"{topic_prefix}-records"
    await _create_topic(kafka_server.bootstrap, topic)
    kafka_server.pause()
    produced = asyncio.create_task(_produce(kafka_server.bootstrap, topic, b"late"))
    done, _ = await asyncio.wait([produced], timeout=0.3)
    assert not done
    kafka_server.resume()
    await produced
    assert await _consume(kafka_server.bootstrap, topic, 1) == [b"late"]


async def test_postgres_answers_by_driver_and_by_url(postgres_url: str) -> None:
    """The address works for asyncpg itself and for SQLAlchemy."""
    connection = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()
    engine = create_async_engine(postgres_url)
    try:
        async with engine.connect() as session:
            assert (await session.execute(text("SELECT 1"))).scalar_one() == 1
    finally:
        await engine.dispose()


def test_two_databases_see_nothing_of_each_other(new_postgres_url: Callable[[], str]) -> None:
    """A table made in one is not in the other."""
    first, second = new_postgres_url(), new_postgres_url()
    run_sql(first, "CREATE TABLE thing (id integer)")
    assert run_sql(first, "SELECT * FROM thing") == []
    with pytest.raises(asyncpg.UndefinedTableError):
        run_sql(second, "SELECT * FROM thing")


def test_a_test_is_marked_by_the_servers_it_asks_for(request: pytest.FixtureRequest) -> None:
    """So that `-m 'not kafka'` leaves out what needs a broker."""
    marks = {
        item.name: {mark.name for mark in item.iter_markers()} for item in request.session.items
    }
    for name, names in marks.items():
        if name == "test_a_record_goes_through_the_broker":
            assert "kafka" in names
        if name == "test_postgres_answers_by_driver_and_by_url":
            assert "postgres" in names
