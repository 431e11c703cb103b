"""The port to a database in which views are rebuilt, and what is written down beside them.

A **side** is a place beside the live views, whole in itself: the same tables under the same names,
so that whatever reads or writes views can do so there. There are two: where views are built, and
where the earlier ones are kept once they were exchanged.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, Protocol

import msgspec

from projections.checkpoints import Checkpoint
from projections.database import Database

Side = Literal["rebuild", "before"]
BUILD: Final[Side] = "rebuild"
BEFORE: Final[Side] = "before"

Positions = Mapping[str, Mapping[int, Checkpoint]]


class Note(msgspec.Struct, frozen=True):
    """What is known of a side. `made_by` is the version of the code, `revision` that of the tables.

    Views that are kept were live until `kept_ms`; `build_id` is then that of the exchange.
    """

    build_id: str
    made_by: str
    revision: str
    begun_ms: int
    kept_ms: int | None = None


class Comparing(Protocol):
    """Live views and built ones as they were at one position."""

    @property
    def is_sqlite(self) -> bool:
        """Which of the two dialects the queries are to be in."""
        ...

    def names(self, table: str) -> tuple[str, str]:
        """The table's names in a query: the live one's and the built one's."""
        ...

    async def both(self, live: str, built: str) -> tuple[list[tuple[object, ...]], ...]:
        """The rows of two queries, made at the same time where that is quicker."""
        ...


class Site(Protocol):
    """The database of the live views. Every method raises DatabaseUnavailable."""

    async def open(self) -> None:
        """Connect."""
        ...

    async def claim(self) -> None:
        """Take the right to rebuild, held until `close`. Raises RebuildRunning."""
        ...

    async def claimed(self) -> bool:
        """Whether somebody holds the right to rebuild. It is only looked at, never taken."""
        ...

    async def close(self) -> None:
        """Let go of everything; an open transaction ends with it."""
        ...

    def database(self, side: Side) -> Database:
        """The side as a database of its own; not open."""
        ...

    async def revision(self) -> str:
        """The revision of the live tables."""
        ...

    async def note(self, side: Side) -> Note | None:
        """What is written down of a side; None where there is none."""
        ...

    async def make(self, side: Side, note: Note) -> None:
        """Make a side with empty tables, in place of what may be there."""
        ...

    async def drop(self, side: Side) -> None:
        """Remove a side, if it is there."""
        ...

    async def positions(self) -> Positions:
        """How far the live views are, by group and partition."""
        ...

    async def analyze(self, side: Side) -> None:
        """Let the database learn what lies in the side, so that its queries are planned well."""
        ...

    def fence(self) -> AbstractAsyncContextManager[Positions]:
        """Hold all positions of the live views where they are, so that nobody writes views.

        Leaving it without an error commits what was done inside.
        """
        ...

    async def prepare(self, kept: Note) -> None:
        """Do beforehand what an exchange needs: `kept` is the note of the views that are kept."""
        ...

    async def exchange(self, side: Side, kept: Note) -> None:
        """Make the side's tables the live ones, and keep those as `BEFORE`. Inside a fence.

        Nobody may be writing to the side. Raises ViewsInUse; then nothing has changed.
        """
        ...

    async def settle(self) -> None:
        """Put away what an exchange has left, also one whose process was killed behind it."""
        ...

    def comparing(self, side: Side) -> AbstractAsyncContextManager[Comparing]:
        """Both as they are at this moment. Entered inside a fence, it outlasts it."""
        ...


def open_site(database: Database) -> Site:
    """The site for the kind of database; not open."""
    from projections.rebuilding.site_postgres import PostgresSite
    from projections.rebuilding.site_sqlite import SqliteSite

    return SqliteSite(database.url) if database.is_sqlite else PostgresSite(database.url)
