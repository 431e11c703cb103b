"""From what was asked for to the parameters of a run, with what only the views can tell."""

import asyncio
import importlib.metadata
import json
import tomllib
from pathlib import Path

from sqlalchemy import select

from api.schemas.planning import RunRequest, check_run, resolve
from ledger.config import Settings
from projections.database import Database, ReadConnection
from projections.planning.parameters import InvalidParameters, Parameters, day_of_ms, day_text
from projections.planning.planner import Plan, Planner
from projections.planning.run_names import check_names
from projections.planning.run_orders import now_ms
from projections.planning.run_retention import Kept
from projections.positions import InvalidPosition, parse_positions, read_positions
from projections.tables import movements

DAY_US = 86_400_000_000
FILE_BYTES_MAX = 1024 * 1024


def read_request(path: Path | None) -> RunRequest:
    """The request in a TOML or JSON file; without one the defaults. Raises InvalidParameters."""
    if path is None:
        return RunRequest()
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise InvalidParameters("parameters", f"{path} has more than {FILE_BYTES_MAX} bytes")
        text = raw.decode()
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        detail = f"{path} cannot be read: {error.strerror or error}"
        raise InvalidParameters("parameters", detail) from None
    except ValueError as error:
        raise InvalidParameters("parameters", f"{path} is malformed: {error}") from None
    return check_run(values)


def scheduled_request(settings: Settings) -> RunRequest:
    """What scheduled runs are asked for. Raises InvalidParameters, which names the setting.

    Everything is checked but names: what they name may be recorded by the time of a run.
    """
    try:
        request = read_request(settings.planning_parameters)
        _scheduled(request)
    except InvalidParameters as error:
        raise InvalidParameters("planning_parameters", str(error)) from None
    if not request.is_present:
        detail = "scheduled runs are about the present, without as_of, position or what_if"
        raise InvalidParameters("planning_parameters", detail)
    return request


def open_planner(settings: Settings, database: Database) -> Planner:
    """The planner of a process, which keeps the schedule of the settings.

    Raises InvalidParameters where the scheduled runs could not be made.
    """
    request = scheduled_request(settings)
    plan = Plan(
        code_version=code_version(),
        kept=kept_of(settings),
        schedule_s=_second_of_day(settings.planning_schedule),
    )
    return Planner(database, plan, lambda: _scheduled(request))


def _scheduled(request: RunRequest) -> Parameters:
    """The parameters of a scheduled run of this moment. Raises InvalidParameters."""
    return resolve(request, today=day_of_ms(now_ms()), positions=None)


def kept_of(settings: Settings) -> Kept:
    """What stays of earlier runs once a run is done."""
    return Kept(settings.planning_runs_kept, settings.planning_events_kept_days)


def code_version() -> str:
    """The version of the code that makes a run."""
    return importlib.metadata.version("stockledger")


def _second_of_day(schedule: str | None) -> int | None:
    if schedule is None:
        return None
    hour, minute = schedule.split(":")
    return int(hour) * 3_600 + int(minute) * 60


async def checked_parameters(reader: ReadConnection, wanted: RunRequest) -> Parameters:
    """The parameters as they are stored. Raises InvalidParameters, DatabaseUnavailable."""
    positions = None
    if wanted.position is not None:
        positions = await _positions(reader, wanted.position)
    # With policies of thousands of SKUs that takes a while, in which others are answered.
    parameters = await asyncio.to_thread(
        resolve, wanted, today=day_of_ms(now_ms()), positions=positions
    )
    if wanted.as_of is not None and not await _anything_until(reader, parameters.as_of_day):
        detail = f"{day_text(parameters.as_of_day)} is before the first movement"
        raise InvalidParameters("as_of", detail)
    await check_names(reader, parameters)
    return parameters


async def _positions(reader: ReadConnection, text: str) -> dict[str, int]:
    """The next offsets: behind the records that are named, elsewhere as the views have it."""
    known = await read_positions(reader)
    try:
        wanted = parse_positions(text)
    except InvalidPosition as error:
        raise InvalidParameters("position", str(error)) from None
    for partition, offset in wanted.items():
        if offset >= known.get(partition, 0):
            raise InvalidParameters(
                "position",
                f"the views have not read {partition}:{offset}; of partition {partition} they "
                f"have read up to {known.get(partition, 0) - 1}",
            )
        known[partition] = offset + 1
    return {str(partition): offset for partition, offset in sorted(known.items())}


async def _anything_until(reader: ReadConnection, day: int) -> bool:
    """Whether anything moved on that day or before it."""
    query = select(movements.c.partition).where(movements.c.occurred_us < (day + 1) * DAY_US)
    return await reader.first(query.limit(1)) is not None
