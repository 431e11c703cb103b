"""Read models of the logs that a service runs on, not of one in memory."""

import asyncio
from pathlib import Path

from ledger.log import EventLog, NewRecordTuple
from projections.database import Database
from projections.migrate import upgrade
from projections.runner import Projector
from projections.tail import READ_WAIT_SECONDS
from tests.contract.log_cases import Place
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import WAIT_SECONDS, count, sums


async def copy_new(told: MemoryLog, log: EventLog, partition: int) -> int:
    """Append what the real log does not have yet; the offset of the last record."""
    start = await log.end(partition)
    new: list[NewRecordTuple] = [
        (one.key, one.value, None) for one in told.records[partition][start:]
    ]
    assert await log.append(partition, start, new) == start
    return start + len(new) - 1


async def test_a_movement_is_seen_as_soon_as_it_is_appended(place: Place, tmp_path: Path) -> None:
    """From the acknowledgement of the log to the committed view."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'views.db'}"
    await upgrade(url)
    database = Database(url)
    await database.open()
    log = await place.open_log()
    told = MemoryLog(log.partitions)
    teller = Teller(told, 3)
    for number in range(1_000):
        teller.tell(receipt(f"old-{number}", f"SKU-{number % 7}"))
    last = await copy_new(told, log, 3)
    projector = Projector(log, database)
    task = asyncio.create_task(projector.run())
    await projector.positions.wait_for({3: last}, WAIT_SECONDS)
    delays = []
    for number in range(20):
        teller.tell(receipt(f"new-{number}", "SKU-1"))
        last = await copy_new(told, log, 3)
        before = asyncio.get_running_loop().time()
        await projector.positions.wait_for({3: last}, WAIT_SECONDS)
        delays.append(asyncio.get_running_loop().time() - before)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert projector.failures == {}
    assert await count(database) == 1_020
    assert set((await sums(database)).values()) == {0}
    await database.close()
    # How busy the machine is, the slower ones say; the fastest shows that no poll is waited for.
    assert min(delays) < READ_WAIT_SECONDS / 5, delays
