"""How the views are: where each partition is and what stopped it, what is built, what is kept."""

from typing import Any

import msgspec

from ledger.domain import codes
from ledger.log import EventLog
from projections.checkpoints import VIEW_GROUP
from projections.database import Database
from projections.failures import Failure, read_failures
from projections.planning.demand_statements import DEMAND_GROUP
from projections.positions import read_positions
from projections.rebuilding.sites import BEFORE, BUILD, Side, open_site


async def read_status(log: EventLog, database: Database) -> dict[str, Any]:
    """A document: `views` has each partition, `build` and `kept` are null where there is none.

    Both are open. Raises DatabaseUnavailable, LogUnavailable.
    """
    site = open_site(database)
    try:
        await site.open()
        positions = await site.positions()
        notes = {side: await site.note(side) for side in (BUILD, BEFORE)}
    finally:
        await site.close()
    # Before the ends, or more would be read than there is.
    records = {side: await _read(database, side) for side in notes if notes[side] is not None}
    async with database.reader() as reader:
        failures = await read_failures(reader)
    ends = {one: await log.end(one) for one in range(log.partitions)}
    core, demand = positions.get(VIEW_GROUP, {}), positions.get(DEMAND_GROUP, {})
    views = [
        {
            "partition": one,
            "position": at,
            "end": end,
            "lag": max(0, end - at),
            "demand_lag": max(0, at - (demand[one].position if one in demand else 0)),
            "stopped": _stopped(failures.get(one)),
        }
        for one, end in ends.items()
        for at in [core[one].position if one in core else 0]
    ]
    build, kept = notes[BUILD], notes[BEFORE]
    return {
        "views": views,
        "lag": sum(one["lag"] for one in views),
        "build": build
        and {
            "id": build.build_id,
            "begun_at": codes.instant_text(build.begun_ms * 1000),
            "made_by": build.made_by,
            "running": await _running(database),
            "records": records[BUILD],
            "of_records": sum(ends.values()),
        },
        "kept": kept
        and {
            "exchange": kept.build_id,
            "kept_at": None if kept.kept_ms is None else codes.instant_text(kept.kept_ms * 1000),
            "records": records[BEFORE],
        },
    }


def _stopped(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    document: dict[str, Any] = msgspec.to_builtins(failure)
    return {"position": document.pop("offset"), **document}


async def _read(database: Database, side: Side) -> int:
    """Only to be read: a side may be gone by now, or be made anew, and is not this process's."""
    site = open_site(database)
    try:
        await site.open()
        url = site.database(side).url.render_as_string(hide_password=False)
    finally:
        await site.close()
    beside = Database(url, read_only=True)
    await beside.open()
    try:
        async with beside.reader() as reader:
            return sum((await read_positions(reader)).values())
    finally:
        await beside.close()


async def _running(database: Database) -> bool:
    """Whether somebody has the right to rebuild at this moment."""
    site = open_site(database)
    try:
        await site.open()
        return await site.claimed()
    finally:
        await site.close()
