"""Commands that use the views' database themselves, without a server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from ledger.config import Settings
from ledger.presence import is_file
from ops.console import CommandError, ExitCode
from ops.data_dir import prepare_views_dir
from ops.faults import explain
from ops.logging import mask_text

if TYPE_CHECKING:
    from projections.database import Database

_Answer = TypeVar("_Answer")
_MADE_BY = "stockledger serve makes them, or stockledger migrate"


@asynccontextmanager
async def existing_views(settings: Settings) -> "AsyncIterator[Database]":
    """The views' database, to be read alone: nothing is made, and no table is changed.

    Raises CommandError where there are no views, or their tables are not those of this version.
    """
    from projections.database import Database

    check_there(settings)
    database = Database(settings.views_url, read_only=True)
    await database.open()
    try:
        await _check_tables(database, mask_text(settings.views_url))
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def opened_views(settings: Settings) -> "AsyncIterator[Database]":
    """The views' database, its tables made and up to date where the settings allow that."""
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


def read_views(settings: Settings, work: "Callable[[Database], Awaitable[_Answer]]") -> _Answer:
    """Read the views' database, and say in a sentence why that cannot be."""

    async def opened() -> _Answer:
        async with existing_views(settings) as database:
            return await work(database)

    return _told(settings, opened)


def with_views(settings: Settings, work: "Callable[[Database], Awaitable[_Answer]]") -> _Answer:
    """Do something with views that are there, and say in a sentence why that cannot be."""

    async def opened() -> _Answer:
        check_there(settings)
        prepare_views_dir(settings)
        async with opened_views(settings) as database:
            return await work(database)

    return _told(settings, opened)


def check_there(settings: Settings) -> None:
    """Raise CommandError where the file of the views is not there; a server is asked later."""
    from projections.database import parse_url, sqlite_path

    url = parse_url(settings.views_url)
    if url.drivername.startswith("sqlite") and not is_file(sqlite_path(url)):
        raise CommandError(
            f"there are no views at {sqlite_path(url)}: {_MADE_BY}", ExitCode.FOUND_WRONG
        )


async def _check_tables(database: "Database", where: str) -> None:
    from projections.migrate import known_revisions, newest_revision, stored_revision

    async with database.reader() as reader:
        found = await stored_revision(reader)
    wanted = newest_revision()
    if found == wanted:
        return
    if found is None:
        raise CommandError(f"there are no views at {where}: {_MADE_BY}", ExitCode.FOUND_WRONG)
    if found not in known_revisions():
        then = "a newer version made them"
    else:
        then = f"this version needs {wanted}: stockledger migrate changes them"
    raise CommandError(f"the views at {where} have tables of {found}; {then}", ExitCode.FOUND_WRONG)


def _told(settings: Settings, work: Callable[[], Awaitable[_Answer]]) -> _Answer:
    async def working() -> _Answer:
        return await work()

    try:
        return asyncio.run(working())
    except Exception as error:
        raise explain(error, settings) or error from error
