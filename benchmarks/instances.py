"""Several instances on one topic: what sharing gives, what forwarding costs, how one is replaced.

    python -m benchmarks.instances [--requests 120] [--rounds 3] [--movements 200000] [--skus 20000]
        [--only replacement]

- One instance alone on one core, then two on two cores with half of the partitions each, both fed
  with bulks over all SKUs, so that half of each bulk is forwarded. The broker and the client share
  the same two cores in both cases.
- Forwarding: CPU of both instances for a movement, where each bulk holds only SKUs of the instance
  that gets it, and where it holds all.
- Replacement: `kill -9` of one of two, time until each of its partitions takes a write again; of it
  the session timeout is what the group waits for. And SIGTERM of one: how long a partition refuses.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import uvloop

from benchmarks import serving
from benchmarks.bulk_http import ITEMS, SKUS, bodies, fill
from ledger.events.partitioner import Partitioner

PARTITIONS = 12
SESSION_SECONDS = 6.0
CONNECTIONS = 8
PROBE_SECONDS = 0.02
# Bodies of more would take a gigabyte.
REQUESTS_AT_A_TIME = 200


class Instance(NamedTuple):
    """A running server process."""

    url: str
    pid: int
    process: "subprocess.Popen[str]"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)


@contextlib.contextmanager
def instance(bootstrap: str, cores: set[int], name: str) -> Iterator[Instance]:
    """Run one on these cores."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ops", "serve", "--port", "0", "--log-level", "error"),
                *("--data-dir", str(Path(folder) / "data"), "--roles", "api,writer"),
                *("--kafka-bootstrap", bootstrap, "--topic-prefix", "many", "--replication", "1"),
                *("--dev", "--group-session-seconds", str(SESSION_SECONDS)),
                *("--instance-id", name),
            ],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("ready "):
                raise RuntimeError(f"the server did not start: {line!r}")
            yield Instance(line.split()[1], process.pid, process)
        finally:
            process.kill()
            process.wait()


def held(url: str) -> set[int]:
    """The partitions that an instance decides now, from its metrics."""
    found = set()
    for line in httpx.get(f"{url}/metrics", timeout=10).text.splitlines():
        if line.startswith("stockledger_writer_held{") and line.endswith(" 1.0"):
            found.add(int(line.split('partition="')[1].split('"')[0]))
    return found


def settled(instances: list[Instance]) -> list[set[int]]:
    """Wait until the instances have shared out all partitions; what each has."""
    while True:
        shares = [held(each.url) for each in instances]
        if sum(map(len, shares)) == PARTITIONS and all(shares):
            return shares
        time.sleep(0.1)


async def fill_all(instances: list[Instance], requests: list[list[bytes]]) -> float:
    """Feed all at once; movements a second together."""
    started = time.perf_counter()
    await asyncio.gather(
        *(fill(*each.address, some) for each, some in zip(instances, requests, strict=True))
    )
    return sum(map(len, requests)) * ITEMS / (time.perf_counter() - started)


def own_bodies(count: int, seed: int, share: set[int]) -> list[bytes]:
    """Bulks of receipts whose SKUs all lie in a share."""
    partitioner, chance = Partitioner(PARTITIONS), random.Random(seed)
    names = [f"SKU-{number:06d}" for number in range(20_000)]
    mine = [name for name in names if partitioner.partition_of(name) in share]
    made = []
    for number in range(count):
        items = [
            {
                "id": f"own-{seed}-{number}-{index}",
                "type": "receipt",
                "sku": chance.choice(mine),
                "quantity": "5",
                "location": "MAIN/A/01",
            }
            for index in range(ITEMS)
        ]
        made.append(serving.post("/v1/movements/bulk", json.dumps(items).encode()))
    return made


def _cpu(instances: list[Instance]) -> float:
    return sum(serving.cpu_seconds(each.pid) for each in instances)


def throughput(bootstrap: str, requests: int, rounds: int) -> None:
    """One on one core, two on two; and what forwarding costs."""
    first_core, second_core = {serving.CORES[0]}, {serving.CORES[-1]}
    with instance(bootstrap, first_core, "alone") as one:
        uvloop.run(fill(*one.address, bodies(requests // 2, 900)))
        alone = [
            uvloop.run(fill(*one.address, bodies(requests, 100 + number)))
            for number in range(rounds)
        ]
        one.process.terminate()
        one.process.wait()
    with (
        instance(bootstrap, first_core, "left") as left,
        instance(bootstrap, second_core, "right") as right,
    ):
        pair = [left, right]
        shares = settled(pair)
        half = requests // 2
        spread, spread_cpu, own_cpu = [], [], []
        for number in range(rounds):
            cpu = _cpu(pair)
            mixed = [bodies(half, 200 + 2 * number), bodies(half, 201 + 2 * number)]
            spread.append(uvloop.run(fill_all(pair, mixed)))
            spread_cpu.append((_cpu(pair) - cpu) / (2 * half * ITEMS) * 1e6)
            cpu = _cpu(pair)
            own = [own_bodies(half, 300 + 2 * number + i, share) for i, share in enumerate(shares)]
            uvloop.run(fill_all(pair, own))
            own_cpu.append((_cpu(pair) - cpu) / (2 * half * ITEMS) * 1e6)
    one_rate, two_rate = statistics.median(alone), statistics.median(spread)
    print(
        f"two instances on two cores, half forwarded: {two_rate:,.0f} movements/s; "
        f"one on one core: {one_rate:,.0f}; ratio {two_rate / one_rate:.2f}"
    )
    here, there = statistics.median(own_cpu), statistics.median(spread_cpu)
    print(
        f"CPU a movement: {here:.1f} µs where all SKUs are the receiver's own, {there:.1f} µs "
        f"where half of each bulk is forwarded: {2 * (there - here):.1f} µs for a forwarded one"
    )


def replacement(bootstrap: str, movements: int, skus: int) -> None:
    """Kill one of two; stop one of two in order."""
    cores = set(serving.CORES)
    with instance(bootstrap, cores, "stays") as stays:
        requests = max(1, movements // ITEMS)
        for first in range(0, requests, REQUESTS_AT_A_TIME):
            some = bodies(min(REQUESTS_AT_A_TIME, requests - first), 400 + first, skus)
            uvloop.run(fill(*stays.address, some))
        with instance(bootstrap, cores, "goes") as goes:
            lost = settled([stays, goes])[1]
            started = time.perf_counter()
            goes.process.send_signal(signal.SIGKILL)
            seconds = _until_written(stays.url, lost, started)
            print(
                f"kill -9 behind {movements:,} movements of {skus:,} SKUs: all {len(lost)} "
                f"partitions written again after {seconds:.1f} s, "
                f"{seconds - SESSION_SECONDS:.1f} s beyond the session timeout of "
                f"{SESSION_SECONDS:.0f} s"
            )
        with instance(bootstrap, cores, "restarts") as restarts:
            lost = settled([stays, restarts])[1]
            restarts.process.send_signal(signal.SIGTERM)
            refused = _refusals(stays.url, lost, restarts.process)
            print(f"SIGTERM: the longest time a partition refused writes was {refused:.2f} s")


def _until_written(url: str, partitions: set[int], started: float) -> float:
    left = dict(_one_sku_each(partitions))
    with httpx.Client(timeout=30) as client:
        while left:
            for partition, sku in [*left.items()]:
                if _post(client, url, sku):
                    del left[partition]
            time.sleep(PROBE_SECONDS)
    return time.perf_counter() - started


def _refusals(url: str, partitions: set[int], process: "subprocess.Popen[str]") -> float:
    """Write to each partition again and again until the process has ended; the longest gap."""
    skus = _one_sku_each(partitions)
    last = dict.fromkeys(skus, time.perf_counter())
    longest = 0.0
    with httpx.Client(timeout=30) as client:
        over = False
        while not over:
            over = process.poll() is not None
            for partition, sku in skus.items():
                if _post(client, url, sku):
                    now = time.perf_counter()
                    longest = max(longest, now - last[partition])
                    last[partition] = now
    return longest


def _post(client: httpx.Client, url: str, sku: str) -> bool:
    body: dict[str, Any] = {"type": "receipt", "sku": sku, "quantity": "1", "location": "MAIN/A"}
    return client.post(f"{url}/v1/movements", json=body).status_code == 201


def _one_sku_each(partitions: set[int]) -> dict[int, str]:
    partitioner, found = Partitioner(PARTITIONS), dict[int, str]()
    number = 0
    while len(found) < len(partitions):
        sku = f"P-{number}"
        partition = partitioner.partition_of(sku)
        if partition in partitions:
            found.setdefault(partition, sku)
        number += 1
    return found


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--movements", type=int, default=200_000)
    parser.add_argument("--skus", type=int, default=SKUS)
    parser.add_argument("--only", choices=("throughput", "replacement"))
    options = parser.parse_args()
    from tests.servers import KafkaServer, running, temporary_folder

    broker = KafkaServer(temporary_folder())
    with running(broker):
        if options.only != "replacement":
            throughput(broker.bootstrap, options.requests, options.rounds)
        if options.only != "throughput":
            replacement(broker.bootstrap, options.movements, options.skus)


if __name__ == "__main__":
    main()
