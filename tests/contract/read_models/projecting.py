"""Running a projector in a test, and looking at what it made."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import Table, func, select

from projections.database import Database
from projections.runner import Projector
from projections.tables import OVERFLOW_UNIT, movements, stock
from tests.contract.read_models.cases import MemoryLog

WAIT_SECONDS = 60


@asynccontextmanager
async def projecting(log: MemoryLog, database: Database) -> AsyncIterator[Projector]:
    """A running projector."""
    projector = Projector(log, database)
    task = asyncio.create_task(projector.run())
    try:
        yield projector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def project(log: MemoryLog, database: Database) -> Projector:
    """Run a projector until the views show everything that counts."""
    async with projecting(log, database) as projector:
        await projector.positions.wait_for(
            {one: records[-1].offset for one, records in enumerate(log.records) if records},
            WAIT_SECONDS,
        )
        return projector


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that a running projector will do."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - the projector knows no events of tests
            await asyncio.sleep(0.005)


async def count(database: Database, table: Table = movements) -> int:
    """How many rows a table has."""
    async with database.reader() as reader:
        row = await reader.first(select(func.count().label("rows")).select_from(table))
        assert row is not None
        return int(row["rows"])


async def sums(database: Database) -> dict[str, int]:
    """What all accounts of each SKU add up to."""
    found: dict[str, int] = {}
    async with database.reader() as reader:
        for row in await reader.all(select(stock)):
            amount = int(row["on_hand"]) + int(row["overflows"]) * OVERFLOW_UNIT
            found[row["sku"]] = found.get(row["sku"], 0) + amount
    return found
