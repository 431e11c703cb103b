"""Rebuilds that end in the middle: what is live is whole, and the next one goes on."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from projections.database import Database, DatabaseUnavailable
from projections.rebuilding import build as build_module
from projections.rebuilding.errors import BuildStopped
from projections.rebuilding.rebuild import rebuild
from projections.rebuilding.sites import BEFORE, BUILD, Site, open_site
from projections.rebuilding.status import read_status
from projections.stores import open_store
from tests.contract.read_models.cases import MemoryLog
from tests.contract.read_models.projecting import project
from tests.contract.read_models.rebuilding.killed import RECORDS, RECORDS_MIN, long_log
from tests.contract.read_models.rebuilding.ledgers import (
    ORDER,
    Silent,
    all_rows,
    execute,
    told,
)

ROOT = Path(__file__).parents[4]


class _Ended(Exception):
    """The process is gone."""


async def test_a_killed_build_goes_on_where_it_was(database: Database) -> None:
    """By SIGKILL, after some records were written. Nothing of the live views has changed."""
    log = long_log()
    await project(log, database)
    await execute(database, "UPDATE stock SET on_hand = on_hand + 1 WHERE account = 'MAIN/A/01'")
    damaged = await all_rows(database)
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else goes on in this test
        [
            sys.executable, "-m", "tests.contract.read_models.rebuilding.killed",
            database.url.render_as_string(hide_password=False),
        ],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    with process, process.stdout as lines:
        for line in lines:
            if int(line.split()[0]) >= RECORDS_MIN:
                break
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert await all_rows(database) == damaged
    found = (await read_status(log, database))["build"]
    assert not found["running"]
    assert RECORDS_MIN <= found["records"] < RECORDS
    report = await rebuild(log, database, ORDER, Silent())
    assert (report.resumed, report.build_id) == (True, found["id"])
    assert [one.table for one in report.tables if not one.equal] == ["stock"]
    assert (await read_status(log, database))["build"] is None


@pytest.mark.parametrize(
    ("method", "behind"), [("prepare", True), ("exchange", True), ("settle", False)]
)
async def test_an_exchange_happens_or_does_not(
    database: Database, monkeypatch: pytest.MonkeyPatch, method: str, behind: bool
) -> None:
    """It ends between any two of its steps; the next rebuild finds everything in order."""
    log, _ = told()
    await project(log, database)
    await execute(database, "UPDATE stock SET on_hand = 77 WHERE sku = 'a0-SKU'")
    damaged = await all_rows(database)
    site = type(open_site(database))
    right = getattr(site, method)
    calls = 0

    async def ending(self: Site, *arguments: object) -> None:
        nonlocal calls
        calls += 1
        # The first call of `settle` is that of the beginning.
        ends = calls > (method == "settle")
        if behind or not ends:
            await right(self, *arguments)
        if ends:
            raise _Ended

    monkeypatch.setattr(site, method, ending)
    with pytest.raises(_Ended):
        await rebuild(log, database, ORDER, Silent())
    monkeypatch.undo()
    exchanged = method == "settle"
    assert (await all_rows(database) == damaged) is not exchanged
    report = await rebuild(log, database, ORDER, Silent())
    assert (report.resumed, report.equal) == (not exchanged, exchanged)
    status = await read_status(log, database)
    assert status["build"] is None
    assert status["kept"] is not None


async def test_a_database_that_stays_away_ends_the_build(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a full disk does. The live views go on, and so does the next rebuild."""
    monkeypatch.setattr(build_module, "PATIENCE_SECONDS", 0.1)
    log, _ = told()
    await project(log, database)
    before = await all_rows(database)
    store = type(open_store(database, "any"))

    async def full(_self: object, _changes: object) -> list[int]:
        raise DatabaseUnavailable("DiskFullError: no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", full)
        with pytest.raises(DatabaseUnavailable, match="no space left"):
            await rebuild(log, database, ORDER, Silent())
    assert await all_rows(database) == before
    report = await rebuild(log, database, ORDER, Silent())
    assert (report.resumed, report.equal, report.swapped) == (True, True, True)


async def test_a_build_is_not_gone_on_with_by_other_code(database: Database) -> None:
    """It would be half of each. Nor where that is asked for."""
    log, _ = told()
    first = await rebuild(log, database, ORDER._replace(swap=False), Silent())
    assert not first.swapped
    assert (await read_status(log, database))["build"]["id"] == first.build_id
    for order in (ORDER._replace(made_by="newer"), ORDER._replace(afresh=True)):
        found = await rebuild(log, database, order._replace(swap=False), Silent())
        assert (found.resumed, found.build_id != first.build_id) == (False, True)
    site = open_site(database)
    await site.open()
    assert await site.note(BUILD) is not None
    assert await site.note(BEFORE) is None
    await site.close()


async def test_a_record_that_cannot_be_read_stops_the_build(database: Database) -> None:
    """Loudly, with its position; the live views stay."""
    log, _ = told()
    await project(log, database)
    before = await all_rows(database)
    broken = MemoryLog(2)
    broken.records = [list(records) for records in log.records]
    one = broken.records[1][3]
    broken.records[1][3] = type(one)(3, 3, one.key, b"not JSON", one.timestamp_ms)
    with pytest.raises(BuildStopped, match="1:3"):
        await rebuild(broken, database, ORDER, Silent())
    assert await all_rows(database) == before
