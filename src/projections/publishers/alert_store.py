"""Reading and writing of alerts, on both databases."""

import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from sqlalchemy import bindparam, event, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.errors import WrongLedger
from ledger.events.chain import GENESIS
from ledger.sqlite_checkpoint import NONE_BY_ITSELF
from projections.checkpoints import VIEW_GROUP
from projections.database import (
    CONNECT_SECONDS,
    SQLITE_BUSY_MS,
    Database,
    DatabaseUnavailable,
    ReadConnection,
)
from projections.engines import new_engine
from projections.publishers.alert_rules import Alert, Key, SiteLevel
from projections.publishers.alert_tables import alerts, site_levels
from projections.sqlite_writing import BesideEngine
from projections.tables import movements, view_positions

ALERTS_GROUP = "alerts"
# A look at so many rows at once; the databases take 30,000 parameters.
ROWS_AT_A_TIME = 1_000

_p = view_positions.c
_m = movements.c
_MOVEMENT = (
    _m.log_offset, _m.recorded_ms, _m.quantity, _m.scale, _m.sku, _m.id,
    _m.source, _m.source_status, _m.target, _m.target_status,
)  # fmt: skip


class Range(NamedTuple):
    """Offsets of one partition that alerts are to be made from: `start` up to `end`."""

    ledger_id: str
    partition: int
    start: int
    end: int


class Moved(Exception):
    """Somebody else has taken these offsets in; nothing was written."""


async def ranges(reader: ReadConnection) -> list[Range]:
    """What the views have read and alerts have not, by partition. Raises WrongLedger."""
    rows = await reader.all(select(view_positions))
    kept = {row["partition"]: row for row in rows if row["view_group"] == ALERTS_GROUP}
    found = []
    for row in rows:
        if row["view_group"] != VIEW_GROUP:
            continue
        mine = kept.get(row["partition"])
        if mine is not None and mine["ledger_id"] != row["ledger_id"]:
            raise WrongLedger(
                f"the alerts are of ledger {mine['ledger_id']}, the views of {row['ledger_id']}"
            )
        start = 0 if mine is None else mine["position"]
        found.append(Range(row["ledger_id"], row["partition"], start, row["position"]))
    return found


async def read_movements(reader: ReadConnection, part: Range) -> list[dict[str, Any]]:
    """The movements of a range, in their order."""
    query = select(*_MOVEMENT).where(
        _m.partition == part.partition, _m.log_offset >= part.start, _m.log_offset < part.end
    )
    return [dict(row) for row in await reader.all(query.order_by(_m.log_offset))]


async def read_site_levels(reader: ReadConnection, skus: Collection[str]) -> dict[Key, SiteLevel]:
    """What is known of these SKUs at all sites."""
    found: dict[Key, SiteLevel] = {}
    ordered = sorted(skus)
    for start in range(0, len(ordered), ROWS_AT_A_TIME):
        some = ordered[start : start + ROWS_AT_A_TIME]
        for row in await reader.all(select(site_levels).where(site_levels.c.sku.in_(some))):
            level = SiteLevel(row["available"], row["scale"], row["stock_out"])
            found[row["sku"], row["site"]] = level
    return found


class AlertStore:
    """Writes alerts, through a connection of its own. Every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        """Connects when it is first used."""
        timeout = {"timeout": CONNECT_SECONDS}
        self._is_sqlite = database.is_sqlite
        self._engine: AsyncEngine = new_engine(
            database.url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=timeout
        )
        if self._is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        self._beside = BesideEngine(database.url)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._engine.dispose()

    async def write(
        self, part: Range, levels: Mapping[Key, SiteLevel], raised: Sequence[Alert]
    ) -> None:
        """Write what a range came to and that it is taken in, or nothing. Raises Moved."""
        async with self._transaction() as connection:
            await self._advance(connection, part)
            await self._set_levels(connection, part.partition, levels)
            await self._insert(connection, [(part.partition, one) for one in raised])

    async def raise_alerts(self, raised: Iterable[tuple[int, Alert]]) -> None:
        """Keep alerts that no movement made, each with the partition of its SKU.

        One that is kept already, and one of a kind that holds already, changes nothing.
        """
        async with self._transaction() as connection:
            await self._insert(connection, list(raised))

    async def published(self, alert_ids: Sequence[str]) -> None:
        """Note that these have gone to the topic."""
        async with self._transaction() as connection:
            for start in range(0, len(alert_ids), ROWS_AT_A_TIME):
                some = alert_ids[start : start + ROWS_AT_A_TIME]
                await connection.execute(
                    update(alerts).where(alerts.c.alert_id.in_(some)).values(published=True)
                )

    async def advance(self, group: str, part: Range) -> None:
        """Move a position of another kind from `start` to `end`. Raises Moved."""
        async with self._transaction() as connection:
            await self._advance(connection, part, group)

    async def _advance(
        self, connection: AsyncConnection, part: Range, group: str = ALERTS_GROUP
    ) -> None:
        if part.start == 0:
            row = (group, part.partition, part.ledger_id, 0, GENESIS, -1)
            names = [column.name for column in view_positions.columns]
            fresh = self._into(view_positions).values(dict(zip(names, row, strict=True)))
            await connection.execute(fresh.on_conflict_do_nothing())
        moved = await connection.execute(
            update(view_positions)
            .where(
                _p.view_group == group,
                _p.partition == part.partition,
                _p.ledger_id == part.ledger_id,
                _p.position == part.start,
            )
            .values(position=part.end)
        )
        if moved.rowcount != 1:
            raise Moved

    async def _set_levels(
        self, connection: AsyncConnection, partition: int, levels: Mapping[Key, SiteLevel]
    ) -> None:
        if not levels:
            return
        statement = self._into(site_levels)
        statement = statement.on_conflict_do_update(
            index_elements=["sku", "site"],
            set_={name: statement.excluded[name] for name in ("available", "scale", "stock_out")},
        )
        rows = [
            {"sku": sku, "site": site, "partition": partition, **level._asdict()}
            for (sku, site), level in levels.items()
        ]
        await connection.execute(statement, rows)

    async def _insert(
        self, connection: AsyncConnection, raised: Sequence[tuple[int, Alert]]
    ) -> None:
        """What ends first, lest two of a kind seem to hold at once."""
        rows: dict[str, dict[str, Any]] = {}
        ended: list[dict[str, str]] = []
        for partition, alert in raised:
            row = {**alert._asdict(), "partition": partition, "active": alert.active}
            row |= {"ended_by": None, "published": False}
            ends = row.pop("ends")
            rows[alert.alert_id] = row
            if ends in rows:
                rows[ends] |= {"active": False, "ended_by": alert.alert_id}
            elif ends is not None:
                ended.append({"ends": ends, "by": alert.alert_id})
        if ended:
            end = update(alerts).where(alerts.c.alert_id == bindparam("ends"), alerts.c.active)
            await connection.execute(end.values(active=False, ended_by=bindparam("by")), ended)
        if rows:
            fresh = self._into(alerts).on_conflict_do_nothing()
            await connection.execute(fresh, [*rows.values()])

    def _into(self, table: Any) -> Any:
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
        if self._is_sqlite:
            await self._beside.committed()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Transactions begin where `_begin_sqlite` says so.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute(NONE_BY_ITSELF)
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # IMMEDIATE: the right to write comes first, so that what was compared still holds at the end.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
