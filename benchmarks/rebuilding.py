"""How fast the views are made anew from the log, beside a raw COPY of the same rows.

    python -m benchmarks.rebuild [--movements 1600000] [--skus 4000] [--sqlite] [--kafka]

Prints movements a second of: reading the log alone (the hash chain checked), a raw COPY of the
rows of `movements`, the same with its indexes made afterwards, and the projector, first until
everything shows and then until its indexes are made too. Then the whole of `stockledger rebuild`
beside those views: all tables with their indexes, the demand view, statistics, the comparison of
every row with the live one, and the exchange; behind it the balance checkpoints, a cache.

Takes 5 GB of memory for 1,600,000 movements. Of fewer, what a rebuild does once weighs more: of
400,000, starting processes, making tables and taking samples of them are a seventh of its time.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from benchmarks.long_log import fill, fill_log
from ledger.config import Settings
from ledger.events.chain import Chain
from ledger.log import EventLog
from ops.existing_log import existing_log
from ops.rebuild_processes import early_processes, run_ahead
from projections.changes import Changes
from projections.checkpoints import VIEW_GROUP, Checkpoint
from projections.database import Database
from projections.migrate import upgrade
from projections.planning.catching_up import catch_up
from projections.rebuilding.rebuild import Order, Report
from projections.rebuilding.rebuild import rebuild as rebuild_all
from projections.runner import Projector
from projections.statements import column_names
from projections.stores import open_store
from projections.tables import movements
from projections.views.movement_rows import movement_row
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog
from tests.contract.read_models.rebuilding.ledgers import Silent
from tests.servers import KafkaServer, PostgresServer, running, temporary_folder

COPY_ROWS = 20_000
# The first COPY on a new server is slower, and machines have their moods: the best one counts.
RAW_NAMES = ("raw1", "raw2", "raw3")
Answer = TypeVar("Answer")


def report(name: str, count: int, seconds: float, raw: float | None = None) -> float:
    """Print one line and return the rate."""
    rate = count / seconds
    ratio = "" if raw is None else f"   {rate / raw:.2f} of the raw COPY"
    print(f"{name:<58}{rate:>10,.0f}/s{ratio}", flush=True)
    return rate


async def timed(work: Coroutine[Any, Any, Answer]) -> tuple[float, Answer]:
    """Seconds and answer."""
    start = time.perf_counter()
    answer = await work
    return time.perf_counter() - start, answer


def rows_of(log: MemoryLog) -> list[list[Any]]:
    """The rows of `movements` in batches, as a projector meets them."""
    share = COPY_ROWS // log.partitions
    rows = []
    for partition, records in enumerate(log.records):
        chain, changes = Chain(partition), Changes(partition, Checkpoint(LEDGER_ID), movement_row)
        for record in records:
            changes.add(*chain.accept_with_command(record))
        rows.append(changes.movements)
    longest = max(map(len, rows))
    return [
        [row for part in rows for row in part[start : start + share]]
        for start in range(0, longest, share)
    ]


def read_all(log: MemoryLog) -> None:
    """What every reader has to do: check the chain and decode."""
    for partition, records in enumerate(log.records):
        chain = Chain(partition)
        for record in records:
            chain.accept(record)


async def copy_raw(url: str, batches: list[list[Any]]) -> float:
    """Seconds to COPY the rows, one durable transaction a batch, and nothing else."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    start = time.perf_counter()
    for batch in batches:
        async with connection.transaction():
            await connection.copy_records_to_table(
                "movements", records=batch, columns=column_names(movements)
            )
    seconds = time.perf_counter() - start
    await connection.close()
    return seconds


async def rebuild(log: EventLog, database: Database) -> tuple[float, float]:
    """Seconds until everything shows, and until the indexes are there as well."""
    ends = {one: await log.end(one) - 1 for one in range(log.partitions)}
    projector = Projector(log, database)
    start = time.perf_counter()
    task = asyncio.create_task(projector.run())
    # By what this process knows: a question to the database would cost it time.
    while any(projector.positions.known().get(one, 0) <= end for one, end in ends.items()):
        await asyncio.sleep(0.005)
        if task.done():
            task.result()
    shown = time.perf_counter() - start
    store = open_store(database, VIEW_GROUP)
    await store.build_indexes()  # waits for the projector, which does the same
    indexed = time.perf_counter() - start
    await store.close()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if projector.failures:
        raise AssertionError(projector.failures)
    return shown, indexed


async def _command(
    settings: Settings, log: EventLog, database: Database, order: Order, jobs: int | None
) -> Report:
    """What the command does once log and database are open."""
    ends = {one: await log.end(one) for one in range(log.partitions)}
    with early_processes(database, jobs, ends) as processes:
        ahead = partial(run_ahead, settings, jobs, early=processes)
        return await rebuild_all(log, database, order, Silent(), ahead)


async def whole_command(
    name: str, settings: Settings, database: Database, count: int, raw: float | None = None
) -> None:
    """`stockledger rebuild` beside complete live views: first without the comparison, then all."""
    await catch_up(database)  # so that the demand view is compared as well
    for what, compare, jobs in (
        ("rebuild, not compared, 1 process", False, 1),
        ("rebuild, not compared", False, None),
        ("rebuild, compared", True, None),
    ):
        order = Order("benchmark", compare=compare)
        async with existing_log(settings) as log:
            seconds, done = await timed(_command(settings, log, database, order, jobs))
        if not done.swapped or done.equal is False:
            raise AssertionError(done)
        exchanged = seconds - done.seconds["checkpoints made"]
        report(f"{name}: {what}, until exchanged", count, exchanged, raw)
        report(f"{name}: {what}, with balance checkpoints", count, seconds, raw)
        print(f"    {done.seconds}", flush=True)


async def prepared(url: str) -> Database:
    """A database with its tables."""
    await upgrade(url)
    database = Database(url)
    await database.open()
    return database


async def on_postgres(log: MemoryLog, settings: Settings, url: str) -> None:
    """Raw COPY first, then the projector, into a new database each."""
    admin = await asyncpg.connect(url.replace("+asyncpg", ""))
    for name in (*RAW_NAMES, "views"):
        await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    count, batches = sum(map(len, log.records)), rows_of(log)
    copying, building = [], 0.0
    for name in RAW_NAMES:
        raw_url = f"{url.rsplit('/', 1)[0]}/{name}"
        database = await prepared(raw_url)
        store = open_store(database, VIEW_GROUP)
        await store.defer_indexes()
        copying.append(await copy_raw(raw_url, batches))
        building, _ = await timed(store.build_indexes())
        await store.close()
        await database.close()
    seconds = min(copying)
    raw = report("PostgreSQL: raw COPY of the rows, primary key only", count, seconds)
    raw_indexed = report("PostgreSQL: raw COPY, then all indexes", count, seconds + building)
    del batches
    database = await prepared(url.rsplit("/", 1)[0] + "/views")
    shown, indexed = await rebuild(log, database)
    report("PostgreSQL: projector, until everything shows", count, shown, raw)
    report("PostgreSQL: projector, until the indexes are made too", count, indexed, raw_indexed)
    await whole_command("PostgreSQL", settings, database, count, raw)
    await database.close()


async def on_sqlite(log: MemoryLog, settings: Settings, folder: Path) -> None:
    """The embedded database, in a file."""
    count = sum(map(len, log.records))
    database = await prepared(f"sqlite+aiosqlite:///{folder / 'views.db'}")
    shown, _ = await rebuild(log, database)
    report("SQLite: projector", count, shown)
    await whole_command("SQLite", settings, database, count)
    await database.close()


async def on_kafka(settings: Settings, count: int, server: PostgresServer) -> None:
    """From a real topic into PostgreSQL."""
    admin = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    await admin.execute("CREATE DATABASE from_kafka")
    await admin.close()
    database = await prepared(server.url.rsplit("/", 1)[0] + "/from_kafka")
    async with existing_log(settings) as log:
        shown, _ = await rebuild(log, database)
    report("PostgreSQL: projector from Kafka, until everything shows", count, shown)
    await whole_command("PostgreSQL from Kafka", settings, database, count)
    await database.close()


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Views from the log, beside COPY")
    parser.add_argument("--movements", type=int, default=1_600_000)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--skus", type=int, default=4_000, help="as many as the retail data has")
    parser.add_argument("--sqlite", action="store_true", help="the embedded database too")
    parser.add_argument("--kafka", action="store_true", help="from a real topic too")
    options = parser.parse_args()
    count = options.movements
    log = fill(count, options.partitions, options.skus)
    start = time.perf_counter()
    read_all(log)
    report("reading alone: chain checked, events decoded", count, time.perf_counter() - start)
    folder = temporary_folder()
    embedded = Settings(partitions=options.partitions, data_dir=folder)
    run(lambda: fill_log(embedded, log))
    server = PostgresServer(folder / "postgres")
    with running(server):
        run(lambda: on_postgres(log, embedded, server.url))
        if options.kafka:
            broker = KafkaServer(folder / "kafka")
            with running(broker):
                settings = Settings(
                    partitions=options.partitions, kafka_bootstrap=broker.bootstrap, dev=True
                )
                run(lambda: fill_log(settings, log))
                run(lambda: on_kafka(settings, count, server))
    if options.sqlite:
        # A fresh log, since a waiting reader belongs to its event loop.
        again = MemoryLog(options.partitions)
        again.records = log.records
        run(lambda: on_sqlite(again, embedded, folder))


def run(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """In an event loop like the service's."""
    import uvloop

    uvloop.run(work())
