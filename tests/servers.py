"""The real servers that tests and benchmarks run against, also by hand.

    python -m tests.servers kafka --port 19092 --data DIR
    python -m tests.servers postgres --port 15432 --data DIR
    python -m tests.servers lock                                (pins the broker's jars anew)

Each runs in the foreground, says `ready …` when clients can come, and ends on Ctrl-C or SIGTERM.
Importable as `from tests.servers import KafkaServer, PostgresServer` from the project's folder.
"""

import argparse
import contextlib
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers_doors import Doors
from tests.servers_jars import write_lock
from tests.servers_kafka import KafkaCluster, KafkaServer
from tests.servers_postgres import PostgresServer, run_sql
from tests.servers_process import ServerError, free_ports, temporary_folder

__all__ = [
    "Doors",
    "KafkaCluster",
    "KafkaServer",
    "PostgresServer",
    "ServerError",
    "free_ports",
    "main",
    "run_sql",
    "running",
    "temporary_folder",
]

STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}


@contextlib.contextmanager
def running(server: KafkaServer | KafkaCluster | PostgresServer) -> Iterator[None]:
    """Start a server and stop it at the end, whatever happens in between."""
    try:
        server.start()
        yield
    finally:
        server.stop()


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for."""
    options = _parser().parse_args(arguments)
    if options.what == "lock":
        write_lock()
        return 0
    data: Path = options.data or temporary_folder()
    server: KafkaServer | PostgresServer
    if options.what == "kafka":
        server = KafkaServer(data, port=options.port, heap_mb=options.heap_mb)
        announcement = f"ready bootstrap={server.bootstrap}"
    else:
        server = PostgresServer(data, port=options.port, durable=not options.fast)
        announcement = f"ready url={server.url}"
    try:
        with running(server):
            # After the start, since a child inherits what is blocked.
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            print(announcement, flush=True)
            signal.sigwait(STOP_SIGNALS)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if not options.data:
            shutil.rmtree(data, ignore_errors=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.servers")
    kinds = parser.add_subparsers(dest="what", required=True)
    kafka = kinds.add_parser("kafka", help="one broker with its controller")
    kafka.add_argument("--heap-mb", type=int, default=512)
    postgres = kinds.add_parser("postgres", help="one PostgreSQL server")
    postgres.add_argument("--fast", action="store_true", help="do not wait for the disk")
    kinds.add_parser("lock", help="pin the broker's jars anew")
    for server in (kafka, postgres):
        server.add_argument("--port", type=int, help="default: a free one")
        server.add_argument("--data", type=Path, help="default: a temporary folder")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
