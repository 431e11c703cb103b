"""Where chaos takes place: servers, the instances on them, and the faults they may meet."""

import asyncio
import random
import subprocess
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.faults import (
    BrokerKilled,
    BrokerPaused,
    DatabaseRestarted,
    Fault,
    InstanceKilled,
    InstancePaused,
    LeaderKilled,
    Rebalances,
)
from tests.chaos.faults_of_links import Cut, Deaf, DiskFull, FilesLimited, Slow
from tests.chaos.instance import Instance
from tests.chaos.judge import Views
from tests.servers import (
    KafkaCluster,
    KafkaServer,
    PostgresServer,
    free_ports,
    run_sql,
    running,
)
from tests.servers_kafka import Gate
from tests.tcp_proxy import TcpProxy

PARTITIONS = 4
DISK_MB = 192
SESSION_SECONDS = "4"
COMMON = (
    *("--partitions", str(PARTITIONS), "--request-timeout-seconds", "8"),
    *("--view-wait-seconds", "60", "--snapshot-every-records", "1000"),
)


@dataclass
class Site:
    """`instances` always run; `views` has one entry for each database of views."""

    name: str
    instances: Sequence[Instance]
    faults: Sequence[Fault]
    views: Sequence[Views]


@asynccontextmanager
async def one_broker(
    folder: Path, chance: random.Random, broker: KafkaServer | None, database: PostgresServer
) -> AsyncIterator[Site]:
    """Two instances share PostgreSQL's views, the third has its own on SQLite.

    A broker that is given runs already and has no gates; then no link to it can be broken.
    """
    async with AsyncExitStack() as stack:
        to_database = {
            name: await stack.enter_async_context(TcpProxy(_host(database.url)))
            for name in ("one", "two")
        }
        to_broker: dict[str, TcpProxy] = {}
        if broker is None:
            broker, to_broker = await _gated(folder, stack)
        log = _on_kafka(broker.bootstrap, 1)
        url = _new_database(database)
        flags = {
            name: (*log, "--database-url", _through(url, proxy.port))
            for name, proxy in to_database.items()
        }
        flags["three"] = log
        for name, link in to_broker.items():
            # The last flag of a name is the one that holds.
            flags[name] = (*flags[name], "--kafka-bootstrap", f"127.0.0.1:{link.port}")
        made = {name: Instance(name, folder, folder / name, flags[name]) for name in flags}
        extra = Instance("extra", folder, folder / "extra", (*log, "--database-url", url))
        instances = [*made.values()]
        between = await _advertised(instances, stack)
        await stack.enter_async_context(_started([*instances, extra], running_now=3))
        faults: list[Fault] = [
            InstanceKilled(instances, chance),
            InstancePaused(instances, chance),
            BrokerKilled(broker),
            BrokerPaused([broker], chance),
            DatabaseRestarted(database),
            Rebalances(extra, chance),
            Cut("link to the database cut", to_database, chance),
            Slow("link to the database slow", to_database, chance),
            Cut("link to an instance cut", between, chance),
            Slow("link to an instance slow", between, chance),
            Deaf("answers of an instance lost", between, chance),
        ]
        if to_broker:
            faults += [
                Cut("link to the broker cut", to_broker, chance),
                Slow("link to the broker slow", to_broker, chance),
                Deaf("answers of the broker lost", to_broker, chance),
            ]
        shared = Views((*log, "--database-url", url), made["one"].url)
        own = Views((*log, "--data-dir", str(made["three"].data)), made["three"].url)
        yield Site("One broker, three instances, PostgreSQL", instances, faults, (shared, own))


@asynccontextmanager
async def three_brokers(
    folder: Path, chance: random.Random, database: PostgresServer
) -> AsyncIterator[Site]:
    """Three copies of every record, two of which must be there before anything counts."""
    async with AsyncExitStack() as stack:
        cluster = KafkaCluster(folder)
        await _run_servers(stack, cluster)
        log = _on_kafka(cluster.bootstrap, 3)
        flags = (*log, "--database-url", _new_database(database))
        instances = [Instance(name, folder, folder / name, flags) for name in ("four", "five")]
        await stack.enter_async_context(_started(instances, running_now=2))
        topic = f"{log[log.index('--topic-prefix') + 1]}.movements.v1"
        faults: list[Fault] = [
            LeaderKilled(cluster, topic, chance),
            BrokerPaused([*cluster.nodes.values()], chance),
            InstanceKilled(instances, chance),
            InstancePaused(instances, chance),
        ]
        yield Site(
            "Three brokers, two instances, PostgreSQL",
            instances,
            faults,
            [Views(flags, instances[0].url)],
        )


@asynccontextmanager
async def embedded(folder: Path, chance: random.Random) -> AsyncIterator[Site]:
    """Log and views in SQLite, on a disk of their own where one can be had."""
    async with AsyncExitStack() as stack:
        disk = folder / "disk"
        disk.mkdir()
        faults: list[Fault] = []
        if stack.enter_context(_small_disk(disk)):
            faults.append(DiskFull(disk))
        data = disk / "data"
        # Sooner than a fault ends, so that callers hear of it.
        instance = Instance("six", folder, data, (*COMMON, "--request-timeout-seconds", "3"))
        await stack.enter_async_context(_started([instance], running_now=1))
        faults += [
            FilesLimited([instance]),
            InstanceKilled([instance], chance),
            InstancePaused([instance], chance),
        ]
        views = Views((*COMMON[:2], "--data-dir", str(data)), instance.url)
        yield Site("Embedded", [instance], faults, [views])


async def _gated(folder: Path, stack: AsyncExitStack) -> tuple[KafkaServer, dict[str, TcpProxy]]:
    """A broker with a gate for each instance, and the proxies before them."""
    links, gates = {}, []
    for name, port in zip(("one", "two", "three"), free_ports(3), strict=True):
        links[name] = await stack.enter_async_context(TcpProxy(f"127.0.0.1:{port}"))
        gates.append(Gate(port, links[name].port))
    broker = KafkaServer(folder / "kafka", gates=gates)
    await _run_servers(stack, broker)
    return broker, links


async def _advertised(instances: Sequence[Instance], stack: AsyncExitStack) -> dict[str, TcpProxy]:
    """Let each instance be reached by the others through a proxy; clients come directly."""
    links = {}
    for one in instances:
        links[one.name] = await stack.enter_async_context(TcpProxy(f"127.0.0.1:{one.port}"))
        one.add_flags("--advertised-url", f"http://127.0.0.1:{links[one.name].port}")
    return links


async def _run_servers(stack: AsyncExitStack, server: Any) -> None:
    """Start in a thread, since proxies and clients share this one."""
    servers = ExitStack()
    stack.callback(servers.close)
    await asyncio.to_thread(servers.enter_context, running(server))


@asynccontextmanager
async def _started(instances: Sequence[Instance], *, running_now: int) -> AsyncIterator[None]:
    """Start the first of them; in the end none is left."""
    try:
        await asyncio.gather(*(one.start() for one in instances[:running_now]))
        yield
    finally:
        for one in instances:
            one.resume()
        await asyncio.gather(*(one.kill() for one in instances))


def _on_kafka(bootstrap: str, copies: int) -> tuple[str, ...]:
    flags = [*COMMON, "--kafka-bootstrap", bootstrap, "--replication", str(copies)]
    flags += ["--topic-prefix", f"chaos-{uuid.uuid4().hex[:8]}"]
    if copies == 1:
        flags.append("--dev")
    flags += ["--group-session-seconds", SESSION_SECONDS, "--cluster-secret", uuid.uuid4().hex]
    return tuple(flags)


def _new_database(server: PostgresServer) -> str:
    name = f"chaos_{uuid.uuid4().hex}"
    run_sql(server.url, f"CREATE DATABASE {name}")
    return urlsplit(server.url)._replace(path=f"/{name}").geturl()


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _through(url: str, port: int) -> str:
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()


@contextmanager
def _small_disk(folder: Path) -> Any:
    """A file system in memory; False where this user may not make one."""
    options = ["-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(["mount", *options], capture_output=True, check=False)
        mounted = done.returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
