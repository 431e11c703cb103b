"""What all tests share: the real servers, started once and only where a test asks for one."""

import logging
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog

from ops.logging import QUIET
from tests.servers import (
    KafkaServer,
    PostgresServer,
    ServerError,
    run_sql,
    running,
    temporary_folder,
)

KAFKA_VARIABLE = "STOCKLEDGER_TEST_KAFKA"
POSTGRES_VARIABLE = "STOCKLEDGER_TEST_DATABASE_URL"
MARK_BY_FIXTURE = {
    "kafka_bootstrap": "kafka",
    "kafka_server": "kafka",
    "new_postgres_url": "postgres",
    "postgres_admin_url": "postgres",
    "postgres_url": "postgres",
}


def pytest_configure() -> None:
    """End in order on SIGTERM too, so that servers and their folders go."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the servers it asks for; first, so that `-m` sees the marks."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARK_BY_FIXTURE:
                item.add_marker(MARK_BY_FIXTURE[fixture])


@pytest.fixture(autouse=True)
def put_logging_back() -> Iterator[None]:
    """A test that runs a command, or sets logging up, leaves it as it was.

    Else everything later logs to a stream that is closed with that test.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    if structlog.is_configured():
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """Where the servers of this run keep their data."""
    folder = temporary_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def own_kafka(servers_folder: Path) -> Iterator[KafkaServer]:
    """The broker of this run."""
    server = KafkaServer(servers_folder / "kafka")
    with _started(server):
        yield server


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> str:
    """The address of a real Kafka broker."""
    given = os.environ.get(KAFKA_VARIABLE)
    if given:
        return given
    server: KafkaServer = request.getfixturevalue("own_kafka")
    return server.bootstrap


@pytest.fixture
def kafka_server(request: pytest.FixtureRequest) -> Iterator[KafkaServer]:
    """The same broker to stop, start, kill, pause and resume; it runs again after the test."""
    if os.environ.get(KAFKA_VARIABLE):
        pytest.skip(f"NOT TESTED: the broker in {KAFKA_VARIABLE} is not ours to stop")
    server: KafkaServer = request.getfixturevalue("own_kafka")
    yield server
    server.resume()
    if not server.running:
        server.start()


@pytest.fixture
def topic_prefix() -> str:
    """A start for topic names that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def postgres_admin_url(request: pytest.FixtureRequest) -> str:
    """A real PostgreSQL, as a user who may create databases."""
    given = os.environ.get(POSTGRES_VARIABLE)
    if given:
        return given
    server: PostgresServer = request.getfixturevalue("own_postgres")
    return server.url


@pytest.fixture(scope="session")
def own_postgres(servers_folder: Path) -> Iterator[PostgresServer]:
    """The PostgreSQL of this run."""
    server = PostgresServer(servers_folder / "postgres", durable=False)
    with _started(server):
        yield server


@pytest.fixture
def postgres_url(new_postgres_url: Callable[[], str]) -> str:
    """A new, empty database, dropped after the test."""
    return new_postgres_url()


@pytest.fixture
def new_postgres_url(postgres_admin_url: str) -> Iterator[Callable[[], str]]:
    """Make as many new, empty databases as a test wants; all are dropped after it."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{uuid.uuid4().hex}"
        run_sql(postgres_admin_url, f"CREATE DATABASE {name}")
        made.append(name)
        return urlsplit(postgres_admin_url)._replace(path=f"/{name}").geturl()

    yield make
    for name in made:
        run_sql(postgres_admin_url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _started(server: KafkaServer | PostgresServer) -> Iterator[None]:
    """Run a server; where it cannot start, fail under CI and skip on a laptop."""
    with ExitStack() as stack:
        try:
            stack.enter_context(running(server))
        except (ServerError, ImportError) as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"NOT TESTED, no server: {error}")
        yield
