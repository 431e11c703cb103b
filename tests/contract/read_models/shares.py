"""Projectors that are told their share by a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ledger.ownership.group import Assigned
from projections.database import Database
from projections.positions import read_positions
from projections.runner import Projector
from tests.contract.read_models.cases import MemoryLog, Teller, receipt


class Shares:
    """A group that says what the test says."""

    def __init__(self, *partitions: int) -> None:
        """The first share."""
        self.failure: str | None = None
        self.first = frozenset(partitions)

    async def run(self, assigned: Assigned) -> None:
        """Say the first share; the test says the others to the projector itself."""
        assigned(self.first)
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Nobody hears of it."""

    async def deserted(self) -> None:
        """There is nobody else."""


@asynccontextmanager
async def sharing(log: MemoryLog, database: Database, *share: int) -> AsyncIterator[Projector]:
    """A running projector that begins with this share."""
    projector = Projector(log, database, group=Shares(*share))
    task = asyncio.create_task(projector.run())
    try:
        yield projector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def two_tellers(log: MemoryLog, records: int) -> tuple[Teller, Teller]:
    """Partitions 0 and 1, each opened and with so many receipts of a SKU of its own."""
    tellers = Teller(log, 0), Teller(log, 1)
    for number in range(records):
        for teller in tellers:
            teller.tell(receipt(f"r{number}", f"SKU-{teller.partition}"))
    return tellers


async def stored(database: Database) -> dict[int, int]:
    """How far the views are."""
    async with database.reader() as reader:
        return await read_positions(reader)
