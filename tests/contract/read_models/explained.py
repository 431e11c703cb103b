"""Explanations as a caller turns their pages."""

from typing import Any

from projections.database import Database
from projections.explaining.explain import Wanted, explain
from projections.explaining.scope import Scope


async def pages_of(database: Database, scope: Scope, **wanted: Any) -> list[dict[str, Any]]:
    """All pages of an explanation, one after the other."""
    pages: list[dict[str, Any]] = []
    cursor = None
    while True:
        async with database.reader() as reader:
            page = await explain(reader, scope, Wanted(cursor=cursor, **wanted))
        assert page is not None
        pages.append(page)
        cursor = page["next_cursor"]
        if cursor is None:
            return pages
