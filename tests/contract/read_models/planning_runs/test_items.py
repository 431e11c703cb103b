"""Descriptions as a run knew them, on both databases."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Executable, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from projections.database import Database, ReadConnection
from projections.planning.run_inputs import read_items
from tests.contract.read_models.cases import MemoryLog, Teller
from tests.contract.read_models.projecting import project


class _Counting(ReadConnection):
    """Keeps how many rows each query brings."""

    __slots__ = ("counts",)

    def __init__(self, connection: AsyncConnection) -> None:
        """None yet."""
        super().__init__(connection)
        self.counts: list[int] = []

    async def all(
        self, query: Executable, parameters: Mapping[str, Any] | None = None
    ) -> list[RowMapping]:
        """Every row, counted."""
        rows = await super().all(query, parameters)
        self.counts.append(len(rows))
        return rows


async def test_only_what_was_described_anew_is_looked_for(database: Database) -> None:
    """Of a SKU the last description before the run, in whichever partition; others are not read."""
    log = MemoryLog(2)
    tellers = [Teller(log, partition) for partition in range(2)]
    for teller in tellers:
        for number in range(20):
            teller.define(f"{teller.partition}-{number}", f"first-{number}", name="first")
        teller.define(f"{teller.partition}-0", "second-0", name="second")
    positions = {teller.partition: teller.end for teller in tellers}
    for teller in tellers:
        teller.define(f"{teller.partition}-0", "third-0", name="third")
        teller.define(f"{teller.partition}-0", "fourth-0", name="fourth")
        teller.define(f"{teller.partition}-new", "new", name="new")
    await project(log, database)
    engine = create_async_engine(database.url, poolclass=NullPool)
    async with engine.connect() as connection:
        reader = _Counting(connection)
        found = await read_items(reader, positions)
        assert {sku: item.name for sku, item in found.items()} == {
            f"{partition}-{number}": "first" if number else "second"
            for partition in range(2)
            for number in range(20)
        }
        assert reader.counts == [42, 1, 1]
        reader.counts.clear()
        one = await read_items(reader, positions, "1-0")
        assert {sku: item.name for sku, item in one.items()} == {"1-0": "second"}
        assert reader.counts == [1, 1]
        assert await read_items(reader, positions, "1-new") == {}
        # A position that a run does not name is the beginning of the log.
        assert set(await read_items(reader, {0: positions[0]})) == {f"0-{n}" for n in range(20)}
    await engine.dispose()
