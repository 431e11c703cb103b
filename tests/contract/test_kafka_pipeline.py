"""How many requests are on their way to a broker at once, and what goes along with which."""

import asyncio
import weakref
from typing import Any

import pytest

from ledger.adapters.kafka_producer import NODE_REQUESTS_MAX
from ledger.log import NewRecord
from tests.contract.log_cases import PARTITIONS, KafkaPlace, records
from tests.waiting import eventually

pytestmark = pytest.mark.kafka


async def test_a_second_request_does_not_wait_for_the_first(
    kafka_place: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third does, and takes along everything that came meanwhile."""
    log = kafka_place.log()
    await log.open()
    assert log._producer is not None
    client, waiting = log._producer._kafka.client, log._producer._kafka._message_accumulator
    send = client.send
    sent: list[list[int]] = []
    let_go = asyncio.Event()

    async def held_back(node_id: int, request: Any, **more: Any) -> Any:
        ((_, batches),) = request._topics
        sent.append([partition for partition, _ in batches])
        await let_go.wait()
        return await send(node_id, request, **more)

    monkeypatch.setattr(client, "send", held_back)
    appending = []
    for partition in range(PARTITIONS):
        appending.append(asyncio.create_task(log.append(partition, 0, records("a"))))
        if partition < NODE_REQUESTS_MAX:
            await eventually(lambda so_many=partition + 1: len(sent) == so_many)  # type: ignore[misc]
    await eventually(lambda: len(waiting._batches) == PARTITIONS - NODE_REQUESTS_MAX)
    let_go.set()
    assert await asyncio.gather(*appending) == [0] * PARTITIONS
    assert sent == [[0], [1], [*range(NODE_REQUESTS_MAX, PARTITIONS)]]
    # Afterwards there is room again.
    assert await log.append(0, 1, records("b")) == 1
    assert sent[3:] == [[0]]


async def test_records_are_not_kept_while_the_broker_answers(
    kafka_place: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in the batch by then, and their memory is wanted for the next ones."""

    class Records(list[NewRecord]):
        """A list that tells when it is gone."""

    log = kafka_place.log()
    await log.open()
    assert log._producer is not None
    kept: list[weakref.ref[Records]] = []
    gone: list[bool] = []
    send_batch = log._producer._kafka.send_batch

    def some() -> Records:
        made = Records(records("a"))
        kept.append(weakref.ref(made))
        return made

    async def look(*arguments: Any, **more: Any) -> Any:
        gone.append(kept[0]() is None)
        return await send_batch(*arguments, **more)

    monkeypatch.setattr(log._producer._kafka, "send_batch", look)
    assert await log.append(0, 0, some()) == 0
    assert gone == [True]
