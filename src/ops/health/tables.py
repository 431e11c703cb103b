"""The tables of the views' database against those that this version knows."""

import time

from sqlalchemy import text

from ops.health.finding import Finding, bad, good, warn
from projections.database import DatabaseUnavailable, ReadConnection
from projections.migrate import known_revisions, newest_revision, stored_revision

CLOCK_SECONDS_WARN = 5.0


async def check_tables(reader: ReadConnection, where: str, *, migrates: bool) -> list[Finding]:
    """Whether the tables are as this version needs them; then the database's clock.

    Raises DatabaseUnavailable.
    """
    wanted, found = newest_revision(), await stored_revision(reader)
    if found == wanted:
        return [good("database", f"{where}: tables at {found}"), *await _clock(reader)]
    if found is not None and found not in known_revisions():
        advice = "run the version that made them, or build the views anew"
        text = f"{where}: tables at {found}, which a newer version made"
        return [bad("database", text, advice)]
    at = "there are no tables" if found is None else f"tables at {found}"
    advice = "stockledger migrate" + ("; serve does it too" if migrates else "")
    make = warn if migrates else bad
    return [make("database", f"{where}: {at}, this version needs {wanted}", advice)]


async def _clock(reader: ReadConnection) -> list[Finding]:
    """Of a database on another machine. Times of records are not taken from it."""
    if reader.is_sqlite:
        return []
    asked = time.time()
    row = await reader.first(text("SELECT extract(epoch FROM clock_timestamp()) AS now"))
    if row is None:
        raise DatabaseUnavailable
    ahead = (asked + time.time()) / 2 - float(row["now"])
    if abs(ahead) <= CLOCK_SECONDS_WARN:
        return []
    shown = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} the database"
    return [warn("clock", shown, "let NTP set the clocks")]
