"""How fast exports and imports are, beside reading the log alone, in the same run.

    python -m benchmarks.export [--movements 120000] [--runs 3] [--kafka]

All figures are seconds of CPU of this process, the least of some runs. `decoded` is the raw read
of the same records with each document decoded by msgspec, which is as little as a reader can do
that looks at them at all.
"""

import argparse
import contextlib
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import uvloop

from benchmarks.long_log import fill
from ledger.adapters.kafka import KafkaLog
from ledger.adapters.sqlite import SqliteLog
from ledger.log import EventLog, FillableLog, NewRecordTuple
from ops.exporting.export import Order, export, nothing
from ops.exporting.manifest import Encoding
from ops.importing.run import fill as fill_log
from ops.importing.run import prove
from ops.importing.source import Source
from tests.servers import KafkaServer, running

PARTITIONS = 4
SKUS = 4_000
BATCH = 1_000
ENCODINGS: tuple[Encoding, ...] = ("ndjson", "csv", "parquet")
decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


async def made(log: FillableLog, count: int) -> None:
    """Fill an open log."""
    for partition, records in enumerate(fill(count, PARTITIONS, SKUS).records):
        rows: list[NewRecordTuple] = [(one.key, one.value, None) for one in records]
        for start in range(0, len(rows), BATCH):
            await log.append(partition, start, rows[start : start + BATCH])


async def read(log: EventLog, *, decoded: bool) -> None:
    """All records, one after the other."""
    for partition in range(log.partitions):
        offset, end = 0, await log.end(partition)
        while offset < end:
            part = await log.read(partition, offset)
            if decoded:
                for record in part.records:
                    decode(record.value)
            offset = part.next_offset


async def cpu_seconds(runs: int, work: Callable[[], Awaitable[object]]) -> float:
    """The least of some runs."""
    found = []
    for _ in range(runs):
        began = time.process_time()
        await work()
        found.append(time.process_time() - began)
    return min(found)


async def measure(
    log: FillableLog, folder: Path, count: int, runs: int, new: Callable[[], FillableLog]
) -> None:
    """One log: read it, export it, import it into new ones."""
    await log.open()
    await made(log, count)
    raw = await cpu_seconds(runs, lambda: read(log, decoded=False))
    decoded = await cpu_seconds(runs, lambda: read(log, decoded=True))
    print(f"raw read {count / raw:>12,.0f}/s   decoded {count / decoded:>12,.0f}/s")
    last = folder
    for encoding in ENCODINGS:

        async def write(encoding: Encoding = encoding) -> None:
            nonlocal last
            place = folder / uuid.uuid4().hex
            await export(log, Order(folder=place, encoding=encoding))
            last = place if encoding == "ndjson" else last

        seconds = await cpu_seconds(runs, write)
        print(
            f"export as {encoding:<8}{count / seconds:>12,.0f}/s   {raw / seconds:.2f} of the raw "
            f"read, {decoded / seconds:.2f} of the decoded one"
        )
    source = Source(last)

    async def proved() -> None:
        prove(source, nothing)

    async def imported() -> None:
        async with opened(new()) as target:
            await fill_log(target, source, "it", nothing)

    for name, work in (("proof of an export", proved), ("import after it", imported)):
        seconds = await cpu_seconds(runs, work)
        print(
            f"{name:<18}{count / seconds:>12,.0f}/s   {decoded / seconds:.2f} of the decoded read"
        )
    await log.close()


@contextlib.asynccontextmanager
async def opened(log: FillableLog) -> AsyncIterator[FillableLog]:
    """A log while it is open."""
    await log.open()
    try:
        yield log
    finally:
        await log.close()


async def run(count: int, runs: int, bootstrap: str | None) -> None:
    """Both kinds of logs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def file() -> SqliteLog:
            return SqliteLog(folder / f"{uuid.uuid4().hex}.db", PARTITIONS)

        print("embedded")
        await measure(file(), folder, count, runs, file)
        if bootstrap is None:
            return

        def topic() -> KafkaLog:
            return KafkaLog(
                bootstrap, topic=f"log-{uuid.uuid4().hex}", partitions=PARTITIONS, dev=True
            )

        print("kafka")
        await measure(topic(), folder, count, runs, topic)


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--movements", type=int, default=120_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kafka", action="store_true", help="a broker of its own, too")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        bootstrap = None
        if options.kafka:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            broker = KafkaServer(Path(folder) / "kafka")
            stack.enter_context(running(broker))
            bootstrap = broker.bootstrap
        uvloop.run(run(options.movements, options.runs, bootstrap))


if __name__ == "__main__":
    main()
