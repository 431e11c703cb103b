"""Levels of one partition: what the topic says is what the log has come to, whatever happens."""

import asyncio
import random

import pytest

from ledger.errors import ChainBroken, LogRegressed, WrongLedger
from ledger.log import Record
from projections.publishers.level_documents import LevelsPublishedData, mark_record
from projections.publishers.level_keys import mark_key, site_level_key, stock_level_key
from projections.publishers.level_publisher import LevelPublisher, Overtaken
from projections.publishers.level_state import Level, Levels
from projections.publishers.level_topic import read_topic
from tests.builders import pick, receipt
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog, Teller
from tests.unit.projections.publishers.level_cases import (
    MemoryTopic,
    all_published,
    by_place,
    by_position,
    expected,
    publishing,
    trade,
)
from tests.waiting import eventually

KEY = stock_level_key("A", "MAIN/A", None, "available")


@pytest.fixture
def log() -> MemoryLog:
    """An empty log of one partition."""
    return MemoryLog(1)


@pytest.fixture
def teller(log: MemoryLog) -> Teller:
    """Writes that log."""
    return Teller(log)


async def publish(log: MemoryLog, topic: MemoryTopic, teller: Teller) -> LevelPublisher:
    """Publish all that there is, then end."""
    async with publishing(log, topic) as publisher:
        await all_published(publisher, teller)
    return publisher


@pytest.mark.parametrize("seed", range(30))
async def test_levels_are_those_of_the_log(log: MemoryLog, teller: Teller, seed: int) -> None:
    """With ends, compactions and new beginnings in between, by either rule of reading."""
    chance, topic = random.Random(seed), MemoryTopic()
    for _ in range(6):
        async with publishing(log, topic) as publisher:
            for _ in range(chance.randint(1, 4)):
                trade(teller, chance, chance.randint(1, 30))
                await asyncio.sleep(0)
            if chance.randrange(3):
                await all_published(publisher, teller)
        if chance.randrange(2):
            topic.compact(tombstones=bool(chance.randrange(2)))
    await publish(log, topic, teller)
    assert by_place(topic) == expected(teller.state)
    assert by_position(topic) == expected(teller.state)


@pytest.mark.parametrize("seed", range(30))
async def test_a_batch_that_lands_late_is_covered_again(
    log: MemoryLog, teller: Teller, seed: int
) -> None:
    """A publisher is held up in the middle of a batch; another one has gone on meanwhile."""
    chance, topic = random.Random(seed), MemoryTopic()
    trade(teller, chance, 30)
    await publish(log, topic, teller)
    trade(teller, chance, 10)
    topic.hold = let_go = asyncio.Event()
    async with publishing(log, topic, "zombie"):
        await topic.held.wait()
        async with publishing(log, topic, "other") as other:
            trade(teller, chance, 40)
            await all_published(other, teller)
            let_go.set()
            await eventually(lambda: by_place(topic) == expected(teller.state))
            trade(teller, chance, 20)
            await all_published(other, teller)
            await eventually(lambda: by_place(topic) == expected(teller.state))
    assert by_position(topic) == expected(teller.state)


async def test_who_was_overtaken_says_so(log: MemoryLog, teller: Teller) -> None:
    """It reads the topic before it goes on."""
    topic = MemoryTopic()
    teller.tell(receipt("4", sku="A"))
    topic.hold = let_go = asyncio.Event()
    zombie = asyncio.create_task(LevelPublisher(log, 0, "zombie").run(topic))
    await topic.held.wait()
    teller.tell(receipt("5", sku="A"))
    await publish(log, topic, teller)
    let_go.set()
    with pytest.raises(Overtaken):
        await zombie


@pytest.mark.parametrize("compacted", [False, True])
async def test_what_a_zombie_spoilt_while_nobody_looked_is_found_at_the_next_start(
    log: MemoryLog, teller: Teller, compacted: bool
) -> None:
    """Even if compaction has already taken the good record: then the log is read from 0."""
    topic = MemoryTopic()
    teller.tell(receipt("4", sku="A", location="MAIN/A"))
    await publish(log, topic, teller)
    old = [one for one in topic.records[0] if one.key == KEY]
    teller.tell(pick("3", sku="A", location="MAIN/A"))
    await publish(log, topic, teller)
    late = old[0]
    offset = await topic.end(0)
    topic.put(0, Record(offset, offset - 3, late.key, late.value, 0, late.position))
    if compacted:
        topic.compact()
    found = await read_topic(topic, 0)
    assert found.doubtful == compacted
    assert by_place(topic)[KEY] == (4, 4)
    async with publishing(log, topic) as publisher:
        await eventually(lambda: by_place(topic) == expected(teller.state))
        assert publisher.counts.published
    assert by_place(topic)[KEY] == (1, 1)
    assert not (await read_topic(topic, 0)).doubtful


async def test_an_emptied_key_gets_a_tombstone(log: MemoryLog, teller: Teller) -> None:
    """And so does its site; the memory of both goes."""
    topic = MemoryTopic()
    teller.tell(receipt("4", sku="A", location="MAIN/A"))
    async with publishing(log, topic) as publisher:
        await all_published(publisher, teller)
        assert len(publisher.levels) == 2
        teller.tell(pick("4", sku="A", location="MAIN/A"))
        await all_published(publisher, teller)
        assert len(publisher.levels) == 0
    tombstones = [one.key for one in topic.records[0] if not one.value]
    assert sorted(tombstones) == sorted([KEY, site_level_key("A", "MAIN")])
    topic.compact()
    assert {one.key for one in topic.records[0]} == {mark_key(0)}
    teller.tell(receipt("2", sku="A", location="MAIN/A"))
    await publish(log, topic, teller)
    assert by_place(topic) == expected(teller.state)


async def test_many_movements_of_a_key_are_one_level(log: MemoryLog, teller: Teller) -> None:
    """A publisher that was away publishes what there is now, not all that there was."""
    topic = MemoryTopic()
    for _ in range(100):
        teller.tell(receipt("1", sku="A", location="MAIN/A"))
    publisher = await publish(log, topic, teller)
    assert publisher.counts.published == 2
    assert by_place(topic)[KEY] == (100, 100)


async def test_records_that_change_no_level_are_marked_as_read(
    log: MemoryLog, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a start need not read them again and again."""
    monkeypatch.setattr("projections.publishers.level_publisher.MARK_EVERY_RECORDS", 10)
    topic = MemoryTopic()
    for _ in range(20):
        teller.claim()
    await publish(log, topic, teller)
    found = await read_topic(topic, 0)
    assert found.mark is not None
    assert found.mark.position == teller.end


async def test_nonsense_in_the_topic_is_nobodys(log: MemoryLog, teller: Teller) -> None:
    """Under no key of a level it stays; under one it is covered."""
    topic = MemoryTopic()
    teller.tell(receipt("4", sku="A", location="MAIN/A"))
    nobodys = (b"nonsense", b'["too","many","parts"]', b'[null,"X",null,"available"]')
    for key in (*nobodys, KEY, mark_key(0)):
        offset = await topic.end(0)
        topic.put(0, Record(offset, offset, key, b"not JSON", 0, b"0:x"))
    await publish(log, topic, teller)
    offset = await topic.end(0)
    assert offset == 5 + 3
    async with publishing(log, topic) as publisher:
        await all_published(publisher, teller)
        topic.put(0, Record(offset, None, KEY, b"not JSON", 0, None))
        await eventually(lambda: publisher.counts.republished == 1)
    last = {one.key: one.value for one in topic.records[0]}
    assert b'"on_hand":"4"' in last[KEY]


async def test_levels_of_another_ledger_stop_it(log: MemoryLog, teller: Teller) -> None:
    """They are never mixed."""
    topic = MemoryTopic()
    teller.tell(receipt("4", sku="A"))
    await publish(log, topic, teller)
    other = MemoryLog(1)
    Teller(other, ledger_id="22222222-2222-4222-8222-222222222222").tell(receipt("4", sku="A"))
    with pytest.raises(WrongLedger):
        await LevelPublisher(other, 0, "one").run(topic)


async def test_a_log_that_is_shorter_than_its_levels_stops_it(
    log: MemoryLog, teller: Teller
) -> None:
    """It has lost its past."""
    topic = MemoryTopic()
    teller.tell(receipt("4", sku="A"))
    await publish(log, topic, teller)
    log.records[0].pop()
    with pytest.raises(LogRegressed):
        await LevelPublisher(log, 0, "one").run(topic)


async def test_a_broken_chain_stops_it_after_what_lies_before(
    log: MemoryLog, teller: Teller
) -> None:
    """What lies before is published."""
    topic = MemoryTopic()
    teller.tell(receipt("4", sku="A", location="MAIN/A"))
    async with publishing(log, topic) as publisher:
        await all_published(publisher, teller)
    teller.tell(receipt("5", sku="A", location="MAIN/A"))
    good = expected(teller.state)
    teller.head = "f" * 64
    teller.tell(receipt("6", sku="A", location="MAIN/A"))
    with pytest.raises(ChainBroken):
        await LevelPublisher(log, 0, "one").run(topic)
    assert by_place(topic) == good
    size = len(topic.records[0])
    with pytest.raises(ChainBroken):
        await LevelPublisher(log, 0, "one").run(topic)
    assert len(topic.records[0]) == size


async def test_a_mark_that_lies_elsewhere_vouches_for_nothing(
    log: MemoryLog, teller: Teller
) -> None:
    """A publisher was killed before it could cover what a late batch had spoilt under its feet."""
    topic = MemoryTopic()
    teller.tell(receipt("4", sku="A", location="MAIN/A"))
    await publish(log, topic, teller)
    old = next(one for one in topic.records[0] if one.key == KEY)
    teller.tell(pick("3", sku="A", location="MAIN/A"))
    await publish(log, topic, teller)
    offset = await topic.end(0)
    topic.put(0, Record(offset, 1, old.key, old.value, 0, old.position))
    teller.claim()
    mark = LevelsPublishedData(LEDGER_ID, 0, teller.end, teller.head, "killed")
    key, value, position = mark_record(mark, 0)
    topic.put(0, Record(offset + 1, offset, key, value, 0, position))
    topic.compact()
    assert by_place(topic)[KEY] == (4, 4)
    async with publishing(log, topic):
        await eventually(lambda: by_place(topic) == expected(teller.state))
    assert by_place(topic)[KEY] == (1, 1)


def test_sums_of_sites_are_not_believed() -> None:
    """They are those of the stock keys; one that is not, and one of nothing, is published again."""
    site, empty = site_level_key("A", "MAIN"), site_level_key("A", "EAST")
    good = site_level_key("B", "MAIN")
    levels = Levels()
    levels.load(
        {
            KEY: Level(4, 4, 0, 3, 0),
            stock_level_key("A", "MAIN/B", None, "damaged"): Level(2, 0, 0, 5, 0),
            site: Level(7, 4, 0, 6, 0),
            empty: Level(1, 1, 0, 6, 0),
            stock_level_key("B", "MAIN", None, "available"): Level(1, 1, 0, 2, 0),
            good: Level(1, 1, 0, 4, 0),
        },
        9,
    )
    assert set(levels.changed) == {site, empty}
    assert levels.get(site) == Level(6, 4, 0, 6, 0)
    assert levels.get(empty) is None
    assert levels.get(good) == Level(1, 1, 0, 4, 0), "its own position, not that of a key"


async def test_a_position_of_thousands_of_digits_stops_nothing(
    log: MemoryLog, teller: Teller
) -> None:
    """Whoever may write to the topic may have written it; Python makes no number of it."""
    topic = MemoryTopic()
    teller.tell(receipt("1", sku="A", location="MAIN/A"))
    topic.put(0, Record(0, 0, KEY, b"", 0, b"0:" + b"9" * 5_000))
    publisher = await publish(log, topic, teller)
    level = publisher.levels.get(KEY)
    assert level is not None
    assert level.on_hand == 1
