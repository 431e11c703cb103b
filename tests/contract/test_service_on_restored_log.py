"""A log that was restored from an older copy while the service was away: nothing is written to it.

The ledger is the same, every record in it is good; but callers were told of more than it has.
"""

from collections.abc import Sequence

import pytest

from ledger.errors import LedgerError, LogRegressed, WrongLedger
from ledger.log import EventLog, NewRecord, Record
from tests.contract.log_cases import PARTITIONS, Place, read_all
from tests.contract.service_cases import PARTITION, written
from tests.unit.api.serving import client_of, wait_ready


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a leader that knows more."""
    monkeypatch.setattr("projections.identity.SHORT_SECONDS", 0.0)


async def copy_of(place: Place) -> list[list[Record]]:
    """All records, by partition."""
    log = await place.open_log()
    return [await read_all(log, partition) for partition in range(PARTITIONS)]


async def restore(place: Place, copy: Sequence[Sequence[Record]]) -> EventLog:
    """Put a copy in the log's place, every record at its offset."""
    await place.recreate(0)
    log = await place.open_log()
    for partition, found in enumerate(copy):
        some = [NewRecord(record.key, record.value, record.traceparent) for record in found]
        assert await log.append(partition, 0, some) == 0
    return log


async def refuses(place: Place, log: EventLog, kind: type[LedgerError], why: str) -> None:
    """A service does not start, and writes nothing."""
    ends = [await log.end(partition) for partition in range(PARTITIONS)]
    with pytest.raises(kind, match=why):
        async with client_of(place.settings()):
            pass
    assert [await log.end(partition) for partition in range(PARTITIONS)] == ends


async def test_an_older_copy(place: Place) -> None:
    """It ends before what the views have read of it. Without those views it is a log like any."""
    async with client_of(place.settings()) as client:
        await wait_ready(client)
        await written(client, "kept")
        copy = await copy_of(place)
        await written(client, "lost")
        end = len(copy[PARTITION]) + 1
    log = await restore(place, copy)
    said = f"partition {PARTITION} ends at {end - 1}, and the views have read it up to {end}"
    await refuses(place, log, LogRegressed, said)
    others = f"sqlite:///{place.folder / 'others.db'}"
    async with client_of(place.settings(database_url=others)) as client:
        await wait_ready(client)
        await written(client, "lost")
        await written(client, "more")
        await written(client, "still more")
    # It is longer than it was by now, and of another history.
    await refuses(place, log, WrongLedger, f"offset {end - 1}: this is not the record that the")
