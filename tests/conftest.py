"""What all tests share: the real servers, started once and only where a test asks for one."""

import asyncio
import logging
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog
from hypothesis import HealthCheck, settings

from ops.logging import QUIET
from projections.migrate import upgrade
from tests import forgotten_connections
from tests.servers import (
    Doors,
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
    "kafka_doors": "kafka",
    "kafka_server": "kafka",
    "new_postgres_database": "postgres",
    "new_postgres_url": "postgres",
    "postgres_admin_url": "postgres",
    "postgres_url": "postgres",
}


def pytest_configure() -> None:
    """End in order on SIGTERM too, so that servers and their folders go."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))
    forgotten_connections.let_go()
    # A machine that stands still for a second refutes no property.
    settings.register_profile(
        "busy", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("busy")


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
    server.secure(Doors(servers_folder / "doors"))
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


@pytest.fixture(scope="session")
def kafka_doors(request: pytest.FixtureRequest) -> Doors:
    """Ports of that broker behind TLS and passwords."""
    if os.environ.get(KAFKA_VARIABLE):
        pytest.skip(f"NOT TESTED: the broker in {KAFKA_VARIABLE} has no doors of ours")
    server: KafkaServer = request.getfixturevalue("own_kafka")
    assert server.doors is not None
    return server.doors


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
def new_postgres_database(postgres_admin_url: str) -> Iterator[Callable[[str], str]]:
    """Make as many new databases as a test wants, of a template; all are dropped after it."""
    made: list[str] = []

    def make(template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        run_sql(postgres_admin_url, f"CREATE DATABASE {name} TEMPLATE {template}")
        made.append(name)
        return _database_of(postgres_admin_url, name)

    yield make
    for name in made:
        run_sql(postgres_admin_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_postgres_url(new_postgres_database: Callable[[str], str]) -> Callable[[], str]:
    """Make as many new, empty databases as a test wants."""
    return lambda: new_postgres_database("template1")


@pytest.fixture(scope="session")
def postgres_template(postgres_admin_url: str) -> Iterator[str]:
    """The name of a database with the tables of the views, which costs a second to make."""
    name = f"template_{uuid.uuid4().hex}"
    run_sql(postgres_admin_url, f"CREATE DATABASE {name}")
    _migrate(_database_of(postgres_admin_url, name))
    yield name
    run_sql(postgres_admin_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("template") / "views.db"
    _migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def new_views_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Make as many databases with empty tables as a test wants, each `sqlite` or `postgres`."""

    def make(kind: str) -> str:
        if kind == "postgres":
            template = request.getfixturevalue("postgres_template")
            new: Callable[[str], str] = request.getfixturevalue("new_postgres_database")
            return new(template)
        path = tmp_path / f"views-{uuid.uuid4().hex}.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite+aiosqlite:///{path}"

    return make


def _database_of(server_url: str, name: str) -> str:
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def _migrate(url: str) -> None:
    """In a thread, since a test may already run an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, upgrade(url)).result()


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
