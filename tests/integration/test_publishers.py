"""Publishers in processes of their own: they share the partitions, and do without each other."""

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from ledger.config import Settings
from ledger.config.publishing import alerts_topic, open_levels
from projections.publishers.level_topic import read_topic
from tests.integration.shell import PARTITIONS, SECONDS_MAX, Shell
from tests.waiting import eventually

EVERYTHING = frozenset(range(PARTITIONS))
SESSION_SECONDS = 6
SKUS = [f"SKU-{number}" for number in range(12)]
SITES = ("MAIN", "EAST")

_FOLLOWS = re.compile(r'^stockledger_publisher_follows\{partition="(\d+)"\} 1\.0$', re.MULTILINE)
_LAGS = re.compile(r"^stockledger_publisher_lag_records\{.*\} (\S+)$", re.MULTILINE)

Sites = dict[tuple[str, str], int]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


async def metrics(url: str) -> str:
    """What a server says of itself."""
    async with httpx.AsyncClient(timeout=SECONDS_MAX) as client:
        return (await client.get(f"{url}/metrics")).text


async def published_by(url: str) -> frozenset[int]:
    """The partitions that a process publishes."""
    return frozenset(int(one) for one in _FOLLOWS.findall(await metrics(url)))


async def shared_out(one: str, other: str) -> bool:
    """Whether each has a part and nobody has the other's."""
    first, second = await published_by(one), await published_by(other)
    return bool(first and second) and not first & second and first | second == EVERYTHING


async def sell(url: str, first: int, count: int, left: Sites) -> None:
    """Receipts and picks of all SKUs at two sites, noted in `left`."""
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS_MAX) as client:
        for number in range(first, first + count):
            key = SKUS[number % len(SKUS)], SITES[number // 3 % 2]
            held = left.get(key, 0)
            kind, quantity = ("pick", held) if held and number % 3 == 0 else ("receipt", 3)
            command = {"id": f"m{number}", "type": kind, "sku": key[0], "quantity": quantity}
            answer = await client.post("/v1/movements", json=command | {"location": f"{key[1]}/A"})
            assert answer.status_code == 201, answer.text
            left[key] = 0 if kind == "pick" else held + quantity


async def shown(settings: Settings) -> Sites:
    """What the topic says of every SKU at every site that has it."""
    topic = open_levels(settings, create=False)
    assert topic is not None
    await topic.open()
    sites: Sites = {}
    try:
        for partition in range(PARTITIONS):
            for key, level in (await read_topic(topic, partition)).found.items():
                sku, *place = json.loads(key)
                if len(place) == 1 and level.on_hand:
                    sites[sku, place[0]] = level.on_hand
    finally:
        await topic.close()
    return sites


async def says(settings: Settings, left: Sites) -> bool:
    """Whether the topic says what was left."""
    return await shown(settings) == {key: held for key, held in left.items() if held}


async def sent(settings: Settings) -> list[dict[str, Any]]:
    """All alerts on the topic, once each."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap)
    await consumer.start()
    found: dict[str, dict[str, Any]] = {}
    try:
        places = [TopicPartition(alerts_topic(settings), one) for one in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        for place in places:
            while await consumer.position(place) < ends[place]:
                for record in (await consumer.getmany(place, timeout_ms=1000)).get(place, ()):
                    document = json.loads(record.value)
                    assert json.loads(record.key)[0] == document["subject"]
                    found[document["id"]] = document
    finally:
        await consumer.stop()
    return [*found.values()]


async def test_publishers_come_and_go(
    shell: Shell, kafka_bootstrap: str, topic_prefix: str, postgres_url: str
) -> None:
    """Two share the partitions; one is stopped, one is killed, one comes back: the same levels."""
    log = ("--kafka-bootstrap", kafka_bootstrap, "--topic-prefix", topic_prefix, "--dev")
    views = ("--database-url", postgres_url, "--group-session-seconds", str(SESSION_SECONDS))
    flags = (*log, "--replication", "1", *views)
    _, url = shell.serve(0, *flags, "--data-dir", "one", "--roles", "api,writer,projector")
    publisher = (*flags, "--roles", "publisher", "--data-dir")
    first, at_first = shell.serve(0, *publisher, "two")
    second, at_second = shell.serve(0, *publisher, "three")
    settings = Settings(
        _env_file=None,
        kafka_bootstrap=kafka_bootstrap,
        topic_prefix=topic_prefix,
        partitions=PARTITIONS,
        dev=True,
    )
    left: Sites = {}
    await eventually(lambda: shared_out(at_first, at_second))
    await sell(url, 0, 60, left)
    await eventually(lambda: says(settings, left))

    first.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(first.wait, SECONDS_MAX) == 0
    await sell(url, 60, 30, left)
    await eventually(lambda: says(settings, left))

    async def all_at_second() -> bool:
        return await published_by(at_second) == EVERYTHING

    await eventually(all_at_second)
    second.kill()
    await sell(url, 90, 30, left)
    assert not await says(settings, left)
    _, at_third = shell.serve(0, *publisher, "four")
    await eventually(lambda: says(settings, left))

    async def no_lag() -> bool:
        return set(_LAGS.findall(await metrics(at_third))) == {"0.0"}

    await eventually(no_lag)

    code, out, err = await asyncio.to_thread(
        shell.run,
        *("topics", *log, "--partitions", str(PARTITIONS), "--roles", "publisher", "--json"),
    )
    assert code == 0, err
    names = [f"{topic_prefix}.levels.v1", f"{topic_prefix}.alerts.v1"]
    assert json.loads(out)["published"] == names
    out_of_stock = {key for key, held in left.items() if not held}

    async def told() -> bool:
        return {(one["data"]["sku"], one["data"]["site"]) for one in await sent(settings)} >= (
            out_of_stock
        )

    await eventually(told)  # alerts follow the views


async def test_a_missing_topic_is_wrong_where_it_may_not_be_made(
    shell: Shell, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """`topics` says so, and makes it when told to."""
    log = ("--kafka-bootstrap", kafka_bootstrap, "--topic-prefix", topic_prefix, "--dev")
    flags = (*log, "--replication", "1", "--partitions", "2")
    run, roles = shell.run, ("--roles", "api,publisher")
    assert (await asyncio.to_thread(run, "topics", "--create", *flags))[0] == 0
    code, _, err = await asyncio.to_thread(run, "topics", *flags, *roles)
    assert code == 1
    assert f"{topic_prefix}.levels.v1: the topic does not exist" in err
    code, out, _ = await asyncio.to_thread(run, "topics", "--create", *flags, *roles)
    assert code == 0
    assert f"{topic_prefix}.levels.v1" in out
