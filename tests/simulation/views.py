"""Views on one SQLite database in memory, behind a connection that fails and dawdles."""

import asyncio
import random
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeVar

from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import StaticPool

from ledger.sqlite_checkpoint import BehindCommits
from projections.checkpoints import VIEW_GROUP
from projections.database import DatabaseUnavailable
from projections.store_sqlite import _REFUSED, SqliteStore
from projections.stores import ChangesRefused
from projections.tables import metadata
from tests.simulation.auditor import Audit, Stock

Answer = TypeVar("Answer")
SECONDS = 0.01
SECONDS_SLOW_MAX = 4.0
_OTHER_IDS = "SELECT id, log_offset FROM {} WHERE partition = ? AND id IN ({})"
_ID_TABLES = ("movements", "refusals", "item_definitions", "supply_changes")


@cache
def _empty_database() -> bytes:
    """All tables, made once."""
    connection = sqlite3.connect(":memory:")
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    metadata.create_all(engine)
    data = connection.serialize()
    connection.close()
    return data


class ViewDatabase:
    """The database, and how often it is down, loses its answer or is slow."""

    def __init__(self, chance: random.Random, down: float) -> None:
        """Empty."""
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.deserialize(_empty_database())
        self.chance = chance
        self.down = down

    def open_store(self, _database: object, group: str) -> "SimulatedStore":
        """In place of `projections.stores.open_store`."""
        return SimulatedStore(self, group)

    def happens(self) -> bool:
        """Whether something goes wrong now."""
        return self.chance.random() < self.down

    async def dawdle(self) -> None:
        """On the way there or back."""
        await asyncio.sleep(self.chance.uniform(0, SECONDS_SLOW_MAX if self.happens() else SECONDS))


class _NothingBehind(BehindCommits):
    def committed(self, connection: sqlite3.Connection, size: int) -> None:
        """There is no file."""


class SimulatedStore(SqliteStore):
    """The store as it is, its statements run in turns of the loop instead of a thread."""

    def __init__(self, database: ViewDatabase, group: str) -> None:
        """Its connection is the one there is."""
        super().__init__(make_url("sqlite+aiosqlite:///simulated"), group)
        self._database = database
        self._behind = _NothingBehind(lambda: database.connection)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        # What is to be written was gathered before this: another projector may be faster.
        await self._database.dawdle()
        if self._database.happens():
            raise DatabaseUnavailable("the database does not answer")
        try:
            answer = work()
        except _REFUSED as error:
            raise ChangesRefused(f"{type(error).__name__}: {error}") from error
        await self._database.dawdle()
        if self._database.happens():
            raise DatabaseUnavailable("the answer was lost")
        return answer

    def _connected(self) -> sqlite3.Connection:
        return self._database.connection

    async def close(self) -> None:
        """Nothing to let go of."""


class ViewIndex:
    """Ids of long ago, as the views know them."""

    def __init__(self, database: ViewDatabase) -> None:
        """Reads the same database."""
        self._database = database

    async def find(self, partition: int, ids: Sequence[str]) -> dict[str, int]:
        """The offsets of those ids that the views have."""
        await self._database.dawdle()
        if self._database.happens():
            raise DatabaseUnavailable("the database does not answer")
        found: dict[str, int] = {}
        marks = ",".join("?" * len(ids))
        for table in _ID_TABLES:
            query = _OTHER_IDS.format(table, marks)
            for name, offset in self._database.connection.execute(query, (partition, *ids)):
                found[name] = min(offset, found.get(name, offset))
        return found

    async def position(self, partition: int) -> int:
        """How far the views have read."""
        await self._database.dawdle()
        return positions(self._database.connection).get(partition, 0)


def positions(connection: sqlite3.Connection) -> dict[int, int]:
    """The next offset to read of each partition."""
    query = "SELECT partition, position FROM view_positions WHERE view_group = ?"
    return dict(connection.execute(query, (VIEW_GROUP,)))


def problems_of_views(connection: sqlite3.Connection, audits: Sequence[Audit]) -> Iterator[str]:
    """Where the views are not what the model says."""
    ids: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for table in _ID_TABLES:
        for row in connection.execute(f"SELECT partition, log_offset, id FROM {table}"):
            ids[row[0]][row[1]] = row[2]
    for audit in audits:
        counted = {place: name for name, (place, _) in audit.by_id.items()}
        if ids[audit.partition] != counted:
            wrong = ids[audit.partition].items() ^ counted.items()
            yield f"the views of partition {audit.partition} differ at {sorted(wrong)[:4]}"
        for name, stock in audit.stock.items():
            yield from _problems_of_sku(connection, name, stock)


def _problems_of_sku(connection: sqlite3.Connection, sku: str, stock: Stock) -> Iterator[str]:
    query = "SELECT account, lot, status, on_hand + overflows, scale FROM stock WHERE sku = ?"
    rows = connection.execute(query, (sku,)).fetchall()
    if sum(row[3] for row in rows) != 0:
        yield f"{sku}: the accounts of the views do not sum to zero"
    says = {
        (account, lot or None, status): amount
        for account, lot, status, amount, _ in rows
        if amount and account[0] != "@"
    }
    unit = 10**stock.scale
    model = {key: int(amount * unit) for key, amount in stock.levels.items() if amount}
    if says != model:
        yield f"{sku}: the views hold {says}, the log says {model}"
    yield from stock.supply.problems_of_view(connection, sku)
    query = "SELECT on_hand, unavailable, value FROM sku_totals WHERE sku = ?"
    totals = connection.execute(query, (sku,)).fetchone() or (0, 0, 0)
    kept = sum(amount for key, amount in model.items() if key[2] != "available")
    if totals != (sum(model.values()), kept, stock.value * 10**6):
        yield f"{sku}: the views add up to {totals}, the log to {model} worth {stock.value}"
