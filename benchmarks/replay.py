"""How fast history is replayed, and verified, beside a raw read of the same records, in one run.

    python -m benchmarks.replay [--movements 400000] [--runs 3] [--jobs 2] [--bootstrap HOST:PORT]

Raw on Kafka is aiokafka's consumer on all partitions, with msgspec decoding of each value and
nothing else: once into a typed struct, which is the fastest, once into dictionaries. Raw on SQLite
is one SELECT with the same decoding. Both sides are measured in turns. A ratio is of the seconds of
processor time that a process takes, which a busy machine does not change, and of the seconds that
pass; the best of the runs counts.
"""

import argparse
import contextlib
import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.long_log import fill, fill_log
from ledger.config import Settings
from ledger.events.envelope import Envelope, MovedData
from ops.partition_processes import run_async
from ops.replay.looking import look
from ops.replay.question import Question
from ops.replay.running import replay
from ops.verify.processes import verify_all
from ops.verify.run import Order
from ops.verify.run import look as look_at
from tests.contract.read_models.cases import MemoryLog
from tests.servers import KafkaServer, running, temporary_folder

READ_RECORDS = 5_000
FETCH_BYTES = 8 * 1024 * 1024


class TypedEvent(msgspec.Struct, gc=False):
    """A movement, decoded whole in one pass."""

    id: str
    type: str
    subject: str
    time: str
    prevhash: str
    data: MovedData
    source: str = ""
    actor: str | None = None


class Times(NamedTuple):
    """Seconds of this process's processor time, and seconds that passed."""

    cpu: float
    wall: float


decode_typed = msgspec.json.Decoder(TypedEvent).decode
decode_head = msgspec.json.Decoder(Envelope).decode
decode_dictionary = msgspec.json.Decoder().decode


def typed(value: bytes) -> object:
    """Nearly all records are movements; the few others have another form."""
    try:
        return decode_typed(value)
    except msgspec.ValidationError:
        return decode_head(value)


def timed(work: Callable[[], int], expected: int) -> Times:
    """How long it takes; it must give as many records as there are."""
    cpu, wall = time.process_time(), time.perf_counter()
    count = work()
    taken = Times(time.process_time() - cpu, time.perf_counter() - wall)
    if count != expected:
        raise AssertionError(f"{count} records, {expected} expected")
    return taken


async def raw_kafka(settings: Settings, decode: Callable[[bytes], object]) -> int:
    """Everything by aiokafka's consumer."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=FETCH_BYTES,
    )
    await consumer.start()
    try:
        places = [
            TopicPartition(settings.movements_topic, one) for one in range(settings.partitions)
        ]
        consumer.assign(places)
        missing = sum((await consumer.end_offsets(places)).values())
        count = 0
        while count < missing:
            for records in (
                await consumer.getmany(timeout_ms=1_000, max_records=READ_RECORDS)
            ).values():
                for record in records:
                    decode(record.value)
                count += len(records)
        return count
    finally:
        await consumer.stop()


def raw_sqlite(settings: Settings, decode: Callable[[bytes], object]) -> int:
    """Everything by one SELECT."""
    count = 0
    with contextlib.closing(sqlite3.connect(settings.log_path)) as connection:
        rows = connection.execute("SELECT place, stated, key, value FROM records ORDER BY place")
        while some := rows.fetchmany(READ_RECORDS):
            for row in some:
                decode(row[3])
            count += len(some)
    return count


def replayed(settings: Settings, jobs: int) -> int:
    """What the command does, but for printing."""
    question = Question()
    untils = run_async(look(settings, question))
    answers = replay(settings, question, untils, jobs, lambda _: None)
    return sum(answer.counting for answer in answers)


def verified(settings: Settings, jobs: int) -> int:
    """An audit of the log alone, as `stockledger verify` makes it."""
    order = Order(views=False, snapshots=False, levels=False)
    target = run_async(look_at(settings, order))
    reports = verify_all(settings, order, target, jobs, lambda _: None)
    if any(one.findings.total for one in reports):
        raise AssertionError(reports[0].findings.kept)
    return sum(one.records for one in reports)


def measure(settings: Settings, told: MemoryLog, options: argparse.Namespace) -> None:
    """All ways in turns, and the best of each."""
    count = run_async(fill_log(settings, told))
    kafka = settings.kafka_bootstrap is not None

    def raw(decode: Callable[[bytes], object]) -> int:
        return run_async(raw_kafka(settings, decode)) if kafka else raw_sqlite(settings, decode)

    ways: dict[str, Callable[[], int]] = {
        "raw read, msgspec into a typed struct": lambda: raw(typed),
        "raw read, msgspec into dictionaries": lambda: raw(decode_dictionary),
        "replay, 1 process": lambda: replayed(settings, 1),
        f"replay, {options.jobs} processes": lambda: replayed(settings, options.jobs),
        "verify, 1 process": lambda: verified(settings, 1),
        f"verify, {options.jobs} processes": lambda: verified(settings, options.jobs),
    }
    found: dict[str, list[Times]] = {name: [] for name in ways}
    for _ in range(options.runs):
        for name, way in ways.items():
            found[name].append(timed(way, count))
    report("Kafka" if kafka else "SQLite", count, found)


def report(log: str, count: int, found: dict[str, list[Times]]) -> None:
    """Rates, and ratios to the faster raw read."""
    best = {
        name: Times(min(one.cpu for one in times), min(one.wall for one in times))
        for name, times in found.items()
    }
    raw = [times for name, times in best.items() if name.startswith("raw")]
    limit = Times(min(one.cpu for one in raw), min(one.wall for one in raw))
    for name, times in best.items():
        alone = "processes" not in name
        cpu = f"{count / times.cpu:>9,.0f}/s of CPU {limit.cpu / times.cpu:5.2f}" if alone else ""
        print(
            f"{log}: {name:<40}{count / times.wall:>9,.0f}/s {limit.wall / times.wall:5.2f} of raw"
            f"   {cpu}",
            flush=True,
        )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Replay, beside a raw read with decoding")
    parser.add_argument("--movements", type=int, default=400_000)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--skus", type=int, default=4_000, help="as many as the retail data has")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--bootstrap", help="a broker to use instead of one of its own")
    parser.add_argument("--log", choices=("kafka", "sqlite", "both"), default="both")
    options = parser.parse_args()
    told = fill(options.movements, options.partitions, options.skus)
    folder = temporary_folder()
    given: dict[str, Any] = {"partitions": options.partitions, "dev": True, "data_dir": folder}
    if options.log != "kafka":
        measure(Settings(**given), told, options)
    if options.log == "sqlite":
        return
    if options.bootstrap:
        measure(on_kafka(given, options.bootstrap), told, options)
        return
    broker = KafkaServer(folder / "kafka")
    with running(broker):
        measure(on_kafka(given, broker.bootstrap), told, options)


def on_kafka(given: dict[str, Any], bootstrap: str) -> Settings:
    """The settings of a topic that nobody else has."""
    return Settings(
        **given, kafka_bootstrap=bootstrap, topic_prefix=f"bench-{uuid.uuid4().hex[:12]}"
    )


if __name__ == "__main__":
    main()
