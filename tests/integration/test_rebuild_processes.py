"""Views that several processes read the log into, from an embedded log into PostgreSQL."""

import asyncio
import multiprocessing
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from benchmarks.long_log import fill_log
from ledger.config import Settings
from ledger.log import Record
from ops.existing_log import existing_log
from ops.rebuild_processes import early_processes, run_ahead
from projections import runner
from projections.database import Database
from projections.derived import DERIVED
from projections.planning.catching_up import catch_up
from projections.rebuilding.build import Ahead, Way
from projections.rebuilding.errors import BuildStopped
from projections.rebuilding.rebuild import Report, rebuild
from projections.rebuilding.sites import BUILD, open_site
from tests.contract.read_models.projecting import project
from tests.contract.read_models.rebuilding.killed import RECORDS, long_log
from tests.contract.read_models.rebuilding.ledgers import ORDER, Silent, all_rows

JOBS = 2


async def rebuilt(
    settings: Settings, database: Database, ahead: Ahead, *, compare: bool = True
) -> Report:
    """As the command does it."""
    order = ORDER._replace(swap=False, compare=compare)
    async with existing_log(settings) as log:
        return await rebuild(log, database, order, Silent(), ahead)


@pytest.fixture
def url(new_views_url: Callable[[str], str]) -> str:
    """A server's database: a file has one writer, and nothing is read ahead there."""
    return new_views_url("postgres")


@pytest.mark.parametrize("early", [True, False])
async def test_processes_build_what_one_would(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, *, early: bool
) -> None:
    """Every record is read ahead, and nothing differs from the live views; indexes are there."""
    told = long_log()
    settings = Settings(data_dir=tmp_path, partitions=2, database_url=SecretStr(url))
    await fill_log(settings, told)
    database = Database(url)
    await database.open()
    await project(told, database)
    monkeypatch.setattr(runner, "LOADING_RECORDS_MIN", RECORDS)
    site = open_site(database)
    await site.open()
    read_ahead: dict[int, int] = {}

    async def ahead(way: Way, show: Callable[[int], None]) -> None:
        with early_processes(database, JOBS, way.ends) if early else nullcontext() as processes:
            if early:  # and no others
                monkeypatch.setattr("ops.partition_processes.Processes", None)
            await run_ahead(settings, JOBS, way, show, processes)
            assert not multiprocessing.active_children()
        built = Database(way.url)
        await built.open()
        read_ahead.update(await positions_of(built))
        await built.close()

    report = await rebuilt(settings, database, ahead)
    assert report.equal, report
    assert read_ahead == {one: len(records) for one, records in enumerate(told.records)}
    await catch_up(database)
    built = site.database(BUILD)
    await built.open()
    assert await all_rows(built) == await all_rows(database)
    assert await indexes_of(built) == await indexes_of(database)
    for one in (site, built, database):
        await one.close()


async def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, url: str) -> None:
    """By whichever process meets it; what was read before it stays, and the views as they are."""
    told = long_log()
    broken = Record(600, 600, b"SKU", b"not JSON", 1)
    told.records[1][600] = broken
    settings = Settings(data_dir=tmp_path, partitions=2, database_url=SecretStr(url))
    await fill_log(settings, told)
    database = Database(url)
    await database.open()
    with pytest.raises(BuildStopped, match="1:600"):
        await rebuilt(settings, database, partial(run_ahead, settings, JOBS), compare=False)
    assert not await positions_of(database)
    await database.close()


@pytest.mark.parametrize("early", [True, False])
async def test_cancelled_it_leaves_no_process_behind(
    tmp_path: Path, url: str, *, early: bool
) -> None:
    """As by Control-C. The next call goes on with what was read."""
    settings = Settings(data_dir=tmp_path, partitions=2, database_url=SecretStr(url))
    await fill_log(settings, long_log())
    database = Database(url)
    await database.open()
    begun = asyncio.Event()

    async def ahead(way: Way, show: Callable[[int], None]) -> None:
        with early_processes(database, JOBS, way.ends) if early else nullcontext() as processes:
            begun.set()
            await run_ahead(settings, JOBS, way, show, processes)

    running = asyncio.create_task(rebuilt(settings, database, ahead, compare=False))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not multiprocessing.active_children()
    report = await rebuilt(settings, database, partial(run_ahead, settings, JOBS), compare=False)
    assert (report.resumed, report.records) == (True, RECORDS + 2)
    await database.close()


async def test_nothing_is_started_early_in_vain(url: str) -> None:
    """For few records one process is as good; and what nobody has used ends at once."""
    database = Database(url)
    with early_processes(database, None, {0: 10, 1: 10}) as processes:
        assert processes is None
    with early_processes(Database("sqlite:///views.db"), JOBS, {0: 10**9, 1: 10**9}) as processes:
        assert processes is None
    with early_processes(database, JOBS, {0: 10, 1: 10}) as processes:
        assert processes is not None
        assert len(multiprocessing.active_children()) == JOBS
    assert not multiprocessing.active_children()


async def positions_of(database: Database) -> dict[int, int]:
    """How far views are."""
    async with database.reader() as reader:
        rows = await reader.all(text("SELECT partition, position FROM view_positions"))
    return {row["partition"]: row["position"] for row in rows}


async def indexes_of(database: Database) -> set[str]:
    """The names of the indexes of the tables that are made from the log."""
    tables = ", ".join(f"'{table.name}'" for table in DERIVED)
    query = (
        "SELECT indexname AS name FROM pg_indexes"
        f" WHERE schemaname = current_schema() AND tablename IN ({tables})"
    )
    async with database.reader() as reader:
        return {row["name"] for row in await reader.all(text(query))}
