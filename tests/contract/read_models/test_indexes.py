"""Indexes that are made after loading, and the one connection that everybody waits for."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import asyncpg
import pytest

from projections.checkpoints import VIEW_GROUP
from projections.database import Database
from projections.id_index import ViewIdIndex
from projections.stores import open_store
from projections.tables import DEFERRED_INDEXES
from tests.contract.read_models.cases import LEDGER_ID, MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import WAIT_SECONDS, project
from tests.servers_postgres import run_sql

pytestmark = pytest.mark.postgres
_SOMEBODY_WAITS = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'movements'::regclass)"
)


@pytest.fixture
def url(new_views_url: Callable[[str], str]) -> str:
    """A server's database with empty tables."""
    return new_views_url("postgres")


async def test_ids_are_unknown_exactly_as_long_as_their_own_index_is_missing(url: str) -> None:
    """Whichever of the others are made before it or after it."""
    log, database = MemoryLog(1), Database(url)
    Teller(log).tell(receipt("r0", "A"))
    await database.open()
    await project(log, database)
    index = ViewIdIndex(database)
    index.ledger_id = LEDGER_ID
    known = {}
    for one in DEFERRED_INDEXES:
        run_sql(url, f"ALTER INDEX {one.name} RENAME TO away")
        known[one.name] = await index.position(0)
        run_sql(url, f"ALTER INDEX away RENAME TO {one.name}")
    assert [name for name, position in known.items() if position == 0] == ["movements_by_id"]
    await database.close()


async def test_who_is_cancelled_while_waiting_ends_nothing_of_others(url: str) -> None:
    """A partition that is let go while an index is made, which may have taken hours so far."""
    store = open_store(Database(url), VIEW_GROUP)
    name = DEFERRED_INDEXES[0].name
    run_sql(url, f"DROP INDEX {name}")
    other = await asyncpg.connect(urlsplit(url)._replace(scheme="postgresql").geturl())
    await other.execute("BEGIN; LOCK TABLE movements IN ROW EXCLUSIVE MODE")
    making = asyncio.create_task(store.build_indexes())
    async with asyncio.timeout(WAIT_SECONDS):
        while not await other.fetchval(_SOMEBODY_WAITS):  # noqa: ASYNC110 - the server knows
            await asyncio.sleep(0.01)
    waiting = asyncio.create_task(store.checkpoints())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await other.execute("COMMIT")
    await making
    assert await other.fetchval("SELECT to_regclass($1)::text", name) == name
    await other.close()
    await store.close()
