"""A ledger with something of everything, its views, and what a test does to them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, func, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from ledger.domain.movements import Adjustment, Pick, Reversal, Transfer
from ledger.log import Record
from projections.database import Database
from projections.derived import COMPARED
from projections.rebuilding.rebuild import Order
from projections.tables import reason_days, sku_days, sku_sites
from tests import builders as make
from tests.contract.read_models.cases import MemoryLog, Teller, receipt

PARTITIONS = 2
ORDER = Order("test")
DUE = "2026-02-01T00:00:00Z"


class Silent:
    """Hears how a rebuild goes, and keeps what was said."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.said: list[str] = []

    def say(self, what: str) -> None:
        """Keep it."""
        self.said.append(what)

    def progress(self, stage: str, records: int) -> None:
        """Too often to be kept."""


def tell_some(teller: Teller, name: str) -> None:
    """Something for every table, of a SKU of its own."""
    sku = f"{name}-SKU"
    teller.define(sku, f"{name}-item", name=f"Item {name}")
    teller.supply(make.place("10", id=f"{name}-order", sku=sku, expected_at=DUE))
    teller.tell(receipt(f"{name}-r0", sku, "60", unit_cost="2.5", supply_order=f"{name}-order"))
    teller.tell(Pick(id=f"{name}-p0", sku=sku, quantity="5", location="MAIN/A/01"))
    teller.tell(Pick(id=f"{name}-p1", sku=sku, quantity="2", location="MAIN/A/01"))
    teller.tell(Reversal(id=f"{name}-v0", sku=sku, reverses=f"{name}-p1"))
    teller.tell(
        Transfer(id=f"{name}-t0", sku=sku, quantity="3", from_location="MAIN/A/01",
                 to_location="EAST/B/02")
    )  # fmt: skip
    teller.tell(
        Adjustment(id=f"{name}-a0", sku=sku, quantity="-1", location="MAIN/A/01", reason="lost")
    )
    teller.refuse(Pick(id=f"{name}-x0", sku=sku, quantity="999", location="MAIN/A/01"))
    void = Record(teller.end, teller.end - 1, f"{name}-void".encode(), b"not JSON", teller.now_ms)
    teller.log.put(teller.partition, void)


def told() -> tuple[MemoryLog, list[Teller]]:
    """A log of two partitions with something of everything."""
    log = MemoryLog(PARTITIONS)
    tellers = [Teller(log, partition) for partition in range(PARTITIONS)]
    for teller in tellers:
        for name in "ab":
            tell_some(teller, f"{name}{teller.partition}")
    return log, tellers


async def execute(database: Database, *statements: str) -> None:
    """Change the live tables by hand."""
    engine = create_async_engine(database.url, poolclass=NullPool)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def rows_of(database: Database, table: Table) -> list[tuple[Any, ...]]:
    """All rows, those of days by SKU and site instead of numbers, which are of no meaning."""
    columns: Sequence[Any] = list(table.columns)
    source: Any = table
    if table is sku_sites:
        columns = columns[1:]
    elif table in (sku_days, reason_days):
        columns = [sku_sites.c.sku, sku_sites.c.site, *columns[1:]]
        source = table.join(sku_sites, sku_sites.c.series == table.c.series)
    query = select(*columns).select_from(source)
    async with database.reader() as reader:
        found = [tuple(row.values()) for row in await reader.all(query)]
    return sorted(found, key=repr)


async def all_rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Of all tables that are made from the log."""
    return {table.name: await rows_of(database, table) for table in COMPARED}


async def counted(database: Database, table: Table) -> int:
    """How many rows there are."""
    async with database.reader() as reader:
        row = await reader.first(select(func.count().label("rows")).select_from(table))
    assert row is not None
    return int(row["rows"])
