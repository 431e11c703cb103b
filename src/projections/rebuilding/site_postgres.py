"""Rebuilding in PostgreSQL: a side is a schema, and tables change their schema to be exchanged.

Whoever named a table finds the other one under that name afterwards: prepared statements are made
anew by the server, and nobody has to connect again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import asyncpg
import msgspec
from sqlalchemy import URL
from sqlalchemy.pool import NullPool, PoolProxiedConnection

from projections import checkpoints, stuck_postgres
from projections.database import CONNECT_SECONDS, Database, DatabaseUnavailable
from projections.derived import DERIVED, DERIVED_GROUPS, KEPT
from projections.engines import new_engine
from projections.failures import view_failures
from projections.rebuilding import claim_postgres
from projections.rebuilding.comparing_postgres import PostgresComparing, errors, quoted
from projections.rebuilding.errors import ViewsInUse
from projections.rebuilding.housekeeping_postgres import keep_away
from projections.rebuilding.sites import BEFORE, Comparing, Note, Positions, Side
from projections.tables import metadata, view_positions

# How long the fence waits for projectors, and they for it: less than what they call stuck.
FENCE_LOCK = "5s"
# Who reads holds an exchange up, and it in turn all who come to read. So it asks for a short while,
# less than the second after which the server takes two who wait for each other for a deadlock.
EXCHANGE_LOCK = "400ms"
EXCHANGE_ATTEMPTS = 5
EXCHANGE_PAUSE_SECONDS = 0.3
NOTE_TABLE = "rebuild_note"
_PASSING = "passing"
_NAME_BYTES_MAX = 63

_POSITIONS = f"SELECT view_group, {checkpoints.SELECT_COLUMNS} FROM"
_COLUMNS = checkpoints.INSERT_COLUMNS


class PostgresSite:
    """Works through one connection, which also holds the right to rebuild."""

    def __init__(self, url: URL) -> None:
        """`url` is that of the live views."""
        self._url = url
        self._engine = new_engine(
            url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS}
        )
        self._held: PoolProxiedConnection | None = None
        self._live = ""

    async def open(self) -> None:
        """Connect, and learn in which schema the live views are."""
        async with errors():
            self._held = await self._engine.raw_connection()
            await stuck_postgres.prepare(self._connection)
            self._live = str(
                await self._connection.fetchval(
                    "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE c.oid = to_regclass('view_positions')"
                )
            )

    async def claim(self) -> None:
        """Take the right to rebuild, which ends with the connection."""
        async with errors():
            await claim_postgres.take(self._connection, self._live)

    async def claimed(self) -> bool:
        """Whether a connection holds the lock."""
        async with errors():
            return await claim_postgres.is_taken(self._connection, self._live)

    async def close(self) -> None:
        """Let go of the right to rebuild and of the connection."""
        held, self._held = self._held, None
        if held is not None and held.driver_connection is not None:
            try:
                await claim_postgres.end(held.driver_connection)
            finally:
                held.detach()

    def database(self, side: Side) -> Database:
        """The driver takes settings of a session from nothing in the URL but a text of this kind.

        What a crash of the server takes of a side is built again, so that nobody waits for disks
        here; the exchange does, and everything before it is on disk with it.
        """
        session = {"search_path": quoted(self._schema(side)), "synchronous_commit": "off"}
        url = self._url.update_query_dict({"dsn": f"postgresql://?{urlencode(session)}"})
        return Database(url.render_as_string(hide_password=False))

    async def revision(self) -> str:
        """The revision of the live tables."""
        async with errors():
            return str(await self._connection.fetchval("SELECT version_num FROM alembic_version"))

    async def note(self, side: Side) -> Note | None:
        """What is written down of a side."""
        table = self._of(side, NOTE_TABLE)
        async with errors():
            if await self._connection.fetchval("SELECT to_regclass($1)", table) is None:
                return None
            text = await self._connection.fetchval(f"SELECT note FROM {table}")  # noqa: S608
        return None if text is None else msgspec.json.decode(text, type=Note)

    async def make(self, side: Side, note: Note) -> None:
        """Make a side. It is there once its note is."""
        await self.drop(side)
        async with errors():
            await self._connection.execute(f"CREATE SCHEMA {quoted(self._schema(side))}")
        engine = new_engine(self.database(side).url, poolclass=NullPool)
        tables = [*DERIVED, view_positions, view_failures]
        async with errors(), engine.begin() as connection:
            await connection.run_sync(lambda sync: metadata.create_all(sync, tables=tables))
        async with errors(), self._connection.transaction():
            await self._connection.execute(f"CREATE TABLE {self._of(side, NOTE_TABLE)} (note text)")
            await self._write_note(side, note)

    async def drop(self, side: Side) -> None:
        """Remove a side."""
        async with errors():
            await self._connection.execute(
                f"DROP SCHEMA IF EXISTS {quoted(self._schema(side))} CASCADE"
            )

    async def positions(self) -> Positions:
        """How far the live views are."""
        async with errors():
            return await self._positions_in("view_positions")

    async def analyze(self, side: Side) -> None:
        """Learn what lies in the side."""
        async with errors():
            for table in DERIVED:
                await self._connection.execute(f"ANALYZE {self._of(side, table.name)}")

    @asynccontextmanager
    async def fence(self) -> AsyncIterator[Positions]:
        """Every writer of views begins with the positions, so that all wait there, or have ended.

        Who reads does not wait.
        """
        async with errors(), self._connection.transaction():
            await self._connection.execute(f"SET LOCAL lock_timeout = '{FENCE_LOCK}'")
            await self._connection.execute("SET LOCAL synchronous_commit = on")
            try:
                await self._connection.execute("LOCK TABLE view_positions IN EXCLUSIVE MODE")
            except stuck_postgres.LockTimeout:
                raise ViewsInUse("another process is writing the live views") from None
            yield await self._positions_in("view_positions")

    async def prepare(self, kept: Note) -> None:
        """Nothing: the tables themselves are kept."""

    async def exchange(self, side: Side, kept: Note) -> None:
        """Move the tables, exchange the positions, and note when: one transaction."""
        await self._lock_tables(side)
        connection = self._connection
        if side != BEFORE:
            await self.drop(BEFORE)
            await connection.execute(
                f"ALTER SCHEMA {quoted(self._schema(side))}"
                f" RENAME TO {quoted(self._schema(BEFORE))}"
            )
        passing = quoted(self._schema(_PASSING))
        await connection.execute(f"CREATE SCHEMA {passing}")
        for table in DERIVED:
            for source, target in (
                (quoted(self._live), passing),
                (quoted(self._schema(BEFORE)), quoted(self._live)),
                (passing, quoted(self._schema(BEFORE))),
            ):
                await connection.execute(f"ALTER TABLE {source}.{table.name} SET SCHEMA {target}")
        await connection.execute(f"DROP SCHEMA {passing}")
        await connection.execute(f"DELETE FROM {quoted(self._live)}.{view_failures.name}")  # noqa: S608
        await self._exchange_positions(
            (checkpoints.EXCHANGE_GROUP, 0, kept.build_id, kept.kept_ms, "", -1)
        )
        await self._write_note(BEFORE, kept)

    async def settle(self) -> None:
        """Nothing is ever left: all of an exchange is one transaction."""

    @asynccontextmanager
    async def comparing(self, side: Side) -> AsyncIterator[Comparing]:
        """Two connections with a view of the database each, which nothing changes any more."""
        async with AsyncExitStack() as stack:
            connections = []
            async with errors():
                for _ in range(2):
                    held = await self._engine.raw_connection()
                    stack.callback(_let_go, held)
                    connection: Any = held.driver_connection
                    await connection.execute(
                        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1"
                    )
                    connections.append(connection)
            yield PostgresComparing(connections, self._live, self._schema(side))

    @property
    def _connection(self) -> Any:
        if self._held is None:
            raise AssertionError("the site is used before open()")
        return self._held.driver_connection

    def _schema(self, side: str) -> str:
        name = f"{self._live}_{side}"
        if len(name.encode()) > _NAME_BYTES_MAX:
            raise DatabaseUnavailable(f"the name of the schema {self._live} is too long")
        return name

    def _of(self, side: Side, table: str) -> str:
        return f"{quoted(self._schema(side))}.{table}"

    async def _write_note(self, side: Side, note: Note) -> None:
        table = self._of(side, NOTE_TABLE)
        await self._connection.execute(f"DELETE FROM {table}")  # noqa: S608
        await self._connection.execute(
            f"INSERT INTO {table} VALUES ($1)",  # noqa: S608
            msgspec.json.encode(note).decode(),
        )

    async def _positions_in(self, table: str) -> dict[str, dict[int, checkpoints.Checkpoint]]:
        found: dict[str, dict[int, checkpoints.Checkpoint]] = {}
        for group, *row in await self._connection.fetch(f"{_POSITIONS} {table}"):
            found.setdefault(group, {}).update(checkpoints.from_rows([row]))
        return found

    async def _lock_tables(self, side: Side) -> None:
        """Wait for those who read, a short while and several times. Raises ViewsInUse.

        For those, too, who have read another table alone: what they see is of that moment, and of
        tables that they come to later they would see the built ones as those were at that moment,
        short of the last records. The positions lead, since most readers begin there. And for those
        who look at the side, which may be the views of before.
        """
        tables = [*KEPT, *(table.name for table in DERIVED)]
        live = [f"{quoted(self._live)}.{one}" for one in tables]
        names = ", ".join([*live, *(self._of(side, table.name) for table in DERIVED)])
        sites = [self._live, self._schema(side), self._schema(BEFORE)]
        await keep_away(self._connection, sites, [*tables, NOTE_TABLE])
        await self._connection.execute(f"SET LOCAL lock_timeout = '{EXCHANGE_LOCK}'")
        for _ in range(EXCHANGE_ATTEMPTS):
            with suppress(asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                async with self._connection.transaction():  # a savepoint: what was got is let go
                    await self._connection.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
                return
            await asyncio.sleep(EXCHANGE_PAUSE_SECONDS)
        raise ViewsInUse

    async def _exchange_positions(self, mark: tuple[object, ...]) -> None:
        connection, groups = self._connection, list(DERIVED_GROUPS)
        live, before = f"{quoted(self._live)}.view_positions", self._of(BEFORE, "view_positions")
        taken = {}
        for table in (live, before):
            taken[table] = [
                tuple(row)
                for row in await connection.fetch(
                    f"DELETE FROM {table} WHERE view_group = ANY($1) RETURNING {_COLUMNS}",  # noqa: S608
                    groups,
                )
            ]
        await connection.execute(
            f"DELETE FROM {live} WHERE view_group = $1",  # noqa: S608
            checkpoints.EXCHANGE_GROUP,
        )
        for table, rows in ((live, [*taken[before], mark]), (before, taken[live])):
            await connection.executemany(
                f"INSERT INTO {table} ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)",  # noqa: S608
                rows,
            )


def _let_go(held: PoolProxiedConnection) -> None:
    if held.driver_connection is not None:
        held.driver_connection.terminate()
        held.detach()
