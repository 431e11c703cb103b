"""How fast demand is read out of the views, beside the driver's plain reading of the same rows.

    python -m benchmarks.planning_read [--skus 50000] [--days 365] [--columns 5] [--only sqlite]

Makes the tables of the demand view as a year of `planning_data` fills them, and reads them to
`Days`, in order. Prints seconds, of the clock and of this process's CPU, rows, and memory.
"""

import argparse
import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiosqlite
import asyncpg

from benchmarks.planning_data import generate
from projections.database import Database
from projections.migrate import upgrade
from projections.planning.columns import COLUMNS
from projections.planning.days import Days
from projections.planning.reading import Wanted, read_days
from tests.contract.read_models.cases import LEDGER_ID
from tests.servers import PostgresServer, running, temporary_folder

ROUNDS = 3
SERIES_AT_A_TIME = 5_000
WANTED = ("issued", "issue_lines", "issued_value", "unmet", "available_net")
_POSITIONS = f"""
INSERT INTO view_positions (view_group, partition, ledger_id, position, head, head_offset)
VALUES ('core', 0, '{LEDGER_ID}', 1, '', 0), ('demand', 0, '{LEDGER_ID}', 1, '', -1)
"""
_Row = tuple[int | None, ...]


def rows_of(days: Days, first: int, until: int) -> list[_Row]:
    """Rows of the table `sku_days`; zeros are NULL, as the view writes them."""
    part = days.part(first, until)
    series = (part.series() + first).tolist()
    columns = [[amount or None for amount in part.columns[name].tolist()] for name in COLUMNS]
    return [
        (number, day, 0, 0, 1, *amounts)
        for number, day, *amounts in zip(series, part.day.tolist(), *columns, strict=True)
    ]


async def fill_postgres(url: str, days: Days) -> None:
    """By COPY."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    names = list(enumerate(zip(days.skus, days.sites, strict=True)))
    await connection.copy_records_to_table(
        "sku_sites", records=[(number, *name, 0) for number, name in names]
    )
    for first in range(0, len(days), SERIES_AT_A_TIME):
        until = min(first + SERIES_AT_A_TIME, len(days))
        await connection.copy_records_to_table("sku_days", records=rows_of(days, first, until))
    await connection.execute(_POSITIONS)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def fill_sqlite(path: Path, days: Days) -> None:
    """In one transaction."""
    async with aiosqlite.connect(path) as connection:
        names = list(enumerate(zip(days.skus, days.sites, strict=True)))
        await connection.executemany(
            "INSERT INTO sku_sites VALUES (?, ?, ?, 0)", [(number, *name) for number, name in names]
        )
        marks = ", ".join("?" * (5 + len(COLUMNS)))
        for first in range(0, len(days), SERIES_AT_A_TIME):
            until = min(first + SERIES_AT_A_TIME, len(days))
            await connection.executemany(
                f"INSERT INTO sku_days VALUES ({marks})", rows_of(days, first, until)
            )
        await connection.execute(_POSITIONS)
        await connection.commit()


async def best(name: str, work: Callable[[], Awaitable[int]]) -> None:
    """Print the best of some rounds."""
    found = []
    rows = 0
    for _ in range(ROUNDS):
        began, cpu = time.perf_counter(), time.process_time()
        rows = await work()
        found.append((time.perf_counter() - began, time.process_time() - cpu))
    clock, cpu = min(found)
    print(f"{name:<46}{clock:>8.2f} s {cpu:>8.2f} s CPU {rows / clock:>12,.0f} rows/s", flush=True)


def reading(database: Database, columns: tuple[str, ...]) -> Callable[[], Awaitable[int]]:
    """Ours."""

    async def work() -> int:
        async with database.reader() as reader:
            return len((await read_days(reader, None, Wanted(columns))).day)

    return work


def query(columns: tuple[str, ...]) -> str:
    """The same bytes, in whatever order they lie."""
    return (
        f"SELECT series, day, {', '.join(f'COALESCE({one}, 0)' for one in columns)} FROM sku_days"
    )


def plain_copy(url: str, columns: tuple[str, ...]) -> Callable[[], Awaitable[int]]:
    """COPY as PostgreSQL sends it, thrown away."""

    async def work() -> int:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))

        async def throw_away(_data: bytes) -> None:
            """Nothing."""

        said: str = await connection.copy_from_query(
            query(columns), output=throw_away, format="binary"
        )
        await connection.close()
        return int(said.split()[1])

    return work


def plain_select(path: Path, columns: tuple[str, ...]) -> Callable[[], Awaitable[int]]:
    """Rows as the driver gives them, thrown away."""

    async def work() -> int:
        count = 0
        async with (
            aiosqlite.connect(path) as connection,
            connection.execute(query(columns)) as cursor,
        ):
            while rows := await cursor.fetchmany(20_000):
                count += len(list(rows))
        return count

    return work


async def on_postgres(url: str, days: Days, columns: tuple[str, ...]) -> None:
    """Fill and measure."""
    await upgrade(url)
    await fill_postgres(url, days)
    database = Database(url)
    await database.open()
    await best("PostgreSQL: COPY, thrown away", plain_copy(url, columns))
    await best("PostgreSQL: read_days", reading(database, columns))
    await database.close()


async def on_sqlite(path: Path, days: Days, columns: tuple[str, ...]) -> None:
    """Fill and measure."""
    url = f"sqlite+aiosqlite:///{path}"
    await upgrade(url)
    await fill_sqlite(path, days)
    database = Database(url)
    await database.open()
    await best("SQLite: SELECT, thrown away", plain_select(path, columns))
    await best("SQLite: read_days", reading(database, columns))
    await database.close()


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--skus", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--columns", type=int, default=len(WANTED))
    parser.add_argument("--only", choices=("postgres", "sqlite"))
    options = parser.parse_args()
    columns = WANTED[: options.columns]
    days = generate(options.skus, options.days, columns=COLUMNS)
    print(f"{options.skus:,} SKUs, {len(days.day):,} rows, {len(columns)} columns")
    folder = temporary_folder()
    if options.only != "postgres":
        asyncio.run(on_sqlite(folder / "views.db", days, columns))
    if options.only != "sqlite":
        server = PostgresServer(folder / "postgres")
        with running(server):
            asyncio.run(on_postgres(server.url, days, columns))
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
