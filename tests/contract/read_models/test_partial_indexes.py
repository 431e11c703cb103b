"""Indexes over some rows only: a query uses one only where it says that it wants none but those."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from projections.database import Database, ReadConnection
from projections.publishers.alert_queries import AlertFilter, list_alerts
from projections.publishers.alert_relay import unpublished
from projections.publishers.reorder_alerts import holding
from projections.views.movements import MovementFilter, list_movements
from projections.views.stock_queries import StockFilter, list_stock
from projections.views.supply_queries import SupplyFilter, expected_supply, list_supply_orders
from tests.contract.read_models.rebuilding.ledgers import execute

# Of a hundred rows one is in a partial index, with a text of its own.
_NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)"
)
_RARE = "CASE WHEN n % 100 = 0 THEN 'x' || n END"
_FILL = (
    "INSERT INTO stock (sku, account, lot, status, scale, on_hand, partition, log_offset)"
    f" SELECT 'S' || n, 'M', coalesce({_RARE}, ''), 'available', 0, 1, 0, n FROM numbers",
    "INSERT INTO supply_orders (partition, log_offset, recorded_ms, placed_us, expected_us,"
    " quantity, received, scale, state, id, sku, supplier, location, order_number, changed_offset)"
    " SELECT 0, n, n, n, n, 1, 0, 0, CASE WHEN n % 1000 = 0 THEN 'open' ELSE 'closed' END,"
    f" 'i' || n, 'S', 's', 'M', {_RARE}, n FROM numbers",
    "INSERT INTO alerts (alert_id, type, sku, site, partition, raised_ms, active, published,"
    " document) SELECT 'a' || n, 'stock.below_reorder_point.v1', 'S' || n, 'M', 0, n,"
    ' n % 1000 = 0, n % 1000 <> 0, \'{"time":"","data":{}}\' FROM numbers',
    "INSERT INTO movements (partition, log_offset, recorded_ms, occurred_us, quantity,"
    " source_after, target_after, value, scale, late, type, cost_basis, source, source_status,"
    " target, target_status, lot, sku, id, reference_id, command) SELECT 0, n, n, n, 1, 0, 0, 0, 0,"
    f" FALSE, 'transfer', '', 'M' || n, {_RARE}, 'M' || n, {_RARE}, {_RARE}, 'S', 'm' || n,"
    f" {_RARE}, '{{}}' FROM numbers",
)
_Ask = Callable[[ReadConnection], Awaitable[Any]]


@pytest.fixture
async def filled(database: Database) -> Database:
    """Many rows, of which few are in any partial index."""
    await execute(database, *(f"{_NUMBERS} {one}" for one in _FILL))
    if not database.is_sqlite:
        # SQLite has no statistics in the views' database either.
        await execute(database, "ANALYZE")
    return database


async def _plans(database: Database, ask: _Ask) -> str:
    """How the database goes about every query that is asked."""
    asked: list[tuple[str, Any]] = []
    engine = create_async_engine(database.url, poolclass=NullPool)

    def keep(_one: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        asked.append((statement, values))

    event.listen(engine.sync_engine, "before_cursor_execute", keep)
    async with engine.connect() as connection:
        await ask(ReadConnection(connection))
        plans = []
        for statement, values in asked.copy():
            explain = f"EXPLAIN QUERY PLAN {statement}"
            if not database.is_sqlite:
                # As from the sixth time on, when the values are not looked at any more.
                await connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
                await connection.exec_driver_sql(f"PREPARE asked AS {statement}")
                given = ", ".join(f"'{value}'" for value in values)
                explain, values = f"EXPLAIN EXECUTE asked({given})", ()
            rows = await connection.exec_driver_sql(explain, values)
            plans += [str(row[-1]) for row in rows]
            if not database.is_sqlite:
                await connection.exec_driver_sql("DEALLOCATE asked")
    await engine.dispose()
    return "\n".join(plans)


@pytest.mark.parametrize(
    ("index", "ask"),
    [
        ("stock_by_lot", lambda one: list_stock(one, StockFilter(lot="x100"), limit=5)),
        (
            "supply_orders_by_number",
            lambda one: list_supply_orders(one, SupplyFilter(order="x100"), limit=5),
        ),
        ("supply_orders_open", lambda one: expected_supply(one, "S")),
        (
            "supply_orders_open",
            lambda one: list_supply_orders(one, SupplyFilter(state="open"), limit=50),
        ),
        ("alerts_active", lambda one: one.all(holding())),
        (
            "alerts_active",
            lambda one: list_alerts(
                one,
                AlertFilter(active=True, sku="S7", site="M", type="stock.out_of_stock.v1"),
                limit=5,
            ),
        ),
        ("alerts_unpublished", lambda one: one.all(unpublished(frozenset({0, 1})))),
        ("movements_by_lot", lambda one: list_movements(one, MovementFilter(lot="x1"), limit=5)),
        (
            "movements_by_reference",
            lambda one: list_movements(one, MovementFilter(reference_id="x1"), limit=5),
        ),
        (
            "movements_by_source",
            lambda one: list_movements(one, MovementFilter(location="M1"), limit=5),
        ),
        (
            "movements_by_target",
            lambda one: list_movements(one, MovementFilter(location="M1"), limit=5),
        ),
    ],
)
async def test_a_query_uses_the_index_that_is_there_for_it(
    filled: Database, index: str, ask: _Ask
) -> None:
    """Whatever the database, and however long its history is."""
    plans = await _plans(filled, ask)
    assert index in plans, plans


async def test_stock_without_a_lot_is_found_beside_that_of_lots(filled: Database) -> None:
    """The index has only the latter."""
    async with filled.reader() as reader:
        without = await list_stock(reader, StockFilter(lot=""), limit=100_000)
        of_lot = await list_stock(reader, StockFilter(lot="x100"), limit=5)
    assert len(without.items) == 20_000 - 200
    assert [one["sku"] for one in of_lot.items] == ["S100"]
