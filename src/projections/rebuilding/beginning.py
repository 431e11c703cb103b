"""What comes before a rebuild: is it possible, and is there an earlier one to go on with."""

import time
from contextlib import suppress
from uuid import uuid4

from ledger.errors import WrongLedger
from projections.database import Database
from projections.migrate import newest_revision
from projections.planning.catching_up import DemandRefused, catch_up
from projections.planning.demand_statements import DEMAND_GROUP
from projections.rebuilding.build import Build
from projections.rebuilding.errors import TablesBehind
from projections.rebuilding.sites import BEFORE, BUILD, Note, Site


async def begun(site: Site, made_by: str, *, afresh: bool) -> tuple[Note, bool]:
    """The note of the build that is gone on with, or of a new one; and which of both."""
    note, revision = await site.note(BUILD), await site.revision()
    same = note is not None and (note.made_by, note.revision) == (made_by, revision)
    if note is not None and same and not afresh:
        return note, True
    await site.drop(BEFORE)
    note = Note(str(uuid4()), made_by, revision, now_ms())
    await site.make(BUILD, note)
    return note, False


async def check_tables(site: Site) -> None:
    """What is built has the tables of this version, and must be as the revision says.

    Raises TablesBehind.
    """
    found, wanted = await site.revision(), newest_revision()
    if found != wanted:
        raise TablesBehind(
            f"the tables are at {found}, this version needs {wanted}: run stockledger migrate first"
        )


async def bring_demand(database: Database, build: Build) -> None:
    """The live views' demand to where an earlier run has built it, or it would seem to differ.

    Where that cannot be, nothing is compared.
    """
    built = await build.checkpoints(DEMAND_GROUP)
    with suppress(DemandRefused, WrongLedger):
        await catch_up(database, until={one: at.position for one, at in built.items()})


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
