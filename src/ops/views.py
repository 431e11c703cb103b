"""Commands that read the views' database themselves, without a server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from ledger.config import Settings
from ops.data_dir import prepare_data_dir
from ops.faults import explain

if TYPE_CHECKING:
    from projections.database import Database

_Answer = TypeVar("_Answer")


@asynccontextmanager
async def opened_views(settings: Settings) -> "AsyncIterator[Database]":
    """The views' database, its tables up to date where the settings allow that."""
    from projections.database import Database
    from projections.migrate import upgrade

    if settings.migrate:
        await upgrade(settings.views_url)
    database = Database(settings.views_url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def with_views(settings: Settings, work: "Callable[[Database], Awaitable[_Answer]]") -> _Answer:
    """Do something with the views' database, and say in a sentence why that cannot be."""
    prepare_data_dir(settings)

    async def opened() -> _Answer:
        async with opened_views(settings) as database:
            return await work(database)

    try:
        return asyncio.run(opened())
    except Exception as error:
        raise explain(error, settings) or error from error
