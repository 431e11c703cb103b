"""A record that counts and is wrong stops writer and view of a whole service, on each log.

The writer refuses, the view shows nothing of it, both say where and why, neither reads on, and the
other partitions go on.
"""

import httpx
import pytest

from ledger.events.chain import GENESIS, link
from ledger.log import EventLog, NewRecord, Record
from tests.contract.log_cases import Place, read_all
from tests.contract.service_cases import (
    OTHER_SKU,
    PARTITION,
    not_ready,
    on_hand,
    refused,
    written,
)
from tests.unit.api.serving import client_of, wait_ready

FAULTS = {
    "no JSON": "UndecodableRecord",
    "not UTF-8": "UndecodableRecord",
    "an unknown type": "UndecodableRecord",
    "a broken prevhash": "ChainBroken",
}


def head_behind(records: list[Record]) -> str:
    """The hash that the next record has to state."""
    last = [record for record in records if record.counts][-1]
    return link(PARTITION, last.offset, last.key, last.value)


def another(records: list[Record], identity: bytes) -> NewRecord:
    """The last movement once more, with another id, so that it fits behind it."""
    last = records[-1]
    head_before = head_behind(records[:-1])
    assert last.value.count(head_before.encode()) == 1
    value = last.value.replace(b'"good"', b'"%b"' % identity)
    assert value != last.value
    return NewRecord(last.key, value.replace(head_before.encode(), head_behind(records).encode()))


def wrong(how: str, records: list[Record]) -> NewRecord:
    """A record that would count and must not be read."""
    good = another(records, b"bad")
    values = {
        "no JSON": b"not JSON",
        "not UTF-8": good.value.replace(b'"bad"', b'"\xff"'),
        "an unknown type": good.value.replace(b"stock.receipt.v1", b"stock.receipt.v9"),
        "a broken prevhash": good.value.replace(head_behind(records).encode(), GENESIS.encode()),
    }
    assert values[how] != good.value
    return NewRecord(good.key, values[how])


async def damage(log: EventLog, how: str) -> int:
    """Lay down a wrong record, and one that fits if the wrong one is skipped; say where it lies."""
    records = await read_all(log, PARTITION)
    offset = records[-1].offset + 1
    batch = [wrong(how, records), another(records, b"skipping")]
    assert await log.append(PARTITION, offset, batch) == offset
    return offset


async def check_stopped(
    client: httpx.AsyncClient, log: EventLog, how: str, offset: int, start: int = 0
) -> None:
    """Everything that callers, operators and the log must show."""
    where = f"{':' if FAULTS[how] == 'UndecodableRecord' else ','} offset {offset}: "
    await refused(client, "first")
    await not_ready(
        client,
        f"partition {PARTITION} is stopped: {FAULTS[how]}: partition {PARTITION}{where}",
        f"the views stopped at {PARTITION}:{offset}: partition {PARTITION}{where}",
    )
    end = await log.end(PARTITION)
    await refused(client, "second")
    assert await log.end(PARTITION) == end
    assert sum(record.counts for record in await read_all(log, PARTITION)) == offset + 2
    assert await on_hand(client) == "10"
    # Nothing but this partition is concerned.
    await written(client, f"elsewhere-{start}", OTHER_SKU)


@pytest.mark.parametrize("how", FAULTS)
async def test_under_a_running_service(place: Place, how: str) -> None:
    """The writer meets it when its own batch comes out void, the view at once."""
    async with client_of(place.settings()) as client:
        await wait_ready(client)
        await written(client, "good")
        log = await place.open_log()
        offset = await damage(log, how)
        await check_stopped(client, log, how, offset)


@pytest.mark.parametrize("how", FAULTS)
async def test_when_the_service_starts(place: Place, how: str) -> None:
    """Every time again; what the views had read before stays to be seen."""
    async with client_of(place.settings()) as client:
        await wait_ready(client)
        await written(client, "good")
    log = await place.open_log()
    offset = await damage(log, how)
    for start in range(2):
        async with client_of(place.settings()) as client:
            await check_stopped(client, log, how, offset, start)
