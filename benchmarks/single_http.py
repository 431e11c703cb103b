"""Single POSTs at 32 connections beside a bare FastAPI + pydantic echo, and the latency they add.

    python -m benchmarks.single_http [--requests 4000] [--rounds 9]

Both servers run on the same core in turns, with the same client and the same bodies. Ours answers
when the movement counts in Kafka. Latency is measured at one connection, so that nothing waits.
"""

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import uvloop

from benchmarks import serving
from benchmarks.bulk_http import item_of

CONNECTIONS = 32
LATENCY_REQUESTS = 300
WARMING_REQUESTS = 8_000


def requests(path: str, count: int, seed: int) -> list[bytes]:
    """Single movements: receipts only, so that each is accepted."""
    chance = random.Random(seed)
    made: list[bytes] = []
    while len(made) < count:
        item = item_of(chance)
        if item["type"] == "receipt":
            made.append(serving.post(path, json.dumps(item).encode()))
    return made


class Measured(NamedTuple):
    """One round: at 32 connections, and how long one request takes alone."""

    per_second: float
    # Of the server's core, and how much of it was used.
    cpu_seconds_per_request: float
    cpu_used: float
    seconds_alone: float


class Target(NamedTuple):
    """A route of a server, and the server's process."""

    host: str
    port: int
    pid: int
    path: str


async def measure(target: Target, count: int, seed: int) -> Measured:
    """Send so many requests at 32 connections, then a few at one."""
    async with serving.connections(target.host, target.port, CONNECTIONS) as pool:
        made = requests(target.path, count, seed)
        cpu = serving.cpu_seconds(target.pid)
        seconds = await serving.drain(pool, made, expected=201)
        cpu = serving.cpu_seconds(target.pid) - cpu
        times = []
        for request in requests(target.path, LATENCY_REQUESTS, seed + 10_000):
            started = time.perf_counter()
            await pool[0].send(request)
            times.append(time.perf_counter() - started)
    return Measured(count / seconds, cpu / count, cpu / seconds, statistics.median(times))


@contextmanager
def echo_server() -> Iterator[tuple[int, int]]:
    """The echo on the server's core; yields its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.echo_app", str(port)],
        preexec_fn=lambda: os.sched_setaffinity(0, serving.SERVER_CORES),
    )
    try:
        _wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(serving.READY_SECONDS_MAX)


def _wait_for(port: int) -> None:
    until = time.monotonic() + serving.READY_SECONDS_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def main() -> None:
    """Parse the options, measure, print the ratio."""
    from tests.servers import KafkaServer, running, temporary_folder

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    serving.stay_off_the_server_core()
    broker = KafkaServer(temporary_folder())
    results = []
    with running(broker):
        flags = (
            *("--kafka-bootstrap", broker.bootstrap, "--topic-prefix", "single"),
            *("--roles", "api,writer", "--replication", "1", "--dev"),
        )
        with serving.server(*flags) as (host, port, pid), echo_server() as (echo_port, echo_pid):
            bare = Target("127.0.0.1", echo_port, echo_pid, "/echo")
            movements = Target(host, port, pid, "/v1/movements")
            # A broker that has just been started compiles its code meanwhile.
            for target in (bare, movements):
                uvloop.run(measure(target, WARMING_REQUESTS, 50))
            for number in range(options.rounds):
                echo = uvloop.run(measure(bare, options.requests, number))
                ours = uvloop.run(measure(movements, options.requests, number + 100))
                results.append((ours, echo))
    report(results)


def report(results: list[tuple[Measured, Measured]]) -> None:
    """Print the medians over the rounds; each has ours and the echo's."""
    ratio = statistics.median(ours.per_second / echo.per_second for ours, echo in results)
    added = statistics.median(ours.seconds_alone - echo.seconds_alone for ours, echo in results)
    ours, echo = (
        Measured(*map(statistics.median, zip(*side, strict=True)))
        for side in zip(*results, strict=True)
    )
    print(
        f"single POST on Kafka: {ours.per_second:,.0f} a second, bare echo {echo.per_second:,.0f}, "
        f"ratio {ratio:.2f}; median latency added {added * 1000:.2f} ms"
    )
    print(
        f"server CPU a request: {ours.cpu_seconds_per_request * 1e6:.0f} µs, bare echo "
        f"{echo.cpu_seconds_per_request * 1e6:.0f} µs; of its core used: {ours.cpu_used:.0%}, "
        f"bare echo {echo.cpu_used:.0%}"
    )


if __name__ == "__main__":
    main()
