"""What views in a file have committed gets into the file itself, whoever has it open."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger import sqlite_checkpoint
from ledger.sqlite_checkpoint import BehindCommits
from projections import sqlite_writing, store_sqlite
from projections.database import Database, sqlite_path
from projections.planning import demand_sqlite
from projections.planning.catching_up import catch_up
from projections.planning.run_writer import PlanningWriter
from projections.publishers.alert_store import AlertStore
from projections.rebuilding.rebuild import rebuild
from tests.contract.read_models.projecting import project
from tests.contract.read_models.rebuilding.ledgers import ORDER, Silent, told

TABLES = ("movements", "stock", "sku_days")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind every commit."""
    monkeypatch.setattr(sqlite_checkpoint, "COMMITTED_BYTES", 0)


def counts(path: Path) -> list[int]:
    """How many rows some tables have."""
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES]


def alone(path: Path, folder: Path) -> Path:
    """The file without its write-ahead log."""
    found = folder / "alone.db"
    found.write_bytes(path.read_bytes())
    return found


@pytest.fixture
async def database(new_views_url: Callable[[str], str]) -> AsyncIterator[Database]:
    """In a file that somebody else has open too, or the last one to close it would move all."""
    opened = Database(new_views_url("sqlite"))
    await opened.open()
    with closing(sqlite3.connect(sqlite_path(opened.url))) as other:
        other.execute("SELECT count(*) FROM movements").fetchone()
        yield opened
    await opened.close()


async def test_what_is_projected_is_in_the_file(database: Database, tmp_path: Path) -> None:
    """The views, and the demand view behind them."""
    path = sqlite_path(database.url)
    log, _ = told()
    await project(log, database)
    await catch_up(database)
    assert all(counts(path))
    assert counts(alone(path, tmp_path)) == counts(path)


async def test_what_was_built_anew_is_in_the_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anybody writes more."""
    path = sqlite_path(database.url)
    log, _ = told()
    for module in (store_sqlite, demand_sqlite):
        monkeypatch.setattr(module, "committing", without_checkpoint)
    await rebuild(log, database, ORDER._replace(compare=False), Silent())
    assert all(counts(path)[:2])
    assert counts(alone(path, tmp_path)) == counts(path)


@pytest.mark.parametrize("of", ["planning runs", "alerts"])
async def test_what_comes_through_an_engine_is_in_the_file(
    database: Database, tmp_path: Path, of: str
) -> None:
    """Where nothing else is written for long."""
    path = sqlite_path(database.url)
    url = database.url.render_as_string(hide_password=False)
    writer = PlanningWriter(url) if of == "planning runs" else AlertStore(database)
    begin = writer.transaction if isinstance(writer, PlanningWriter) else writer._transaction
    async with begin() as connection:
        await connection.execute(text("CREATE TABLE extra AS SELECT 1"))
    with closing(sqlite3.connect(alone(path, tmp_path))) as found:
        assert found.execute("SELECT count(*) FROM extra").fetchone() == (1,)
    await writer.close()


def without_checkpoint(
    connection: sqlite3.Connection, _behind: BehindCommits
) -> AbstractContextManager[None]:
    """In place of `committing`."""
    return sqlite_writing.transaction(connection)
