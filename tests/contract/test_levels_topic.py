"""The topic of levels on a real broker: it says what the view of stock says."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewTopic

from ledger.adapters.kafka import KafkaLog
from ledger.errors import LedgerError
from ledger.log import EventLog
from ledger.ownership.group import Alone
from projections.database import Database
from projections.migrate import upgrade
from projections.publishers.level_check import compare_levels
from projections.publishers.level_documents import offset_of
from projections.publishers.level_keys import site_level_key, stock_level_key
from projections.publishers.level_publisher import LevelPublisher, Overtaken
from projections.publishers.level_topic import read_topic
from tests.builders import pick, receipt
from tests.contract.levels_cases import LevelsPlace, all_published, copy_new
from tests.contract.log_cases import KafkaPlace, read_all
from tests.contract.read_models.cases import MemoryLog, Teller
from tests.contract.read_models.projecting import project
from tests.servers import KafkaServer
from tests.unit.projections.publishers.level_cases import Shown, expected, trade
from tests.waiting import eventually

PARTITIONS = 3
MORE_SECONDS = 60.0
KEY = stock_level_key("A", "MAIN/A", None, "available")


@pytest.fixture
def levels(kafka_place: KafkaPlace) -> LevelsPlace:
    """A log of three partitions and its levels."""
    return LevelsPlace(kafka_place, PARTITIONS)


@pytest.fixture
async def log(kafka_place: KafkaPlace) -> KafkaLog:
    """The log, open."""
    log = kafka_place.log(PARTITIONS)
    await log.open()
    return log


@pytest.fixture
def told() -> MemoryLog:
    """What is to be in the log."""
    return MemoryLog(PARTITIONS)


@pytest.fixture
def tellers(told: MemoryLog) -> list[Teller]:
    """One for each partition."""
    return [Teller(told, partition) for partition in range(PARTITIONS)]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Views of the same log."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'views.db'}"
    await upgrade(url)
    database = Database(url)
    await database.open()
    yield database
    await database.close()


async def test_the_topic_says_what_the_view_says(
    levels: LevelsPlace,
    log: KafkaLog,
    told: MemoryLog,
    tellers: list[Teller],
    database: Database,
) -> None:
    """After random trade, with publishers that come and go; and a difference is found."""
    chance = random.Random(4)
    for _ in range(5):
        async with levels.publishing(log) as publisher:
            for teller in tellers:
                trade(teller, chance, 40)
            await copy_new(told, log)
            await all_published(publisher, told)
    await project(told, database)
    topic = await levels.opened()
    for partition, teller in enumerate(tellers):
        assert await levels.shown(partition) == expected(teller.state)
        async with database.reader() as reader:
            comparison = await compare_levels(topic, reader, partition)
        assert comparison.differences == []
        assert comparison.compared >= len(expected(teller.state))
        assert comparison.moving == 0
    await _spoil(topic)
    async with database.reader() as reader:
        comparison = await compare_levels(topic, reader, 0)
    assert [one.why for one in comparison.differences] == [
        "on_hand",
        "an older record lies after the newest one",
    ]


async def _spoil(topic: EventLog) -> None:
    """Something wrong of one key, as if it were its newest level, and something old of another."""
    held = [key for key, level in (await read_topic(topic, 0)).found.items() if level.on_hand]
    first, second = sorted(held)[:2]
    newest = [one for one in await read_all(topic, 0) if one.key == first][-1]
    wrong = newest.value.replace(b'"on_hand":"', b'"on_hand":"9')
    old = b'{"time":"2026-01-01T00:00:00Z","data":{"on_hand":"1","available":"1","scale":0}}'
    base = await topic.end(0)
    await topic.append(0, base, [(first, wrong, newest.position), (second, old, b"0:0")])


async def test_a_zombie_on_a_real_broker(
    levels: LevelsPlace,
    log: KafkaLog,
    told: MemoryLog,
    tellers: list[Teller],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its batch lands after those of its successor, and is covered at once."""
    teller = tellers[0]
    teller.tell(receipt("10", sku="A", location="MAIN/A"))
    await copy_new(told, log)
    slow = levels.topic()
    await slow.open()
    append, held, let_go = slow.append, asyncio.Event(), asyncio.Event()

    async def late(*arguments: Any) -> int:
        held.set()
        await let_go.wait()
        return await append(*arguments)

    monkeypatch.setattr(slow, "append", late)
    zombie = asyncio.create_task(LevelPublisher(log, 0, "zombie").run(slow))
    await held.wait()
    # Before its successor begins, which else might publish what the zombie would.
    teller.tell(pick("4", sku="A", location="MAIN/A"))
    await copy_new(told, log)
    async with levels.publishing(log) as publisher:
        await all_published(publisher, told)
        let_go.set()
        with pytest.raises(Overtaken):
            await zombie
        await eventually(lambda: publisher.counts.republished)
        await eventually(
            lambda: _is_shown(levels, 0, {KEY: (6, 6), site_level_key("A", "MAIN"): (6, 6)})
        )
    positions = [offset_of(one) for one in await levels.records(0) if one.key == KEY]
    assert positions == [2, 1, 2], "the older position lies between"


async def _is_shown(levels: LevelsPlace, partition: int, wanted: Shown) -> bool:
    return await levels.shown(partition) == wanted


async def test_two_publishers_of_everything(
    levels: LevelsPlace, log: KafkaLog, told: MemoryLog, tellers: list[Teller]
) -> None:
    """As after a rebalance that one of them did not hear of: twice the work, the same levels."""
    chance = random.Random(11)
    async with levels.publishing(log, "one") as one, levels.publishing(log, "two") as two:
        for _ in range(10):
            for teller in tellers:
                trade(teller, chance, 10)
            await copy_new(told, log)
            await asyncio.sleep(0.05)
        await all_published(one, told)
        await all_published(two, told)
        assert one.failures == two.failures == {}
    for partition, teller in enumerate(tellers):
        assert await levels.shown(partition) == expected(teller.state)


async def test_the_topic_is_deleted_meanwhile(
    levels: LevelsPlace, log: KafkaLog, told: MemoryLog, tellers: list[Teller]
) -> None:
    """It is made anew, and everything is published again."""
    chance = random.Random(5)
    for teller in tellers:
        trade(teller, chance, 30)
    await copy_new(told, log)
    async with levels.publishing(log) as publisher:
        await all_published(publisher, told)
        async with levels.place.admin() as admin:
            await admin.delete_topics([levels.name])
        for teller in tellers:
            trade(teller, chance, 10)
        await copy_new(told, log)

        async def everything_is_there() -> bool:
            with contextlib.suppress(LedgerError):
                shown = [await levels.shown(one) for one in range(PARTITIONS)]
                return shown == [expected(teller.state) for teller in tellers]
            return False

        await eventually(everything_is_there, MORE_SECONDS)
        assert publisher.failures == {}


async def test_the_broker_is_away_for_a_while(
    levels: LevelsPlace,
    log: KafkaLog,
    told: MemoryLog,
    tellers: list[Teller],
    kafka_server: KafkaServer,
) -> None:
    """It is tried again, and says so meanwhile."""
    chance = random.Random(6)
    async with levels.publishing(log) as publisher:
        for teller in tellers:
            trade(teller, chance, 30)
        await copy_new(told, log)
        await all_published(publisher, told)
        kafka_server.kill()
        await eventually(lambda: publisher.trouble, MORE_SECONDS)
        kafka_server.start()
        for teller in tellers:
            trade(teller, chance, 30)
        await copy_new(told, log)
        await all_published(publisher, told)
        await eventually(lambda: publisher.trouble is None)
        assert publisher.failures == {}
    for partition, teller in enumerate(tellers):
        assert await levels.shown(partition) == expected(teller.state)


async def test_a_topic_that_is_not_compacted_stops_it(
    levels: LevelsPlace, log: KafkaLog, told: MemoryLog, tellers: list[Teller]
) -> None:
    """Its levels would be deleted by age."""
    await copy_new(told, log)
    chosen = {"cleanup.policy": "delete", "max.message.bytes": "8454144"}
    async with levels.place.admin() as admin:
        await admin.create_topics([NewTopic(levels.name, PARTITIONS, 1, topic_configs=chosen)])
    async with levels.publishing(log) as publisher:
        await eventually(lambda: len(publisher.failures) == PARTITIONS)
        assert "cleanup.policy is delete" in publisher.failures[0][1]


async def test_a_share(
    levels: LevelsPlace, log: KafkaLog, told: MemoryLog, tellers: list[Teller]
) -> None:
    """Only its own partitions; what is let go is no failure any more."""
    for teller in tellers:
        teller.tell(receipt("1", sku="A"))
    tellers[1].head = "f" * 64
    tellers[1].tell(receipt("1", sku="A"))
    await copy_new(told, log)
    async with levels.publishing(log, group=Alone(PARTITIONS, number=1, of=2)) as publisher:
        await eventually(lambda: set(publisher.failures) == {1})
        assert publisher.partitions == {1}
        assert publisher.failures[1][0] == 2
        publisher.share(frozenset({0, 2}))
        await eventually(lambda: publisher.published() == {0: 2, 2: 2})
        assert publisher.failures == {}
        assert set(publisher.lag().values()) == {0}
    assert await levels.shown(0) == expected(tellers[0].state)
