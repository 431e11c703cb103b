"""Migrations and tables say the same, on both databases."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from projections import migrate
from projections.database import (
    SQLITE_BUSY_MS,
    Database,
    DatabaseUnavailable,
    DatabaseUnsupported,
    parse_url,
)
from projections.migrate import ViewsNewer, migrations_folder, upgrade
from projections.schema import metadata
from tests.servers_postgres import run_sql


def engine_of(url: str) -> AsyncEngine:
    """An engine for looking at the result."""
    return create_async_engine(parse_url(url))


def differences(connection: Connection) -> list[object]:
    """What Alembic would still change."""
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


async def test_migrations_make_the_tables(empty_database_url: str) -> None:
    """From nothing to the tables the code knows; a second time does nothing."""
    await upgrade(empty_database_url)
    await upgrade(empty_database_url)
    engine = engine_of(empty_database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        version = await connection.execute(text("SELECT version_num FROM alembic_version"))
        assert version.scalar_one() == "0013"
        found = await connection.run_sync(lambda sync: _indexes(sync))
    await engine.dispose()
    assert found == {
        table.name: sorted(str(index.name) for index in table.indexes)
        for table in metadata.sorted_tables
    }


def _indexes(connection: Connection) -> dict[str, list[str]]:
    inspector = inspect(connection)
    return {
        table.name: sorted(str(one["name"]) for one in inspector.get_indexes(table.name))
        for table in metadata.sorted_tables
    }


async def test_two_processes_may_migrate_at_once(empty_database_url: str) -> None:
    """One makes the tables, the others find them made."""
    await asyncio.gather(*(upgrade(empty_database_url) for _ in range(6)))
    engine = engine_of(empty_database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


@pytest.mark.postgres
async def test_tables_of_others_in_the_same_database_are_not_ours(
    new_postgres_url: Callable[[], str],
) -> None:
    """Whatever else is kept there by Alembic: only what is on the search path is looked at."""
    url = new_postgres_url()
    run_sql(
        url,
        "CREATE SCHEMA others",
        "CREATE TABLE others.alembic_version (version_num text)",
        "INSERT INTO others.alembic_version VALUES ('theirs')",
    )
    assert await _stored(url) is None
    await upgrade(url, "0004")
    assert await _stored(url) == "0004"
    name = urlsplit(url).path.removeprefix("/")
    run_sql(url, f'ALTER DATABASE "{name}" SET search_path = others')
    assert await _stored(url) == "theirs"


async def _stored(url: str) -> str | None:
    database = Database(url)
    await database.open()
    try:
        async with database.reader() as reader:
            return await migrate.stored_revision(reader)
    finally:
        await database.close()


async def test_a_busy_new_file_is_waited_for(tmp_path: Path) -> None:
    """While another process is at the file, SQLite refuses to change its journal mode at once."""
    path = tmp_path / "views.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    other.execute("CREATE TABLE theirs (one INTEGER)")
    migrating = asyncio.create_task(upgrade(f"sqlite+aiosqlite:///{path}"))
    done, _ = await asyncio.wait({migrating}, timeout=0.2)
    assert not done
    other.execute("COMMIT")
    other.close()
    await migrating


async def test_who_writes_is_not_waited_for_when_nothing_is_to_do(database_url: str) -> None:
    """A process may start while another holds the tables for long, as an exchange of views does."""
    engine = engine_of(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM view_positions"))
        # Longer than SQLite waits for others, after which it would say so.
        async with asyncio.timeout(SQLITE_BUSY_MS / 1_000 + 60):
            await upgrade(database_url)
    await engine.dispose()


async def test_migrations_can_be_taken_back(empty_database_url: str) -> None:
    """Down to nothing and up again."""
    await upgrade(empty_database_url)
    engine = engine_of(empty_database_url)

    def down(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()))
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    async with engine.connect() as connection:
        await connection.run_sync(down)
        await connection.commit()
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await engine.dispose()
    assert names == ["alembic_version"]
    await upgrade(empty_database_url)


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://h/d", "sqlite://", "sqlite+aiosqlite:///:memory:", "sqlite:///"],
)
async def test_other_databases_are_refused(url: str) -> None:
    """With a name for what is wrong."""
    with pytest.raises(DatabaseUnsupported):
        await upgrade(url)


async def test_a_database_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """Nobody listens; the folder is a file."""
    with pytest.raises(DatabaseUnavailable):
        await upgrade("postgresql+asyncpg://u@127.0.0.1:1/none")
    (tmp_path / "file").write_text("")
    with pytest.raises((DatabaseUnavailable, OSError)):
        await upgrade(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'views.db'}")


async def test_tables_of_a_newer_version_are_said_so(database_url: str) -> None:
    """An older version that is started beside it says what to do."""
    engine = engine_of(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(ViewsNewer, match="upgrade this one"):
        await upgrade(database_url)


async def test_what_sqlite_rolled_back_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does where the disk is full: that is what is said, not that nothing is left to undo."""

    def full(connection: Connection, _revision: str) -> None:
        connection.exec_driver_sql("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(migrate, "_run", full)
    with pytest.raises(DatabaseUnavailable, match="disk is full"):
        await upgrade(f"sqlite+aiosqlite:///{tmp_path / 'views.db'}")
