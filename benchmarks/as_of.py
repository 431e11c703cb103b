"""What stock at a moment costs, beside the stock of the same SKU now.

    python -m benchmarks.as_of [--movements 10000000] [--only sqlite] [--rounds 300]

Fills the tables of the views by SQL, as a projector would have (balances after each movement are
left out, since nothing here reads them): one SKU with so many movements over a year in 20 bins, of
which every hundredth was recorded up to 30 days late, and 4,000 others. Makes the checkpoints, and
asks: the stock now, and at moments a day back and as many movements back as there are, by either
clock, by both and by position. Prints the median of each and its ratio to the stock now, in
seconds of the clock and of this process's CPU, and what the checkpoints cost.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from projections.database import Database, parse_url
from projections.history.catching_up import catch_up
from projections.history.moments import resolve
from projections.migrate import upgrade
from projections.stores import open_store
from projections.views.stock_as_of import find_stock_as_of
from projections.views.stock_history import Walk, list_history
from projections.views.stock_queries import StockFilter, find_stock
from tests.contract.read_models.cases import LEDGER_ID, START_MS
from tests.servers import PostgresServer, running, temporary_folder

YEAR_MS = 365 * 86_400_000
DAY_MS = 86_400_000
ROWS_AT_A_TIME = 500_000
BINS = 20
OTHERS = 4_000
HISTORY_ITEMS = 100
_Work = Callable[[], Awaitable[object]]

_MOVEMENTS = """
INSERT INTO movements (partition, log_offset, recorded_ms, occurred_us, quantity, source_after,
    target_after, value, scale, late, type, cost_basis, source, source_status, target,
    target_status, sku, id, command)
SELECT {partition}, n, {start} + n * {year} / {count},
    ({start} + n * {year} / {count}
        - CASE n % 100 WHEN 0 THEN n * 7919 % 2592000000 ELSE n % 50 * 1000 END) * 1000,
    3 - n % 2, 0, 0, 2550000 * (3 - n % 2), 0, n % 100 = 0,
    CASE n % 2 WHEN 0 THEN 'receipt' ELSE 'issue' END, 'given',
    CASE n % 2 WHEN 0 THEN '@supplier' ELSE 'MAIN/' || (n / 2 % {bins}) END,
    CASE n % 2 WHEN 0 THEN NULL ELSE 'available' END,
    CASE n % 2 WHEN 0 THEN 'MAIN/' || (n / 2 % {bins}) ELSE '@customer' END,
    CASE n % 2 WHEN 0 THEN 'available' ELSE NULL END,
    {sku}, {partition} || '-' || n, '{{}}'
FROM {series}
"""
_STOCK = (
    """
INSERT INTO stock (sku, account, lot, status, scale, on_hand, overflows, partition, log_offset)
SELECT sku, account, '', status, 0, sum(quantity), 0, max(partition), max(log_offset) FROM (
    SELECT sku, source AS account, COALESCE(source_status, '') AS status, -quantity AS quantity,
        partition, log_offset FROM movements
    UNION ALL SELECT sku, target, COALESCE(target_status, ''), quantity, partition, log_offset
        FROM movements
) AS legs GROUP BY sku, account, status
""",
    """
INSERT INTO sku_totals (sku, scale, on_hand, unavailable, value, partition, log_offset)
SELECT sku, 0, sum(on_hand), 0, sum(on_hand) * 2550000, max(partition), max(log_offset)
FROM stock WHERE status <> '' GROUP BY sku
""",
)
_POSITION = """
INSERT INTO view_positions (view_group, partition, ledger_id, position, head, head_offset)
SELECT 'core', partition, '{ledger}', max(log_offset) + 1, '', max(log_offset) FROM movements
GROUP BY partition
"""


async def fill(database: Database, count: int) -> None:
    """Fill the tables of the views."""
    store = open_store(database, "core")
    await store.defer_indexes()
    engine = create_async_engine(parse_url(database.url.render_as_string(hide_password=False)))
    for partition, movements, sku in (
        (0, count, "'HOT'"),
        (1, count // 10, f"'SKU-' || (n / 2 % {OTHERS})"),
    ):
        for first in range(1, movements + 1, ROWS_AT_A_TIME):
            last = min(first + ROWS_AT_A_TIME - 1, movements)
            async with engine.begin() as connection:
                series = _series(connection, first, last)
                await connection.execute(
                    text(
                        _MOVEMENTS.format(
                            partition=partition, start=START_MS, year=YEAR_MS, count=movements,
                            bins=BINS, sku=sku, series=series,
                        )
                    )
                )  # fmt: skip
    async with engine.begin() as connection:
        for statement in (*_STOCK, _POSITION.format(ledger=LEDGER_ID)):
            await connection.execute(text(statement))
    await store.build_indexes()
    await store.close()
    async with engine.connect() as connection:
        options = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await options.execute(text("ANALYZE"))
    await engine.dispose()


def _series(connection: AsyncConnection, first: int, last: int) -> str:
    if connection.dialect.name == "sqlite":
        return (
            f"(WITH RECURSIVE one (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM one"
            f" WHERE n < {last}) SELECT n FROM one) AS numbers"
        )
    return f"generate_series({first}::bigint, {last}::bigint) AS n"


def questions(database: Database, count: int) -> dict[str, _Work]:
    """What is asked, by name."""
    day = START_MS + YEAR_MS - DAY_MS
    # As early as there is something: every other movement of the history lies behind it.
    early = START_MS + max(YEAR_MS // 1_000, 30 * YEAR_MS // count)
    end, some = count, max(count // 1_000, 30)

    async def now() -> object:
        async with database.reader() as reader:
            return await find_stock(reader, "HOT")

    def at(occurred: int | None, known: int | None, position: int | None) -> _Work:
        async def then() -> object:
            async with database.reader() as reader:
                moment = await resolve(
                    reader,
                    as_of_us=None if occurred is None else occurred * 1000,
                    as_known_at_ms=known,
                    positions=None if position is None else {0: position},
                    partitions=[0],
                )
                return await find_stock_as_of(reader, "HOT", moment)

        return then

    async def history() -> object:
        async with database.reader() as reader:
            moment = await resolve(reader, as_of_us=early * 1000, partitions=[0])
            wanted = StockFilter(sku="HOT")
            walk = Walk(moment, "occurred")
            return await list_history(reader, wanted, walk, limit=HISTORY_ITEMS)

    far = f"{count - some:,} movements back"
    return {
        "stock now": now,
        "as_of, a day back": at(day, None, None),
        f"as_of, {far}": at(early, None, None),
        "as_known_at, a day back": at(None, day, None),
        f"as_known_at, {far}": at(None, early, None),
        f"as_of_position, {end - some:,} back": at(None, None, some),
        "both clocks, a day back": at(day, day, None),
        "as_of half a year, known a day back": at(START_MS + YEAR_MS // 2, day, None),
        f"{HISTORY_ITEMS} lines of history, {far}": history,
    }


async def measure(database: Database, count: int, rounds: int) -> None:
    """Ask everything in turn, and print."""
    asked = questions(database, count)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, work in asked.items():
            began, cpu = time.perf_counter(), time.process_time()
            await work()
            found[name].append((time.perf_counter() - began, time.process_time() - cpu))
    clock_now, cpu_now = _medians(found["stock now"])
    for name, several in found.items():
        clock, cpu = _medians(several)
        print(
            f"{name:<46}{clock:>9.2f} ms  x {clock / clock_now:<6.2f}"
            f"{cpu:>9.2f} ms CPU here  x {cpu / cpu_now:.2f}",
            flush=True,
        )


def _medians(several: list[tuple[float, float]]) -> tuple[float, float]:
    clock, cpu = (statistics.median(column) * 1000 for column in zip(*several, strict=True))
    return clock, cpu


async def run(url: str, count: int, rounds: int) -> None:
    """Fill one database, make the checkpoints, and measure."""
    await upgrade(url)
    database = Database(url)
    await database.open()
    await fill(database, count)
    began, cpu = time.perf_counter(), time.process_time()
    await catch_up(database)
    clock, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"checkpoints made in {clock:.1f} s, {cpu:.1f} s CPU here, {count / clock:,.0f}/s")
    async with database.reader() as reader:
        sizes = "SELECT sum(length(sums) + length(entries)) AS bytes FROM history_slices"
        (row,) = await reader.all(text(sizes))
    print(f"checkpoints have {int(row['bytes'] or 0) / count:.0f} bytes a movement")
    await measure(database, count, rounds)
    await database.close()


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--movements", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--only", choices=("postgres", "sqlite"))
    options = parser.parse_args()
    folder: Path = temporary_folder()
    if options.only != "postgres":
        print("SQLite")
        url = f"sqlite+aiosqlite:///{folder / 'views.db'}"
        asyncio.run(run(url, options.movements, options.rounds))
    if options.only != "sqlite":
        print("PostgreSQL")
        server = PostgresServer(folder / "postgres")
        with running(server):
            asyncio.run(run(server.url, options.movements, options.rounds))


if __name__ == "__main__":
    main()
