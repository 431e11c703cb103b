"""Memory of a writer with many SKUs, and the longest stall of its event loop at that size.

    python -m benchmarks.memory [--skus 1000000] [--window 1000000]

Two stock keys a SKU; the window of ids is full. Then movements go on while snapshots are taken,
and the loop is watched: the time between two turns that were due a millisecond apart. It is given
in CPU time of the loop's thread, in wall time, and in wall time less what the thread waited for a
processor (Linux only): what is left is its own work, and waiting for other threads of the process.
"""

import argparse
import asyncio
import gc
import resource
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import uvloop

from ledger.adapters.sqlite import SqliteLog
from ledger.adapters.sqlite_snapshots import SqliteSnapshots
from ledger.domain.facts import Command
from ledger.domain.movements import Pick, Receipt
from ledger.service import Ledger
from ledger.writer.outcomes import Unavailable, Unknown

PARTITIONS = 12
BULK = 1_000
TIMEOUT_SECONDS = 120.0
SCHEDULER = Path("/proc/thread-self/schedstat")
LIMITS_MS = (5, 10, 15, 20)


class LoopWatch:
    """The longest time that nothing else could run."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.wall_ms = 0.0
        self.own_ms = 0.0
        self.cpu_ms = 0.0
        self.over: Counter[int] = Counter()
        self._scheduler = SCHEDULER.open("rb", buffering=0)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            wall, cpu, delay = time.perf_counter(), time.thread_time(), self._delay_ms()
            await asyncio.sleep(0.001)
            wall_ms = (time.perf_counter() - wall) * 1000 - 1
            cpu_ms = (time.thread_time() - cpu) * 1000
            self.wall_ms = max(self.wall_ms, wall_ms)
            self.own_ms = max(self.own_ms, wall_ms - (self._delay_ms() - delay))
            self.cpu_ms = max(self.cpu_ms, cpu_ms)
            self.over.update(limit for limit in LIMITS_MS if cpu_ms > limit)

    def _delay_ms(self) -> float:
        """How long the thread has been ready to run and did not, so far."""
        self._scheduler.seek(0)
        return int(self._scheduler.read().split()[1]) / 1e6

    def __str__(self) -> str:
        """What was seen, in one line."""
        counts = ", ".join(f"{self.over[limit]} over {limit} ms" for limit in LIMITS_MS)
        return (
            f"longest stall: {self.cpu_ms:.1f} ms of CPU ({counts}), {self.own_ms:.1f} ms of wall "
            f"time less waiting for a processor, {self.wall_ms:.1f} ms of wall time"
        )


class NothingOlder:
    """An id index for ids that are never used twice: what the filter suspects was not used."""

    async def find(self, partition: int, ids: Sequence[str]) -> dict[str, int]:
        """None of them."""
        del partition, ids
        return {}

    async def position(self, partition: int) -> int:
        """Everything is read."""
        del partition
        return 1 << 62


def resident_mb() -> float:
    """Megabytes of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def feed(ledger: Ledger, commands: list[Command]) -> None:
    """Submit one bulk; every command must be answered by the log."""
    outcomes = await ledger.submit_bulk(commands, actor=None, timeout_seconds=TIMEOUT_SECONDS)
    lost = [one for _, one in outcomes if isinstance(one, Unavailable | Unknown)]
    if lost:
        raise RuntimeError(f"{len(lost)} commands were not answered: {lost[0]}")


def receipts(start: int, skus: int) -> list[Command]:
    """One bulk of receipts: each SKU once at each of two places."""
    made: list[Command] = []
    for number in range(start, start + BULK):
        place = "MAIN/A/01" if number < skus else "MAIN/RESERVE"
        name = f"SKU-{number % skus:07d}"
        made.append(
            Receipt(id=f"{number:032x}", sku=name, quantity="5", location=place, unit_cost="2.55")
        )
    return made


def picks(start: int, skus: int) -> list[Command]:
    """One bulk of picks, spread over all SKUs."""
    return [
        Pick(
            id=f"p{start + number:031x}",
            sku=f"SKU-{(start + number) * 7919 % skus:07d}",
            quantity="1",
            location="MAIN/A/01",
        )
        for number in range(BULK)
    ]


async def measure(skus: int, window: int, every: int) -> None:
    """Fill the ledger, then watch it at work."""
    with tempfile.TemporaryDirectory() as folder:
        log = SqliteLog(Path(folder) / "log.db", PARTITIONS)
        snapshots = SqliteSnapshots(Path(folder) / "snapshots.db")
        await log.open()
        await snapshots.open()
        before = resident_mb()
        ledger = Ledger(
            log,
            snapshots,
            NothingOlder(),
            instance="bench",
            new_ledger_id=lambda: str(uuid.uuid4()),
            window_ids=window,
            snapshot_every_records=every,
        )
        await ledger.start()
        # The ids of the second half push those of the first out of the window.
        for start in range(0, 2 * skus, BULK * 4):
            await asyncio.gather(
                *(feed(ledger, receipts(start + part * BULK, skus)) for part in range(4))
            )
        ids = sum(len(writer.follower.window) for writer in ledger.writers)
        keys = sum(len(s.levels) for w in ledger.writers for s in w.state.skus.values())
        print(f"{skus:,} SKUs, {keys:,} stock keys, {ids:,} ids: {resident_mb() - before:,.0f} MB")
        taken = ledger.metrics.snapshots
        # Made before and kept until after, so that only the ledger's own work is watched: neither
        # the making and the end of these commands nor the collector's looks at them. Four callers,
        # one bulk each.
        count = max(skus // 4, every * PARTITIONS * 2)
        bulks = [picks(start, skus) for start in range(0, count, BULK)]
        gc.collect()
        gc.freeze()
        full = gc.get_stats()[2]["collections"]
        waiting = iter(bulks)

        async def call() -> None:
            for bulk in waiting:
                await ledger.submit_bulk(bulk, actor=None, timeout_seconds=TIMEOUT_SECONDS)

        watch = LoopWatch()
        watching = asyncio.create_task(watch.run())
        await asyncio.gather(*(call() for _ in range(4)))
        watching.cancel()
        taken = ledger.metrics.snapshots - taken
        full = gc.get_stats()[2]["collections"] - full
        print(
            f"{watch}; {taken} snapshots taken meanwhile, {full} full collections; "
            f"resident {resident_mb() - before:,.0f} MB"
        )
        await ledger.close()
        await snapshots.close()
        await log.close()


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--skus", type=int, default=1_000_000)
    parser.add_argument("--window", type=int, default=1_000_000)
    parser.add_argument("--snapshot-every", type=int, default=10_000)
    options = parser.parse_args()
    uvloop.run(measure(options.skus, options.window, options.snapshot_every))


if __name__ == "__main__":
    main()
