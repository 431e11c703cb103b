"""A rebuild in a process of its own, to be killed: `python -m … URL` builds and says how far."""

import asyncio
import sys
from unittest import mock

from ledger.log import Slice
from projections import runner
from projections.database import Database
from projections.rebuilding.rebuild import rebuild
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.rebuilding.ledgers import ORDER, Silent

RECORDS = 1_200
AT_A_TIME = 50


def long_log() -> MemoryLog:
    """The same log each time, long enough to be killed in the middle of it."""
    log = MemoryLog(2)
    tellers = [Teller(log, partition) for partition in range(2)]
    for number in range(RECORDS):
        teller = tellers[number % 2]
        teller.tell(receipt(f"r{number}", f"SKU-{number % 14}-{teller.partition}", "3"))
    return log


# What the build has to have read when it is killed.
RECORDS_MIN = RECORDS // 3


class _Slow(Silent):
    def __init__(self) -> None:
        super().__init__()
        self.enough = False

    def progress(self, stage: str, records: int) -> None:
        """Say it, so that somebody can choose the moment."""
        self.enough = records >= RECORDS_MIN
        sys.stdout.write(f"{records} {stage}\n")
        sys.stdout.flush()


async def _main(url: str) -> None:
    database = Database(url)
    await database.open()
    log, hearing = long_log(), _Slow()
    read = log.read

    async def slowly(
        partition: int, offset: int, *, records_max: int = 1, wait_seconds: float = 0.0
    ) -> Slice:
        await asyncio.sleep(0.02)
        if hearing.enough:  # however late it is killed, it is in the middle
            await asyncio.Event().wait()
        records_max = min(AT_A_TIME, records_max)
        return await read(partition, offset, records_max=records_max, wait_seconds=wait_seconds)

    with (
        mock.patch.object(log, "read", slowly),
        mock.patch.object(runner, "PARTITION_RECORDS_MAX", AT_A_TIME),
        mock.patch.object(runner, "PARTITION_RECORDS_MIN", 1),
    ):
        await rebuild(log, database, ORDER, hearing)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
