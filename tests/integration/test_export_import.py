"""A log of real sales on its way from SQLite to Kafka and back: the same heads, the same views."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger.adapters.kafka_group import KafkaGroup
from ledger.adapters.kafka_topics import Cluster, KafkaSecurity
from ledger.config import Settings, joined_writers, open_log
from ledger.errors import LogUnavailable
from ledger.log import FillableLog
from ops.exporting.export import Order, export, nothing
from ops.importing.run import fill
from ops.importing.source import Source
from ops.importing.target import TargetRefused
from projections.database import Database
from projections.migrate import upgrade
from projections.runner import Projector
from projections.tables import metadata
from tests.contract.log_cases import KafkaPlace, counting, read_all
from tests.integration.test_retail_demand import fill as fill_retail
from tests.unit.api.serving import settings_in
from tests.unit.ops.exports import (
    BUSY,
    PARTITIONS,
    bytes_of,
    forget,
    make_ledger,
    settings_of,
)
from tests.waiting import eventually

LINES = 500
# What a projector notes about itself, and about what is no history.
NO_HISTORY = {"alembic_version", "void_records"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Settings]:
    """A small ledger with holes."""
    make_ledger(tmp_path / "data")
    yield settings_of(tmp_path / "data")
    forget()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[FillableLog]:
    """A log while it is open."""
    log = open_log(settings)
    await log.open()
    try:
        yield log
    finally:
        await log.close()


async def views_of(log: FillableLog, folder: Path) -> dict[str, list[Any]]:
    """All rows of all views that a projector makes of a log."""
    url = f"sqlite+aiosqlite:///{folder}.db"
    await upgrade(url)
    database = Database(url)
    await database.open()
    projector = Projector(log, database)
    task = asyncio.create_task(projector.run())
    ends = {one: await log.end(one) - 1 for one in range(log.partitions)}
    await projector.positions.wait_for(ends, 60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    found = {}
    async with database.reader() as reader:
        for table in metadata.sorted_tables:
            if table.name not in NO_HISTORY:
                rows = await reader.all(select(table))
                found[table.name] = sorted(map(repr, rows))
    await database.close()
    return found


def kafka(bootstrap: str, prefix: str, folder: Path, partitions: int) -> Settings:
    """A log on the broker."""
    return Settings(
        _env_file=None,
        data_dir=folder,
        kafka_bootstrap=bootstrap,
        topic_prefix=prefix,
        dev=True,
        partitions=partitions,
    )


async def test_retail_from_sqlite_to_kafka(
    tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """Real sales: the same chain heads, the same bytes exported again, the same views."""
    embedded = settings_in(tmp_path / "data")
    await fill_retail(tmp_path / "data", LINES)
    async with opened(embedded) as log:
        first = await export(log, Order(folder=tmp_path / "one"))
        expected = await views_of(log, tmp_path / "views-one")
    on_kafka = kafka(kafka_bootstrap, topic_prefix, tmp_path, embedded.partitions)
    async with opened(on_kafka) as log:
        await fill(log, Source(tmp_path / "one"), "it", nothing)
        second = await export(log, Order(folder=tmp_path / "two"))
        found = await views_of(log, tmp_path / "views-two")
    assert first == second
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert sum(one.counting for one in first.ranges) > LINES
    assert len(expected["movements"]) > LINES
    assert found == expected


async def test_holes_of_kafka_to_sqlite_and_back(
    ledger: Settings, tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """Void batches, foreign records and the marker of a transaction; every offset stays."""
    async with opened(ledger) as log:
        await export(log, Order(folder=tmp_path / "one"))
    place = KafkaPlace(kafka_bootstrap, topic_prefix, tmp_path)
    on_kafka = kafka(kafka_bootstrap, topic_prefix, tmp_path, PARTITIONS)
    async with opened(on_kafka) as log:
        await fill(log, Source(tmp_path / "one"), "it", nothing)
        end = await log.end(BUSY) + 1
        await place.add_foreign(BUSY, b"17")
        end += await place.add_gap(BUSY)
        await eventually(lambda: _grown(log, end))
        manifest = await export(log, Order(folder=tmp_path / "two"))
        keys = counting(await read_all(log, BUSY))
    assert manifest.ranges[BUSY].void == 5 + 3
    async with opened(settings_of(tmp_path)) as log:
        await fill(log, Source(tmp_path / "two"), "it", nothing)
        await export(log, Order(folder=tmp_path / "three"))
        assert counting(await read_all(log, BUSY)) == keys
    assert bytes_of(tmp_path / "two") == bytes_of(tmp_path / "three")


async def _grown(log: FillableLog, end: int) -> bool:
    """Whether the marker of a transaction is there: Kafka writes it a little later."""
    return await log.end(BUSY) == end


class _Failing:
    """A log that is gone after so many batches, or to which somebody else writes then."""

    def __init__(self, log: FillableLog, batches: int, then: Callable[[int, int], Any]) -> None:
        self._log = log
        self._left = batches
        self._then = then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, partition: int, offset: int, records: Any) -> int:
        if self._left == 0:
            await self._then(partition, offset)
        self._left -= 1
        return await self._log.append(partition, offset, records)


async def test_an_import_that_was_interrupted(
    ledger: Settings, tmp_path: Path, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """The log was gone, and the import goes on; somebody else wrote, and it says so."""
    async with opened(ledger) as log:
        await export(log, Order(folder=tmp_path / "one"))
    source = Source(tmp_path / "one")
    on_kafka = kafka(kafka_bootstrap, topic_prefix, tmp_path, PARTITIONS)

    async def gone(_partition: int, _offset: int) -> None:
        raise LogUnavailable("gone")

    async with opened(on_kafka) as log:
        failing: Any = _Failing(log, 2, gone)
        with pytest.raises(LogUnavailable):
            await fill(failing, source, "it", nothing)
        ends = [await log.end(one) for one in range(PARTITIONS)]
        assert ends[0] == 0 < sum(ends)
        done = await fill(log, source, "it", nothing)
        assert sum(one.found for one in done) == sum(ends)
        await export(log, Order(folder=tmp_path / "two"))
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    place = KafkaPlace(kafka_bootstrap, f"{topic_prefix}x", tmp_path)
    async with opened(kafka(kafka_bootstrap, place.prefix, tmp_path, PARTITIONS)) as log:

        async def meddle(partition: int, _offset: int) -> None:
            await place.add_foreign(partition, None)

        failing = _Failing(log, 1, meddle)
        with pytest.raises(TargetRefused, match="somebody else writes to the log: partition"):
            await fill(failing, source, "it", nothing)
        with pytest.raises(
            TargetRefused, match=r"To begin again, stop every instance|Import into an empty one"
        ):
            await fill(log, source, "it", nothing)


async def test_a_writer_that_takes_part_is_seen(kafka_bootstrap: str, topic_prefix: str) -> None:
    """An import does not begin while an instance could write."""
    settings = kafka(kafka_bootstrap, topic_prefix, Path(), PARTITIONS)
    assert await joined_writers(settings) == []
    async with opened(settings):
        cluster = Cluster(kafka_bootstrap, KafkaSecurity(), 10.0, "an-instance")
        group = KafkaGroup(
            cluster, settings.movements_topic, settings.group_id, session_seconds=10.0
        )
        task = asyncio.create_task(group.run(lambda _share: None))
        try:

            async def seen() -> bool:
                return any("an-instance" in one for one in await joined_writers(settings))

            await eventually(seen)
        finally:
            await group.leave()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert await joined_writers(settings) == []
