"""What holds a rebuild up, ends it in the middle or is gone: nothing of it is left behind."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from projections.database import Database, DatabaseUnavailable, sqlite_path
from projections.rebuilding.build import Build
from projections.rebuilding.errors import ViewsInUse
from projections.rebuilding.rebuild import rebuild, roll_back
from projections.rebuilding.sites import Note, Side, open_site
from projections.rebuilding.status import read_status
from projections.runner import Projector
from tests.contract.read_models.cases import MemoryLog
from tests.contract.read_models.projecting import WAIT_SECONDS, project, until
from tests.contract.read_models.rebuilding.ledgers import ORDER, Silent, told


async def test_a_fence_is_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was writing the views is waited for, and then it is as if nothing had been."""
    settings = ("PRAGMA busy_timeout = 50",)
    monkeypatch.setattr("projections.sqlite_writing.SETTINGS", settings)
    monkeypatch.setattr("projections.rebuilding.site_postgres.FENCE_LOCK", "50ms")
    log, _ = told()
    await project(log, database)
    site, engine = open_site(database), create_async_engine(database.url, poolclass=NullPool)
    await site.open()
    before = await site.positions()
    async with engine.begin() as other:
        await other.execute(text("UPDATE view_positions SET position = position"))
        with pytest.raises(ViewsInUse, match="another process is writing"):
            async with site.fence():
                raise AssertionError("nobody is inside")
    async with site.fence() as positions:
        assert positions == before
    await site.close()
    await engine.dispose()


async def test_who_is_cancelled_while_a_build_stops_hears_of_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else somebody who was told to end would go on, and exchange the views."""
    running, stopping, stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(_projector: Projector) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopping.set()
            await stopped.wait()

    monkeypatch.setattr(Projector, "run", run)
    build = Build(MemoryLog(1), database, Silent().progress)
    await build.start({})
    async with asyncio.timeout(WAIT_SECONDS):
        await running.wait()
    caller = asyncio.create_task(build.stop())
    async with asyncio.timeout(WAIT_SECONDS):
        await stopping.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    stopped.set()
    await build.stop()


async def test_a_side_that_is_gone_meanwhile_is_not_made(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who only looks leaves no file behind that a rebuild would find."""
    log, _ = told()

    async def there(_site: object, _side: Side) -> Note:
        return Note("build", "test", "1", 0)

    monkeypatch.setattr(type(open_site(database)), "note", there)
    with pytest.raises(DatabaseUnavailable):
        await read_status(log, database)
    if database.is_sqlite:
        path = sqlite_path(database.url)
        assert [*path.parent.glob("*.rebuild.*")] == []


@pytest.mark.postgres
async def test_who_looks_at_the_views_of_before_is_waited_for(
    new_views_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept to be looked at; the way back is not broken off by it."""
    monkeypatch.setattr("projections.rebuilding.exchange.PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("projections.rebuilding.site_postgres.EXCHANGE_ATTEMPTS", 1)
    database = Database(new_views_url("postgres"))
    await database.open()
    log, _ = told()
    await project(log, database)
    await rebuild(log, database, ORDER._replace(compare=False), Silent())
    engine = create_async_engine(database.url, poolclass=NullPool)
    async with engine.begin() as other:
        await other.execute(text("SELECT count(*) FROM public_before.movements"))
        back = asyncio.create_task(roll_back(log, database, "test", hearing := Silent()))
        await until(lambda: back.done() or any("waits" in one for one in hearing.said))
    await back
    await engine.dispose()
    await database.close()
