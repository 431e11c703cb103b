"""The databases that every test of the read models runs on."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from projections.database import Database
from projections.migrate import upgrade


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'views.db'}"
    make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
    return make()


@pytest.fixture
async def new_database(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path
) -> AsyncIterator[Database]:
    """Another one of the same kind as `database`."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'others.db'}"
    if not database.is_sqlite:
        url = request.getfixturevalue("new_postgres_url")()
    await upgrade(url)
    opened = Database(url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with its tables."""
    await upgrade(database_url)
    opened = Database(database_url)
    await opened.open()
    yield opened
    await opened.close()
