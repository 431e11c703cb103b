"""A whole cluster on this machine: Kafka, PostgreSQL and two instances. Run it as `make cluster`.

Both servers come from the package registries; nothing needs to be installed. Everything lies in a
folder of its own, which is removed at the end, and listens on 127.0.0.1 only. Ctrl-C stops it.
"""

import argparse
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from examples.retail import opening  # noqa: E402 - needs the path above
from tests.servers import (  # noqa: E402 - needs the path above
    KafkaServer,
    PostgresServer,
    free_ports,
    running,
    temporary_folder,
)

INSTANCES = 2
PORT_FIRST = 8001
STOP_SECONDS_MAX = 40
RETAIL = ROOT / "examples" / "retail"
JSON = "curl -H 'content-type: application/json'"
TRY = """
Two instances share the partitions of one ledger. Any of them takes any request:

  {curl} {first}/v1/movements \\
    -d '{{"type":"receipt","sku":"TEA","quantity":"10","location":"MAIN/A"}}'
  {curl} {second}/v1/movements \\
    -d '{{"type":"pick","sku":"TEA","quantity":"4","location":"MAIN/A"}}'
  curl {second}/v1/stock/TEA

Load real trade through the first, and take the second away meanwhile; the first goes on alone:

  {load} {opening} --mapping {retail}/opening.toml --url {first}
  {load} {retail}/sample.csv.gz --mapping {retail}/mapping.toml --url {first}
  kill -9 {pid}

What each of them does: {first}/metrics, {first}/readyz, {first}/docs
Kafka: {kafka}
PostgreSQL: {database}
Ctrl-C stops everything.
"""


def main() -> int:
    """Start everything, say what to try, wait for Ctrl-C, stop everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=PORT_FIRST, help="of the first; 0: free ones")
    parser.add_argument("--once", action="store_true", help="stop as soon as all is ready")
    options = parser.parse_args()
    ports = free_ports(INSTANCES) if options.port == 0 else range(options.port, options.port + 2)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _n, _f: stop.set())
    folder = temporary_folder()
    kafka = KafkaServer(folder / "kafka")
    database = PostgresServer(folder / "postgres", durable=True)
    print("starting Kafka and PostgreSQL ...", flush=True)
    with (
        running(kafka),
        running(database),
        _instances(folder, kafka.bootstrap, database.url, list(ports)) as processes,
    ):
        _explain(processes, list(ports), kafka.bootstrap, database.url, _opening(folder))
        if not options.once:
            _wait(stop, processes)
    print("stopped")
    return 0


@contextlib.contextmanager
def _instances(
    folder: Path, bootstrap: str, database_url: str, ports: Sequence[int]
) -> Iterator[list[subprocess.Popen[str]]]:
    environment = os.environ | {
        "STOCKLEDGER_KAFKA_BOOTSTRAP": bootstrap,
        "STOCKLEDGER_DATABASE_URL": database_url,
        "STOCKLEDGER_CLUSTER_SECRET": secrets.token_urlsafe(32),
        "STOCKLEDGER_REPLICATION": "1",
        "STOCKLEDGER_DEV": "true",
    }
    processes: list[subprocess.Popen[str]] = []
    try:
        for port in ports:
            command = [sys.executable, "-m", "ops", "serve", "--port", str(port)]
            command += ["--data-dir", str(folder / f"instance-{port}")]
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                # Ctrl-C is for this program, which then stops them in order.
                start_new_session=True,
            )
            processes.append(process)
            _wait_until_ready(process)
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS_MAX)
            process.kill()


def _wait_until_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("ready "):
        raise SystemExit("an instance did not start; what it said stands above")
    print(f"{line.strip()} pid={process.pid}", flush=True)


def _opening(folder: Path) -> Path:
    """The stock that the sample takes from: the real file has no receipts."""
    made = folder / "opening.csv"
    needed, _, costs = opening.needed(RETAIL / "sample.csv.gz", RETAIL / "mapping.toml")
    opening.write(made, needed, costs)
    return made


def _explain(
    processes: Sequence["subprocess.Popen[str]"],
    ports: Sequence[int],
    kafka: str,
    database: str,
    opened: Path,
) -> None:
    first, second = (f"http://127.0.0.1:{port}" for port in ports)
    text = TRY.format(
        curl=JSON,
        load=f"{Path(sys.executable).parent}/stockledger load",
        first=first,
        second=second,
        pid=processes[1].pid,
        retail=RETAIL,
        opening=opened,
        kafka=kafka,
        database=database,
    )
    print(text, flush=True)


def _wait(stop: threading.Event, processes: Sequence["subprocess.Popen[str]"]) -> None:
    gone: set[int] = set()
    while not stop.wait(0.5):
        for process in processes:
            if process.poll() is not None and process.pid not in gone:
                gone.add(process.pid)
                print(f"instance {process.pid} has ended", flush=True)
        if len(gone) == len(processes):
            return


if __name__ == "__main__":
    raise SystemExit(main())
