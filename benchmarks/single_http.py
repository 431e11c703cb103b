"""Single POSTs at 32 connections beside a bare FastAPI + pydantic echo, and the latency they add.

    python -m benchmarks.single_http [--seconds 5] [--rounds 3]

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

import uvloop

from benchmarks import serving
from benchmarks.bulk_http import _item

CONNECTIONS = 32
LATENCY_REQUESTS = 300


def requests(path: str, count: int, seed: int) -> list[bytes]:
    """Single movements: receipts only, so that each is accepted."""
    chance = random.Random(seed)
    made: list[bytes] = []
    while len(made) < count:
        item = _item(chance)
        if item["type"] == "receipt":
            made.append(serving.post(path, json.dumps(item).encode()))
    return made


async def measure(host: str, port: int, path: str, count: int, seed: int) -> tuple[float, float]:
    """Requests a second at 32 connections, and the median seconds of one alone."""
    async with serving.connections(host, port, CONNECTIONS) as pool:
        seconds = await serving.drain(pool, requests(path, count, seed), expected=201)
        times = []
        for request in requests(path, LATENCY_REQUESTS, seed + 10_000):
            started = time.perf_counter()
            await pool[0].send(request)
            times.append(time.perf_counter() - started)
    return count / seconds, statistics.median(times)


@contextmanager
def echo_server() -> Iterator[int]:
    """The echo on the server's core; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.echo_app", str(port)],
        preexec_fn=lambda: os.sched_setaffinity(0, serving.SERVER_CORES),
    )
    try:
        _wait_for(port)
        yield port
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
    parser.add_argument("--requests", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    serving.stay_off_the_server_core()
    broker = KafkaServer(temporary_folder())
    results = []
    with running(broker):
        flags = (
            *("--kafka-bootstrap", broker.bootstrap, "--topic-prefix", "single"),
            *("--roles", "api,writer", "--replication", "1", "--dev"),
        )
        with serving.server(*flags) as (host, port, _), echo_server() as echo_port:
            for number in range(options.rounds):
                echo = uvloop.run(
                    measure("127.0.0.1", echo_port, "/echo", options.requests, number)
                )
                ours = uvloop.run(
                    measure(host, port, "/v1/movements", options.requests, number + 100)
                )
                results.append((ours, echo))
    rate = statistics.median(ours[0] for ours, _ in results)
    bare = statistics.median(echo[0] for _, echo in results)
    ratio = statistics.median(ours[0] / echo[0] for ours, echo in results)
    added = statistics.median(ours[1] - echo[1] for ours, echo in results)
    print(
        f"single POST on Kafka: {rate:,.0f} a second, bare echo {bare:,.0f}, ratio {ratio:.2f}; "
        f"median latency added {added * 1000:.2f} ms"
    )


if __name__ == "__main__":
    main()
