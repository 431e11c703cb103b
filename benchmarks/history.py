"""Whether a long history slows writing: the rate of bulks with a short and with a long log.

    python -m benchmarks.history [--movements 3000000] [--short 100000] [--http]

The same ledger, in memory of one process, over the embedded log: bulks of 1,000 with ids, measured
right behind `short` movements and again behind `movements`. By then most ids have left the window
of memory, so that each new id is looked up in the filter of old ones as well.

With `--http` the whole way: a server on Kafka, one core, and a projector of its own beside it, for
ids that the filter suspects are looked up in the views.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
import uuid
from pathlib import Path

import uvloop

from benchmarks import bulk_http, serving
from benchmarks.memory import BULK, PARTITIONS, NothingOlder, feed
from ledger.adapters.sqlite import SqliteLog
from ledger.adapters.sqlite_snapshots import SqliteSnapshots
from ledger.domain.facts import Command
from ledger.domain.movements import Receipt
from ledger.service import Ledger

SKUS = 50_000
ROUND_BULKS = 40
ROUNDS = 5
ROUND_REQUESTS = 80


def bulk(start: int) -> list[Command]:
    """One bulk of receipts with ids as clients make them."""
    return [
        Receipt(
            id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
            sku=f"SKU-{number * 7919 % SKUS:06d}",
            quantity="3",
            location="MAIN/A/01",
            unit_cost="2.55",
        )
        for number in range(start, start + BULK)
    ]


async def rate(ledger: Ledger, start: int) -> float:
    """Movements a second of CPU of this thread, the median of some rounds; ids from `start` on."""
    rates = []
    for number in range(ROUNDS):
        first = start + number * ROUND_BULKS * BULK
        bulks = [bulk(first + part * BULK) for part in range(ROUND_BULKS)]
        began = time.thread_time()
        for part in range(0, ROUND_BULKS, 4):
            await asyncio.gather(*(feed(ledger, one) for one in bulks[part : part + 4]))
        rates.append(ROUND_BULKS * BULK / (time.thread_time() - began))
    return statistics.median(rates)


async def measure(short: int, movements: int) -> None:
    """Fill, measure, fill on, measure again."""
    with tempfile.TemporaryDirectory() as folder:
        log = SqliteLog(Path(folder) / "log.db", PARTITIONS)
        snapshots = SqliteSnapshots(Path(folder) / "snapshots.db")
        await log.open()
        await snapshots.open()
        ledger = Ledger(
            log,
            snapshots,
            NothingOlder(),
            instance="bench",
            new_ledger_id=lambda: str(uuid.uuid4()),
        )
        await ledger.start()
        rates = []
        count = 0
        for target in (short, movements):
            while count < target:
                await asyncio.gather(
                    *(feed(ledger, bulk(count + part * BULK)) for part in range(4))
                )
                count += 4 * BULK
            rates.append(await rate(ledger, count))
            count += ROUNDS * ROUND_BULKS * BULK
        await ledger.close()
        await snapshots.close()
        await log.close()
    print(
        f"bulk behind {short:,} movements: {rates[0]:,.0f} a second of CPU; behind "
        f"{movements:,}: {rates[1]:,.0f}; ratio {rates[1] / rates[0]:.2f}"
    )


def measure_http(short: int, movements: int) -> None:
    """The same over HTTP on Kafka."""
    from tests.servers import KafkaServer, running, temporary_folder

    broker = KafkaServer(temporary_folder())
    with running(broker), tempfile.TemporaryDirectory() as folder:
        common = (
            *("--kafka-bootstrap", broker.bootstrap, "--replication", "1", "--dev"),
            *("--database-url", f"sqlite+aiosqlite:///{folder}/views.db"),
        )
        projector = serving.server(*common, "--roles", "projector", cores=serving.OTHER_CORES)
        with serving.server(*common, "--roles", "api,writer") as (host, port, pid), projector:
            rates, cpus, count, seed = [], [], 0, 0
            for target in (short, movements):
                while count < target:
                    uvloop.run(bulk_http.fill(host, port, bulk_http.bodies(100, seed)))
                    count, seed = count + 100 * BULK, seed + 1
                some, cpu = [], serving.cpu_seconds(pid)
                for _ in range(ROUNDS):
                    some.append(
                        uvloop.run(
                            bulk_http.fill(host, port, bulk_http.bodies(ROUND_REQUESTS, seed))
                        )
                    )
                    count, seed = count + ROUND_REQUESTS * BULK, seed + 1
                rates.append(statistics.median(some))
                cpus.append((serving.cpu_seconds(pid) - cpu) / ROUNDS / ROUND_REQUESTS / BULK * 1e6)
    print(
        f"bulk over HTTP on Kafka behind {short:,} movements: {rates[0]:,.0f}/s; behind "
        f"{movements:,}: {rates[1]:,.0f}/s; ratio {rates[1] / rates[0]:.2f}; "
        f"{cpus[0]:.1f} and {cpus[1]:.1f} µs of CPU a movement"
    )


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--movements", type=int, default=3_000_000)
    parser.add_argument("--short", type=int, default=100_000)
    parser.add_argument("--http", action="store_true", help="the whole way, on Kafka")
    options = parser.parse_args()
    if options.http:
        measure_http(options.short, options.movements)
        return
    uvloop.run(measure(options.short, options.movements))


if __name__ == "__main__":
    main()
