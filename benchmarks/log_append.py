"""How fast the logs are, beside the raw drivers with the same bytes, in one run.

    python -m benchmarks.log_append [--batches 360] [--bootstrap HOST:PORT] [--runs 3]

Both sides of a ratio are measured in turns, and the median of the runs is shown: a machine that
is busy with something else slows both.
"""

import argparse
import asyncio
import contextlib
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import uvloop
from aiokafka import AIOKafkaProducer

from ledger.adapters.kafka import KafkaLog
from ledger.adapters.sqlite import SqliteLog
from ledger.adapters.sqlite_checkpoints import FINISH_BYTES
from ledger.adapters.sqlite_file import PAGE_BYTES
from ledger.log import (
    BATCH_BYTES_MAX,
    CONTENT_TYPE,
    HEADER_CONTENT_TYPE,
    HEADER_OFFSET,
    EventLog,
    NewRecord,
)
from tests.servers import KafkaServer, running

PARTITIONS = 12
RECORDS_A_BATCH = 1_000
VALUE_BYTES = 500
BATCH = [
    NewRecord(b"SKU-%06d" % number, (b'{"id":"%032d",' % number).ljust(VALUE_BYTES, b"x"))
    for number in range(RECORDS_A_BATCH)
]
CONTENT_TYPE_HEADER = (HEADER_CONTENT_TYPE, CONTENT_TYPE)
TAIL_READS = 300

Measure = Callable[[], Awaitable[float]]


def rate(count: int, started: float) -> float:
    """Return how many a second since `started`."""
    return count / (time.perf_counter() - started)


async def on_all_partitions(batches: int, one: Callable[[int, int], Awaitable[None]]) -> float:
    """Send that many batches, one in flight for each partition; return records a second."""

    async def run(partition: int) -> None:
        for number in range(batches // PARTITIONS):
            await one(partition, number * RECORDS_A_BATCH)

    started = time.perf_counter()
    await asyncio.gather(*(run(partition) for partition in range(PARTITIONS)))
    return rate(batches // PARTITIONS * PARTITIONS * RECORDS_A_BATCH, started)


async def raw_kafka(bootstrap: str, batches: int) -> float:
    """Use the public API of aiokafka alone, on a topic like the ledger's."""
    log = KafkaLog(bootstrap, topic=f"raw-{uuid.uuid4().hex}", dev=True)
    await log.open()
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES_MAX,
    )
    await producer.start()

    async def send(partition: int, offset: int) -> None:
        batch = producer.create_batch()
        for index, record in enumerate(BATCH):
            batch.append(
                timestamp=None,
                key=record.key,
                value=record.value,
                headers=[(HEADER_OFFSET, b"%d" % (offset + index)), CONTENT_TYPE_HEADER],
            )
        batch.close()
        await (await producer.send_batch(batch, log.topic, partition=partition))

    try:
        return await on_all_partitions(batches, send)
    finally:
        await producer.stop()
        await log.close()


async def append_to(log: EventLog, batches: int) -> float:
    """Append through the port."""
    await log.open()

    async def send(partition: int, offset: int) -> None:
        assert await log.append(partition, offset, BATCH) == offset

    try:
        return await on_all_partitions(batches, send)
    finally:
        await log.close()


def raw_sqlite(path: Path, batches: int) -> float:
    """Insert the same bytes, a batch a transaction, each synced."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {FINISH_BYTES // PAGE_BYTES}")
        connection.execute("CREATE TABLE raw (id INTEGER PRIMARY KEY, key BLOB, value BLOB)")
        rows = [(record.key, record.value) for record in BATCH]
        started = time.perf_counter()
        for _ in range(batches):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO raw (key, value) VALUES (?, ?)", rows)
            connection.execute("COMMIT")
        return rate(batches * RECORDS_A_BATCH, started)


async def read_whole(log: EventLog, partition: int) -> int:
    """Read a partition from start to end; return how many records it has."""
    offset, count = 0, 0
    while True:
        read = await log.read(partition, offset)
        offset, count = read.next_offset, count + len(read.records)
        if offset >= read.end:
            return count


async def show_reads(name: str, log: EventLog, batches: int) -> None:
    """Print the rates of reading and the time from an acknowledgement to a waiting reader."""
    await append_to(log, batches)
    await log.open()
    started = time.perf_counter()
    count = 0
    for partition in range(PARTITIONS):
        count += await read_whole(log, partition)
    print(f"{name}: read, one partition after the other  {rate(count, started):>10,.0f} records/s")
    started = time.perf_counter()
    count = sum(await asyncio.gather(*(read_whole(log, one) for one in range(PARTITIONS))))
    print(f"{name}: read, twelve at once                 {rate(count, started):>10,.0f} records/s")
    others = [
        asyncio.create_task(log.read(one, await log.end(one), wait_seconds=30))
        for one in range(1, PARTITIONS)
    ]
    appends, tails = [], []
    for _ in range(TAIL_READS):
        end = await log.end(0)
        waiting = asyncio.create_task(log.read(0, end, wait_seconds=30))
        await asyncio.sleep(0.003)
        started = time.perf_counter()
        await log.append(0, end, BATCH[:1])
        acknowledged = time.perf_counter()
        await waiting
        appends.append((acknowledged - started) * 1e3)
        tails.append((time.perf_counter() - acknowledged) * 1e3)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for what, times in (("append of one record", appends), ("tail read after it", tails)):
        print(
            f"{name}: {what:<22} median {statistics.median(times):.2f} ms,"
            f" 95 % {statistics.quantiles(times, n=20)[-1]:.2f} ms"
        )
    await log.close()


async def compare(name: str, runs: int, raw: Measure, ours: Measure) -> None:
    """Measure both in turns and print the medians and the ratio."""
    rates: tuple[list[float], list[float]] = ([], [])
    await ours()  # warm up
    for _ in range(runs):
        rates[0].append(await raw())
        rates[1].append(await ours())
    first, second = map(statistics.median, rates)
    ratio = statistics.median(b / a for a, b in zip(*rates, strict=True))
    print(f"{name}: raw {first:>10,.0f}, log {second:>10,.0f} records/s, ratio {ratio:.2f}")


async def measure(bootstrap: str, folder: Path, batches: int, runs: int) -> None:
    """Measure all, one after the other."""

    def kafka() -> KafkaLog:
        return KafkaLog(bootstrap, topic=f"log-{uuid.uuid4().hex}", dev=True)

    def file() -> Path:
        return folder / f"{uuid.uuid4().hex}.db"

    async def insert() -> float:
        return await asyncio.to_thread(raw_sqlite, file(), batches)

    await compare(
        "kafka append",
        runs,
        lambda: raw_kafka(bootstrap, batches),
        lambda: append_to(kafka(), batches),
    )
    await compare("sqlite append", runs, insert, lambda: append_to(SqliteLog(file()), batches))
    await show_reads("kafka", kafka(), batches)
    await show_reads("sqlite", SqliteLog(file()), batches)


@contextlib.contextmanager
def broker(bootstrap: str | None, folder: Path) -> Iterator[str]:
    """Give the address of the broker named, or of one started for this run."""
    if bootstrap is not None:
        yield bootstrap
        return
    server = KafkaServer(folder / "kafka")
    with running(server):
        yield server.bootstrap


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", help="a broker to use instead of one of its own")
    parser.add_argument("--batches", type=int, default=360, help="batches of 1,000 records a run")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with broker(arguments.bootstrap, folder) as bootstrap:
            uvloop.run(measure(bootstrap, folder, arguments.batches, arguments.runs))


if __name__ == "__main__":
    main()
