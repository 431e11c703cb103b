"""A log that is deleted, emptied or made anew under a service stops its writer and its view.

Whatever the new log holds: nothing is acknowledged on it, and nothing that counts is written to it.
"""

import asyncio

import httpx
import pytest

from ledger.errors import WrongLedger
from ledger.log import EventLog
from tests.contract.log_cases import KafkaPlace, Place, SqlitePlace, read_all
from tests.contract.service_cases import PARTITION, SKU, refused, stopped, write, written
from tests.unit.api.serving import check_problem, client_of, wait_ready
from tests.waiting import eventually

WRITER_STOPPED = f"partition {PARTITION} is stopped: LogRegressed: "
# How many records the new log has more than the old one.
MORE = {"empty": -1_000, "shorter": -1, "as long": 0, "longer": 6}


async def movements(log: EventLog) -> int:
    """How many records that count could be movements of the service."""
    return sum(
        record.counts and record.key == SKU.encode() for record in await read_all(log, PARTITION)
    )


@pytest.fixture
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The id of a topic is compared each time, not once a second."""
    monkeypatch.setattr("ledger.adapters.kafka.IDENTITY_SECONDS", 0.0)


@pytest.mark.parametrize("how", MORE)
@pytest.mark.usefixtures("always_asked")
async def test_a_writer_alone_and_then_a_view(place: Place, how: str) -> None:
    """The writer learns it from its own append, the view when it is started again."""
    async with client_of(place.settings()) as client:
        await wait_ready(client)
        await written(client, "good")
    async with client_of(place.settings(roles="api,writer")) as writer:
        await wait_ready(writer)
        assert (await write(writer, "unseen")).status_code == httpx.codes.CREATED
        end = await (await place.open_log()).end(PARTITION)
        await place.recreate(max(0, end + MORE[how]))
        await refused(writer, "bad")
        await stopped(writer, WRITER_STOPPED)
        await _no_views(place)
        await refused(writer, "bad")
        assert await movements(await place.open_log()) == 0


async def _no_views(place: Place) -> None:
    settings = place.settings(roles="api,projector")
    if isinstance(place, KafkaPlace):
        # It would send commands to writers, so that it does not even start.
        with pytest.raises(WrongLedger):
            async with client_of(settings):
                pass
        return
    async with client_of(settings) as view:
        await stopped(view, f"the views stopped at {PARTITION}:")
        check_problem(await view.get(f"/v1/stock/{SKU}"), 503, "unavailable")


async def test_under_load(place: Place) -> None:
    """Callers who write all the time hear of nothing that the new log would have to hold."""
    accepted: list[str] = []
    replaced = asyncio.Event()

    async def hammer(client: httpx.AsyncClient) -> None:
        number = 0
        while not replaced.is_set():
            number += 1
            if (await write(client, f"r{number}")).status_code == httpx.codes.CREATED:
                accepted.append(f"r{number}")

    async with client_of(place.settings()) as client:
        await wait_ready(client)
        await written(client, "good")
        hammering = asyncio.create_task(hammer(client))
        await eventually(lambda: accepted)
        await place.recreate(0)
        replaced.set()
        await hammering
        await refused(client, "bad")
        await stopped(client, WRITER_STOPPED)
        await stopped(client, f"the views stopped at {PARTITION}:")
        assert await movements(await place.open_log()) == 0


async def test_a_file_that_is_deleted(sqlite_place: SqlitePlace) -> None:
    """The open file would take everything, and nobody would ever find it."""
    async with client_of(sqlite_place.settings()) as client:
        await wait_ready(client)
        await written(client, "good")
        await sqlite_place.delete()
        await refused(client, "bad")
        await stopped(client, WRITER_STOPPED)
        await stopped(client, f"the views stopped at {PARTITION}:")
        assert not sqlite_place.path.exists()
    # What made the views is gone; a new log is not theirs.
    async with client_of(sqlite_place.settings(roles="api,projector")) as client:
        await stopped(client, f"the views stopped at {PARTITION}:")
        check_problem(await client.get(f"/v1/stock/{SKU}"), 503, "unavailable")
