"""VACUUM and ANALYZE at tables that are to be exchanged, by the server or by somebody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from projections.database import Database
from projections.rebuilding.rebuild import rebuild, roll_back
from tests.contract.read_models.projecting import WAIT_SECONDS, count, project, until
from tests.contract.read_models.rebuilding.ledgers import ORDER, Silent, told

pytestmark = pytest.mark.postgres
_WAITING = """
SELECT mode FROM pg_locks WHERE NOT granted AND locktype = 'relation'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# The mode of VACUUM and of ANALYZE.
_HOUSEKEEPING = "LOCK TABLE {}.movements IN SHARE UPDATE EXCLUSIVE MODE"


@asynccontextmanager
async def _views(
    url: str, hearing: Silent
) -> AsyncIterator[tuple[Database, AsyncEngine, Callable[[str], Any]]]:
    """Views that were rebuilt once, and how to exchange those of a schema for them."""
    database = Database(url)
    await database.open()
    log, _ = told()
    await project(log, database)
    order = ORDER._replace(compare=False)
    assert (await rebuild(log, database, order, Silent())).swapped
    engine = create_async_engine(database.url, poolclass=NullPool)

    async def exchange(schema: str) -> None:
        if schema == "public_before":
            await roll_back(log, database, "test", hearing)
        else:
            assert (await rebuild(log, database, order, hearing)).swapped

    try:
        yield database, engine, exchange
    finally:
        await engine.dispose()
        await database.close()


async def _waits(engine: AsyncEngine) -> set[str]:
    """The modes of locks that somebody waits for, as soon as somebody does."""
    async with asyncio.timeout(WAIT_SECONDS), engine.connect() as looking:
        while True:
            if found := set((await looking.execute(text(_WAITING))).scalars()):
                return found
            await asyncio.sleep(0.01)


def _waited(hearing: Silent) -> bool:
    return any("waits: VACUUM" in one for one in hearing.said)


@pytest.mark.parametrize("schema", ["public", "public_before"])
async def test_housekeeping_is_waited_for_and_nobody_behind_it(
    new_views_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, schema: str
) -> None:
    """Who asked for the tables alone would keep all readers waiting for as long."""
    patient = f"{WAIT_SECONDS}s"
    monkeypatch.setattr("projections.rebuilding.housekeeping_postgres.HOUSEKEEPING_WAIT", patient)
    monkeypatch.setattr("projections.rebuilding.site_postgres.FENCE_LOCK", patient)
    async with _views(new_views_url("postgres"), Silent()) as (database, engine, exchange):
        async with engine.begin() as housekeeping:
            await housekeeping.execute(text(_HOUSEKEEPING.format(schema)))
            running = asyncio.create_task(exchange(schema))
            assert await _waits(engine) == {"ShareUpdateExclusiveLock"}
            async with asyncio.timeout(WAIT_SECONDS):
                assert await count(database) == 24
            assert not running.done()
        await running


async def test_housekeeping_that_goes_on_is_come_back_to(
    new_views_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with readers that stay: the exchange is put off, and says so."""
    monkeypatch.setattr("projections.rebuilding.housekeeping_postgres.HOUSEKEEPING_WAIT", "50ms")
    monkeypatch.setattr("projections.rebuilding.exchange.PAUSE_SECONDS", 0.05)
    async with _views(new_views_url("postgres"), hearing := Silent()) as (_, engine, exchange):
        async with engine.begin() as housekeeping:
            await housekeeping.execute(text(_HOUSEKEEPING.format("public")))
            running = asyncio.create_task(exchange("public"))
            await until(lambda: running.done() or _waited(hearing))
            assert _waited(hearing)
        await running
