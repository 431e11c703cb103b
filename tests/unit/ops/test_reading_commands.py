"""Commands that only read: they make nothing where nothing is, and change nothing where it is."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ledger.config import Settings
from ops.console import ExitCode
from ops.seal import seal
from ops.seals.keys import make_key
from projections.database import Database, DatabaseUnavailable
from projections.migrate import upgrade
from projections.positions import read_positions
from tests.simulation.scenario import small
from tests.unit.ops.test_check_history_embedded import _fill
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

FILES = ("log.db", "snapshots.db", "views.db")
# Every command that only reads, as it is called beside the files of `surroundings`.
OF_THE_LOG = {
    "verify": (),
    "replay": (),
    "export": ("out",),
    "tail": ("--from", "start", "--count", "1"),
    "prove": ("0:0", "--seal", "seals", "--output", "proof"),
    "seal": ("--key", "key", "--into", "seals"),
    "check-history": ("history.ndjson", "--others"),
    "rebuild": ("--status",),
    "topics": (),
}
OF_THE_VIEWS = {
    "as-of": ("apple",),
    "explain": ("apple",),
    "reconcile": ("statement.csv", "--mapping", "statement.toml"),
    "plan": ("--explain", "apple"),
}
OTHERS = {"doctor": (), "config": ("--check",), "keys": ("list",)}
# It has a file of its own, which is not among `FILES`.
OF_PRIVATE_KEYS = {"privacy": ("list",)}
COMMANDS = {**OF_THE_LOG, **OF_THE_VIEWS, **OTHERS, **OF_PRIVATE_KEYS}
Listing = dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of one partition, closed in order, and what the commands ask for beside it."""
    folder = tmp_path_factory.mktemp("made")
    with small():
        asyncio.run(_fill(settings := Settings(partitions=1, data_dir=folder / "data")))
    make_key(folder / "key")
    for name in FILES:
        # The last one to close a file leaves nothing beside it.
        with closing(sqlite3.connect(folder / "data" / name)) as connection:
            connection.execute("SELECT * FROM sqlite_master").fetchall()
    seal(settings, key=folder / "key", into=folder / "seals")
    (folder / "history.ndjson").write_text("")
    (folder / "statement.csv").write_text("sku,quantity\napple,1\n")
    (folder / "statement.toml").write_text('[fields]\nsku = "{sku}"\nquantity = "{quantity}"\n')
    return folder


@pytest.fixture
def surroundings(made: Path, own_folder: None) -> Path:
    """A copy of it, in which the command runs."""
    shutil.copytree(made, ".", dirs_exist_ok=True)
    return Path.cwd()


def listing(folder: Path) -> Listing:
    """Sizes and times of all files but those that readers share with writers."""
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if not path.name.endswith("-shm")
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_made_where_nothing_is(run: Run, surroundings: Path, command: str) -> None:
    """Neither in an empty folder nor in place of a missing one."""
    (surroundings / "empty").mkdir()
    for folder in ("empty", "missing"):
        code, _, err = run(command, *COMMANDS[command], "--partitions", "1", "--data-dir", folder)
        assert code == (ExitCode.GOOD if command in OTHERS else ExitCode.FOUND_WRONG), err
    assert list((surroundings / "empty").iterdir()) == []
    assert not (surroundings / "missing").exists()


@pytest.mark.parametrize("command", OF_THE_VIEWS)
def test_where_there_are_no_views(run: Run, surroundings: Path, command: str) -> None:
    """It says who makes them; also where there is a file without tables, which stays as it is."""
    (surroundings / "data" / "views.db").unlink()
    code, _, err = run(command, *OF_THE_VIEWS[command])
    assert (code, "there are no views" in err, "migrate" in err) == (1, True, True)
    assert not (surroundings / "data" / "views.db").exists()
    (surroundings / "data" / "views.db").touch()
    code, _, err = run(command, *OF_THE_VIEWS[command])
    assert (code, "there are no views" in err) == (1, True)
    assert (surroundings / "data" / "views.db").stat().st_size == 0


def test_a_plan_is_not_made_of_nothing(run: Run, own_folder: None) -> None:
    """A run is written into the views, which must be there."""
    code, _, err = run("plan")
    assert (code, "there are no views" in err) == (1, True)
    assert not Path("data").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_changes_where_nobody_writes(run: Run, surroundings: Path, command: str) -> None:
    """Not even a file that SQLite would make beside the others, and remove or leave."""
    before = listing(surroundings / "data")
    assert set(before) == set(FILES)
    code, _, err = run(command, *COMMANDS[command], "--partitions", "1")
    # `apple` has more than one, there is no planning run to explain, and no file of private keys.
    assert code == {"reconcile": 1, "plan": 2, "privacy": 1}.get(command, 0), err
    assert listing(surroundings / "data") == before
    assert not list((surroundings / "data").glob("*-shm"))


@pytest.mark.parametrize("command", ["verify", "as-of", "check-history", "export"])
def test_nothing_changes_where_somebody_writes(run: Run, surroundings: Path, command: str) -> None:
    """What is not in the files yet is seen, and stays where it is."""
    with ExitStack() as stack:
        for name in FILES:
            writer = stack.enter_context(closing(sqlite3.connect(surroundings / "data" / name)))
            writer.execute("CREATE TABLE of_a_writer (number)")
            writer.commit()
        before = listing(surroundings / "data")
        assert {f"{name}-wal" for name in FILES} < set(before)
        code, _, err = run(command, *COMMANDS[command], "--partitions", "1")
        assert code == 0, err
        assert listing(surroundings / "data") == before


def test_tables_of_another_version_are_left_alone(run: Run, surroundings: Path) -> None:
    """It says what to do, and does not do it."""
    path = surroundings / "data" / "views.db"
    path.unlink()
    url = f"sqlite+aiosqlite:///{path}"
    asyncio.run(upgrade(url, "0001"))
    before = listing(surroundings / "data")
    code, _, err = run("as-of", "apple")
    assert (code, "tables of 0001" in err, "stockledger migrate" in err) == (1, True, True)
    assert listing(surroundings / "data") == before
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    code, _, err = run("as-of", "apple")
    assert (code, "a newer version made them" in err) == (1, True)


@pytest.mark.parametrize("command", [*OF_THE_VIEWS, "rebuild"])
def test_views_that_are_no_database(run: Run, surroundings: Path, command: str) -> None:
    """That does not mend by waiting, as a database that is away may."""
    (surroundings / "data" / "views.db").write_bytes(b"no database, " * 1000)
    code, _, err = run(command, *COMMANDS[command], "--partitions", "1")
    assert (code, "views.db cannot be used" in err) == (1, True), err


def test_a_folder_that_nobody_may_write(run: Run, surroundings: Path) -> None:
    """As root it proves nothing, and the tests above have to."""
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    data = surroundings / "data"
    for path in (*data.iterdir(), data):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        for command in ("verify", "as-of", "replay"):
            code, _, err = run(command, *COMMANDS[command], "--partitions", "1")
            assert code == 0, err
    finally:
        data.chmod(0o755)


async def test_views_are_read_on_when_somebody_begins_to_write(surroundings: Path) -> None:
    """What is written later is seen by the next readers; whoever reads meanwhile is told."""
    path = surroundings / "data" / "views.db"
    database = Database(f"sqlite+aiosqlite:///{path}", read_only=True)
    await database.open()
    try:
        before = await _positions(database)
        with closing(sqlite3.connect(path)) as writer:
            with pytest.raises(DatabaseUnavailable, match="try again"):
                await _read_and_write(database, writer)
            after = {one: at + 1 for one, at in before.items()}
            found = await asyncio.gather(_positions(database), _positions(database))
            assert [*found] == [after, after]
    finally:
        await database.close()


async def _positions(database: Database) -> dict[int, int]:
    async with database.reader() as reader:
        return await read_positions(reader)


async def _read_and_write(database: Database, writer: sqlite3.Connection) -> None:
    async with database.reader() as reader:
        await read_positions(reader)
        writer.execute("UPDATE view_positions SET position = position + 1")
        writer.commit()
