"""A server that answers and lets nobody in, as one does that is starting up."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from projections.checkpoints import VIEW_GROUP
from projections.database import Database, DatabaseUnavailable
from projections.planning.catching_up import open_demand_store
from projections.rebuilding.sites import open_site
from projections.stores import open_store
from tests.servers_postgres import run_sql


@pytest.fixture
def closed(new_views_url: Callable[[str], str], postgres_admin_url: str) -> Database:
    """A database that takes no connection."""
    url = new_views_url("postgres")
    name = urlsplit(url).path.removeprefix("/")
    run_sql(postgres_admin_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    return Database(url)


async def test_whoever_connects_hears_that_it_is_unavailable(closed: Database) -> None:
    """And tries again; an error of another kind would end it."""
    store, demand, site = (
        open_store(closed, VIEW_GROUP),
        open_demand_store(closed),
        open_site(closed),
    )
    for asking in (store.checkpoints, demand.positions, site.open):
        with pytest.raises(DatabaseUnavailable, match="not currently accepting connections"):
            await asking()
    await closed.open()
    with pytest.raises(DatabaseUnavailable, match="not currently accepting connections"):
        async with closed.reader():
            raise AssertionError("nobody gets in")
    for one in (store, demand, site, closed):
        await one.close()
