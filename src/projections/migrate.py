"""Bringing the tables of the views up to date. Safe where several processes do it at once."""

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ledger.errors import LedgerError
from ledger.presence import is_dir
from ledger.sqlite_checkpoint import NONE_BY_ITSELF
from projections.database import (
    CONNECT_SECONDS,
    SQLITE,
    SQLITE_BUSY_MS,
    DatabaseUnavailable,
    ReadConnection,
    parse_url,
    sqlite_path,
)
from projections.engines import new_engine

# Any number that no other program on this database uses for its advisory locks.
MIGRATION_LOCK = 7_021_500_117
BUSY_RETRY_SECONDS = 0.02


class ViewsNewer(LedgerError):
    """The tables of the views were made by a newer version; upgrade this one."""


def migrations_folder() -> Path:
    """Where the migrations lie: beside this file in an installed package, else in the checkout."""
    here = Path(__file__).resolve()
    installed = here.with_name("_migrations")
    return installed if is_dir(installed) else here.parents[2] / "migrations"


def newest_revision() -> str:
    """The revision of the tables that this version needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def known_revisions() -> frozenset[str]:
    """Every revision that this version knows; others are of newer ones."""
    scripts = ScriptDirectory.from_config(_config())
    return frozenset(script.revision for script in scripts.walk_revisions())


async def stored_revision(reader: ReadConnection) -> str | None:
    """The revision of the tables that are there; None where there are none.

    Raises DatabaseUnavailable.
    """
    # On PostgreSQL on the search path, where it is read from: other schemas may have one, too.
    there = (
        "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        if reader.is_sqlite
        else "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL"
    )
    if await reader.first(text(there)) is None:
        return None
    row = await reader.first(text("SELECT version_num FROM alembic_version"))
    return None if row is None else str(row["version_num"])


async def upgrade(database_url: str, revision: str = "head") -> None:
    """Make or change the tables, in one transaction. Does nothing where they are up to date.

    Raises DatabaseUnsupported, DatabaseUnavailable, ViewsNewer.
    """
    url = parse_url(database_url)
    sqlite = url.drivername == SQLITE
    if sqlite:
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    engine = new_engine(url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    try:
        if sqlite:
            await asyncio.to_thread(_enter_wal, sqlite_path(url))
            # The driver must not begin transactions: it would do so after the first statement.
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade_sqlite if sqlite else _upgrade_postgres, revision)
            if not sqlite:
                await connection.commit()
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
    except CommandError as error:
        # The tables name a migration that is not among those of this version.
        raise ViewsNewer from error
    finally:
        await engine.dispose()


def _is_up_to_date(connection: Connection, revision: str) -> bool:
    """Whether there is nothing to do: then nobody who writes is waited for."""
    if revision != "head":
        return False
    return MigrationContext.configure(connection).get_current_revision() == newest_revision()


def _upgrade_postgres(connection: Connection, revision: str) -> None:
    if _is_up_to_date(connection, revision):
        return
    connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    _run(connection, revision)


def _upgrade_sqlite(connection: Connection, revision: str) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")
    connection.exec_driver_sql(NONE_BY_ITSELF)
    if _is_up_to_date(connection, revision):
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        _run(connection, revision)
    except BaseException:
        # Where the disk is full, SQLite has rolled back by itself; what it said then matters.
        with contextlib.suppress(SQLAlchemyError):
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _enter_wal(path: Path) -> None:
    """Change the journal mode. Here SQLite does not wait for others, whatever its busy timeout."""
    deadline = time.monotonic() + SQLITE_BUSY_MS / 1000
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(BUSY_RETRY_SECONDS)
            else:
                return


def _run(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config
