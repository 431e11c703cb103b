"""The databases that every test of the read models runs on."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from projections.database import Database

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind without a table."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'views.db'}"
    make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
    return make()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, new_views_url: Callable[[str], str]) -> str:
    """A database of each kind with empty tables."""
    return new_views_url(request.param)


@pytest.fixture
async def new_database(
    database: Database, new_views_url: Callable[[str], str]
) -> AsyncIterator[Database]:
    """Another one of the same kind as `database`."""
    opened = Database(new_views_url("sqlite" if database.is_sqlite else "postgres"))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with its tables."""
    opened = Database(database_url)
    await opened.open()
    yield opened
    await opened.close()
