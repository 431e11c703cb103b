"""Clients of a broker: one for each reader, and none that nobody closes."""

import asyncio
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from ledger.adapters import kafka_reader
from ledger.adapters.kafka_reader import KafkaReader
from ledger.adapters.kafka_topics import Cluster, KafkaSecurity
from ledger.errors import LogUnavailable
from tests.waiting import eventually


class Clients:
    """Stands for aiokafka: counts clients, and lets none connect before it is told to."""

    def __init__(self) -> None:
        """Nothing is made."""
        self.made = 0
        self.closed = 0
        self.go = asyncio.Event()

    def __call__(self, **_arguments: Any) -> "Clients":
        """Make one."""
        self.made += 1
        return self

    async def bootstrap(self) -> None:
        """Wait."""
        await self.go.wait()

    async def set_topics(self, _topics: list[str]) -> None:
        """Nothing to learn."""

    async def close(self) -> None:
        """Count it."""
        self.closed += 1


@pytest.fixture
def clients() -> Iterator[Clients]:
    """In place of aiokafka's."""
    clients = Clients()
    with mock.patch.object(kafka_reader, "AIOKafkaClient", clients):
        yield clients


@pytest.fixture
def reader(clients: Clients) -> KafkaReader:
    """Not connected."""
    return KafkaReader(Cluster("localhost:1", KafkaSecurity(), 10.0, "test"), "topic")


async def opening(reader: KafkaReader, clients: Clients) -> asyncio.Task[None]:
    """One that has begun."""
    task = asyncio.create_task(reader.open())
    await eventually(lambda: clients.made)
    return task


async def test_two_who_open_it_at_once(reader: KafkaReader, clients: Clients) -> None:
    """Have one client, which is closed with the reader."""
    first = await opening(reader, clients)
    second = asyncio.create_task(reader.open())
    await asyncio.sleep(0)
    clients.go.set()
    await asyncio.gather(first, second)
    await reader.close()
    assert (clients.made, clients.closed) == (1, 1)


async def test_closed_while_it_opens(reader: KafkaReader, clients: Clients) -> None:
    """Nothing stays, who opened it hears of it, and it can be opened again."""
    first = await opening(reader, clients)
    await reader.close()
    clients.go.set()
    with pytest.raises(LogUnavailable):
        await first
    assert clients.closed == 1
    await reader.open()
    await reader.close()
    assert (clients.made, clients.closed) == (2, 2)


async def test_cancelled_while_it_opens(reader: KafkaReader, clients: Clients) -> None:
    """Nothing stays."""
    first = await opening(reader, clients)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert clients.closed == 1
