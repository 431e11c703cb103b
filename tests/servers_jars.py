"""The broker's jars, pinned with their hashes in `servers_kafka.lock`; `write_lock` renews it."""

import fcntl
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.servers_process import ServerError

DOWNLOADS_AT_ONCE = 8
DOWNLOAD_TIMEOUT_S = 60
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
