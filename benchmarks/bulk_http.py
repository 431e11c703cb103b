"""Bulk over HTTP, durable in the log, beside what the raw driver does with the same records.

    python -m benchmarks.bulk_http [--log kafka|sqlite] [--requests 160] [--rounds 5]

Kafka: one server process on one core with `--roles api,writer`; requests of 1,000 movements with
ids, acknowledged when their records count. Raw: aiokafka `create_batch`/`send_batch` (its public
calls, idempotent, acks=all) on one core, the very records and headers that the server wrote, in
batches of 1,000, one in flight for each of 12 partitions; more of them, since it is faster. The
broker's CPU is printed as well, for raw depends on it: on a virtual machine whose memory was never
used before, each page of the broker's files costs three times the system's time, and raw falls from
300,000 to 180,000 a second, while ours stays.

SQLite: raw is `executemany` with synchronous=FULL, 1,000 records a transaction; here both may use
all cores, as a newcomer's server does, whose log writes in a thread of its own.

Both sides in turns; the median ratio counts.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks import serving
from ledger.adapters.kafka import KafkaLog
from ledger.adapters.sqlite import SqliteLog
from ledger.log import EventLog, Record

ITEMS = 1_000
CONNECTIONS = 8
SKUS = 20_000
PARTITIONS = 12
# Raw appends so many batches for each of our requests.
RAW_LONGER = 2


def bodies(count: int, seed: int, skus: int = SKUS) -> list[bytes]:
    """Bulk requests with ids: two receipts to one pick, over many SKUs and places."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        items = [item_of(chance, skus) for _ in range(ITEMS)]
        made.append(serving.post("/v1/movements/bulk", json.dumps(items).encode()))
    return made


def item_of(chance: random.Random, skus: int = SKUS) -> dict[str, str | dict[str, str]]:
    """One movement with an id."""
    number = chance.randrange(skus)
    left, middle, right = (chance.getrandbits(bits) for bits in (48, 12, 60))
    item: dict[str, str | dict[str, str]] = {
        "id": f"{left:012x}-7{middle:03x}-{right:015x}",
        "sku": f"SKU-{number:06d}",
        "location": f"MAIN/{'ABCD'[number % 4]}/{number % 50:02d}",
        "reference": {"type": "order", "id": f"O-{chance.randrange(10**6)}"},
    }
    if chance.random() < 2 / 3:
        cost = f"{chance.randrange(100, 5_000) / 100:.2f}"
        quantity = str(chance.randrange(5, 40))
        return item | {"type": "receipt", "quantity": quantity, "unit_cost": cost}
    return item | {"type": "pick", "quantity": str(chance.randrange(1, 4))}


async def fill(host: str, port: int, requests: list[bytes]) -> float:
    """Movements a second over HTTP."""
    async with serving.connections(host, port, CONNECTIONS) as pool:
        seconds = await serving.drain(pool, requests, expected=200)
    return len(requests) * ITEMS / seconds


async def records_of(log: EventLog, count: int) -> list[list[Record]]:
    """Some of the records that the server wrote, by partition."""
    await log.open()
    found = []
    for partition in range(log.partitions):
        part = await log.read(partition, 2, records_max=count)
        found.append(part.records[:count])
    await log.close()
    return found


def in_child(function: str, *arguments: str, cores: set[int] = serving.SERVER_CORES) -> float:
    """Run one of this module's raw measurements in a process of its own, on the server's core."""
    code = f"import benchmarks.bulk_http as b; print(b.{function}(*{arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return float(done.stdout.split()[-1])


def raw_kafka(bootstrap: str, prefix: str, batches: str) -> float:
    """Records a second with the driver's public calls and nothing else."""
    return uvloop.run(_raw_kafka(bootstrap, prefix, int(batches)))


async def _raw_kafka(bootstrap: str, prefix: str, batches: int) -> float:
    from aiokafka import AIOKafkaProducer

    source = KafkaLog(bootstrap, f"{prefix}.movements.v1", PARTITIONS, 1, dev=True, create=False)
    records = await records_of(source, ITEMS)
    target = f"{prefix}.raw"
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        max_batch_size=4 * 1024 * 1024,
        max_request_size=32 * 1024 * 1024,
        linger_ms=0,
    )
    await producer.start()

    async def run(partition: int) -> None:
        for _ in range(batches // PARTITIONS):
            batch = producer.create_batch()
            for record in records[partition]:
                batch.append(
                    key=record.key,
                    value=record.value,
                    timestamp=None,
                    headers=[
                        ("ledger-offset", b"%d" % record.offset),
                        ("content-type", b"application/cloudevents+json"),
                    ],
                )
            batch.close()
            await (await producer.send_batch(batch, target, partition=partition))

    started = time.perf_counter()
    await asyncio.gather(*(run(partition) for partition in range(PARTITIONS)))
    seconds = time.perf_counter() - started
    await producer.stop()
    return sum(len(part) for part in records) * (batches // PARTITIONS) / seconds


def raw_sqlite(path: str, batches: str) -> float:
    """Rows a second, 1,000 a transaction, each transaction durable."""
    records = uvloop.run(records_of(SqliteLog(path, PARTITIONS), ITEMS))
    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        base = sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=FULL")
        base.execute(
            "CREATE TABLE r (p INTEGER, o INTEGER, key BLOB, value BLOB, PRIMARY KEY (p, o))"
            " WITHOUT ROWID"
        )
        started = time.perf_counter()
        count = 0
        for number in range(int(batches)):
            part = records[number % PARTITIONS]
            base.execute("BEGIN")
            base.executemany(
                "INSERT INTO r VALUES (?, ?, ?, ?)",
                [
                    (number % PARTITIONS, number * ITEMS + index, record.key, record.value)
                    for index, record in enumerate(part)
                ],
            )
            base.execute("COMMIT")
            count += len(part)
        seconds = time.perf_counter() - started
        base.close()
    return count / seconds


def on_kafka(requests: int, rounds: int) -> None:
    """Measure and print the ratio on Kafka."""
    from tests.servers import KafkaServer, running, temporary_folder

    broker = KafkaServer(temporary_folder())
    with running(broker):
        broker_pid = broker.process_id or 0
        prefix = "bench"
        _make_raw_topic(broker.bootstrap, f"{prefix}.raw")
        options = (
            *("--kafka-bootstrap", broker.bootstrap, "--topic-prefix", prefix),
            *("--roles", "api,writer", "--replication", "1", "--dev"),
        )
        with serving.server(*options) as (host, port, pid):
            uvloop.run(fill(host, port, bodies(requests // 2, 0)))
            results = []
            for number in range(rounds):
                before = serving.cpu_seconds(broker_pid)
                raw = in_child("raw_kafka", broker.bootstrap, prefix, str(RAW_LONGER * requests))
                broker_us = (serving.cpu_seconds(broker_pid) - before) / requests * 1e6 / ITEMS
                cpu = serving.cpu_seconds(pid)
                ours = uvloop.run(fill(host, port, bodies(requests, number + 1)))
                cpu = (serving.cpu_seconds(pid) - cpu) / requests / ITEMS * 1e6
                results.append((ours, raw))
                print(
                    f"  round {number}: {ours:,.0f} of {raw:,.0f} a second, {ours / raw:.2f}; "
                    f"{cpu:.1f} µs of CPU a movement, raw {broker_us / RAW_LONGER:.1f} of the "
                    "broker's",
                    flush=True,
                )
    _show("bulk over HTTP on Kafka", results)


def _make_raw_topic(bootstrap: str, name: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        configs = {"max.message.bytes": "8388608", "message.timestamp.type": "LogAppendTime"}
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=configs)])
        await admin.close()

    uvloop.run(make())


def on_sqlite(requests: int, rounds: int) -> None:
    """Measure and print the ratio on the embedded log."""
    cores = set(serving.CORES)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving.server("--roles", "api,writer", "--data-dir", folder, cores=cores) as server,
    ):
        host, port, _ = server
        uvloop.run(fill(host, port, bodies(requests // 2, 0)))
        results = []
        for number in range(rounds):
            raw = in_child("raw_sqlite", f"{folder}/log.db", str(requests), cores=cores)
            ours = uvloop.run(fill(host, port, bodies(requests, number + 1)))
            results.append((ours, raw))
            print(f"  round {number}: {ours:,.0f} of {raw:,.0f} a second, {ours / raw:.2f}")
    _show("bulk over HTTP, embedded", results)


def _show(name: str, results: list[tuple[float, float]]) -> None:
    ours = statistics.median(one for one, _ in results)
    raw = statistics.median(one for _, one in results)
    ratios = sorted(one / other for one, other in results)
    print(
        f"{name}: {ours:,.0f} movements/s, raw {raw:,.0f} records/s, ratio "
        f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--log", choices=("kafka", "sqlite"), default="kafka")
    parser.add_argument("--requests", type=int, default=160)
    # All rounds together stay below `id_window`: without views no older id could be looked up.
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    serving.stay_off_the_server_core()
    (on_kafka if options.log == "kafka" else on_sqlite)(options.requests, options.rounds)


if __name__ == "__main__":
    main()
